dray_program(bench_gateway FOLDER benchmarks/gateway DEPS test_support net wire adapters/posix)
target_include_directories(bench_gateway PRIVATE ${CMAKE_SOURCE_DIR}/benchmarks/gateway ${CMAKE_BINARY_DIR}/generated)
add_dependencies(bench_gateway dray-gateway)
