dray_test_program(agent_tests FOLDER tests/integration/agent DEPS agent net adapters/posix adapters/toml)
add_dependencies(agent_tests dray-agent)
