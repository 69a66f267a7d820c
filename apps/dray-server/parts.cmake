dray_program(dray-server DEPS server net adapters/posix adapters/toml adapters/sqlite adapters/zones)
