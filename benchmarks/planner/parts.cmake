dray_program(bench_planner FOLDER benchmarks/planner DEPS core)
target_include_directories(bench_planner PRIVATE ${CMAKE_SOURCE_DIR}/benchmarks/planner)
