if(TARGET dray-server AND TARGET dray-gateway AND TARGET drayctl)
  dray_test_program(ask_tests FOLDER tests/e2e/ask DEPS net wire drive adapters/posix)
  add_dependencies(ask_tests dray-server dray-gateway drayctl)
endif()
