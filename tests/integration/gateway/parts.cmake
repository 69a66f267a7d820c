if(TARGET dray-gateway)
  dray_test_program(gateway_tests FOLDER tests/integration/gateway DEPS net wire drive adapters/posix)
  add_dependencies(gateway_tests dray-gateway dray-relay)
endif()
