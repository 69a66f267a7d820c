dray_program(dray-agent SMALL DEPS agent net adapters/posix adapters/toml)
