dray_program(dray-sim DEPS sim)

# An allocator for what makes and drops small things all the time. Sanitizers bring their own.
find_library(DRAY_ALLOCATOR NAMES tcmalloc_minimal libtcmalloc_minimal.so.4)
mark_as_advanced(DRAY_ALLOCATOR)
function(with_allocator name)
  if(DRAY_ALLOCATOR AND NOT DRAY_SANITIZE)
    target_link_libraries(${name} PRIVATE ${DRAY_ALLOCATOR})
  endif()
endfunction()
with_allocator(dray-sim)

# The same program with deliberate bugs (base/mutant.h). Only the sources that hold one are compiled again; the
# linker takes these objects before the libraries', which so stay what the products are made of. Built by
# ./test --mutants alone.
if(DRAY_PROGRAMS)
  dray_sources(candidates src)
  set(mutated ${CMAKE_SOURCE_DIR}/src/base/mutant.cc)
  foreach(path ${candidates})
    file(STRINGS ${path} found REGEX "DRAY_MUTANT\\(" LIMIT_COUNT 1)
    if(found)
      list(APPEND mutated ${path})
    endif()
  endforeach()
  dray_sources(own apps/dray-sim)
  add_executable(dray-sim-mutants EXCLUDE_FROM_ALL ${own} ${mutated})
  target_compile_definitions(dray-sim-mutants PRIVATE DRAY_MUTANTS)
  set_target_properties(dray-sim-mutants PROPERTIES UNITY_BUILD OFF)  # an object a source, as the libraries have them
  target_precompile_headers(dray-sim-mutants REUSE_FROM dray_pch)
  target_include_directories(dray-sim-mutants PRIVATE ${CMAKE_BINARY_DIR}/generated)
  target_link_libraries(dray-sim-mutants PRIVATE dray_sim)
  with_allocator(dray-sim-mutants)
  set_target_properties(dray-sim-mutants PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/tools)
endif()
