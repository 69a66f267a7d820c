dray_program(bench_http FOLDER benchmarks/http DEPS net adapters/posix)
target_include_directories(bench_http PRIVATE ${CMAKE_SOURCE_DIR}/benchmarks/http)
