dray_program(dray-agent DEPS agent net adapters/posix adapters/toml)
