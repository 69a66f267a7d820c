if(TARGET dray-server AND TARGET dray-gateway AND TARGET dray-agent AND TARGET drayctl)
  dray_test_program(claims_system_tests FOLDER tests/claims/system DEPS net wire drive adapters/posix)
  add_dependencies(claims_system_tests dray-server dray-gateway dray-agent drayctl)
endif()
