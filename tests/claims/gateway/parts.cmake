if(TARGET dray-gateway)
  dray_test_program(claims_gateway_tests FOLDER tests/claims/gateway DEPS net wire drive adapters/posix)
  add_dependencies(claims_gateway_tests dray-gateway dray-relay packages)
endif()
