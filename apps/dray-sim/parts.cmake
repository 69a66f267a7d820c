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

# With the deliberate bugs (base/mutant.h) it has another name, and nothing else is built: see the preset "mutants".
if(DRAY_MUTANTS)
  set_target_properties(dray-sim PROPERTIES OUTPUT_NAME dray-sim-mutants)
endif()
