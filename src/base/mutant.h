// Deliberate bugs, for proving that the simulator's checks find them:
//
//   if (DRAY_MUTANT("skip_hash")) return {};
//
// False in every product, and none of the names is in one: tests/integration/mutants looks. A build of its own (the
// preset "mutants") makes dray-sim-mutants, which runs the one that is chosen. In .cc files only;
// apps/dray-sim/mutants.h says what each is and which check finds it.
#pragma once

#ifdef DRAY_MUTANTS
#include <string_view>

namespace dray::mutant {
void choose(std::string_view name);  // once, before anything runs; the only global of that program
bool active(std::string_view name);
}  // namespace dray::mutant

#define DRAY_MUTANT(name) ::dray::mutant::active("mutant:" name)
#else
#define DRAY_MUTANT(name) false
#endif
