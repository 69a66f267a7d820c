dray_test_program(server_tests FOLDER tests/integration/server DEPS wire adapters/posix adapters/sqlite)
add_dependencies(server_tests dray-server drayctl dray-forecast dray-gateway)
