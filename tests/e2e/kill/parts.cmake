if(TARGET dray-server AND TARGET dray-gateway AND TARGET dray-agent AND TARGET drayctl)
  dray_test_program(kill_tests FOLDER tests/e2e/kill DEPS core net wire drive adapters/posix)
  add_dependencies(kill_tests dray-server dray-gateway dray-agent drayctl)
endif()
