if(TARGET dray-gateway)
  dray_test_program(swupdate_tests FOLDER tests/interop/swupdate DEPS net wire drive adapters/posix)
  add_dependencies(swupdate_tests dray-gateway dray-relay)
endif()
