dray_program(dray-gateway DEPS gateway net adapters/posix adapters/sqlite adapters/toml)
