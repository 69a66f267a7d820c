dray_program(drayctl DEPS ctl net adapters/posix adapters/toml)
