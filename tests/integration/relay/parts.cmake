dray_test_program(relay_tests FOLDER tests/integration/relay DEPS relay)
