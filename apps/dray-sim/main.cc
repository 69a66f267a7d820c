// dray-sim: a fleet of all three tiers under virtual time, with faults by seed (docs/fault-model.md).
#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/mutant.h"
#include "mutants.h"
#include "range.h"
#include "seed.h"

namespace {

using namespace dray::apps;

int run_one(const SeedCommand& command, std::uint64_t seed) {
  const SeedResult result = run_seed(command, seed, true);
  std::printf("%s%s    # %s\n", result.story.c_str(), replay(command, seed).c_str(), result.what.c_str());
  return result.passed ? 0 : 1;
}

// This build may hold deliberate bugs; the product's does not.
bool choose_mutant(const std::string& name) {
#ifdef DRAY_MUTANTS
  for (const Mutant& mutant : kMutants)
    if (mutant.name == name) return dray::mutant::choose(name), true;
  std::fprintf(stderr, "--mutant: there is no '%s'; --list-mutants shows what there is\n", name.c_str());
#else
  std::fprintf(stderr, "--mutant %s: this build holds no deliberate bugs, dray-sim-mutants does\n", name.c_str());
#endif
  return false;
}

int list_mutants() {
  for (const Mutant& mutant : kMutants)
    std::printf("%-26s %-11s %3d %s\n", std::string{mutant.name}.c_str(), std::string{mutant.check}.c_str(),
                mutant.seed, std::string{mutant.what}.c_str());
  return 0;
}

int run_many(const SeedCommand& command, const Range& range) {
  const auto failed = run_range(command, range);
  return failed.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"dray-sim: runs a simulated fleet (server, gateways, agents) with faults by seed"};
  SeedCommand command;
  Range range;
  std::uint64_t seed = 1;
  std::string seeds;
  app.add_option("--seed", seed, "one seed; a failure prints its story. From 1000001 on worlds are a swarm: each lacks "
                                 "half of the kinds of incidents, and has the newer ones")
      ->capture_default_str();
  app.add_option("--seeds", seeds, "ranges, \"1-700\" or \"1-700,1000001-1000500\"; a failure prints the line that replays it");
  app.add_option("--jobs", range.jobs, "processes for a range")->check(CLI::Range(1, 64))->capture_default_str();
  app.add_flag("--stop", range.stop_at_first, "end a range at its first failure");
  app.add_option("--pairs", range.pairs, "for a range: writes which rows of the tables were taken among which faults");
  app.add_option("--world", command.world, "small: 2 gateways, 8 devices, 3 days; week: 20, 400, 7 days")
      ->check(CLI::IsMember({"small", "week"}))
      ->capture_default_str();
  app.add_option("--mutant", command.mutant, "run with this deliberate bug (dray-sim-mutants only)");
  app.add_option("--only", command.only, "the one check whose word counts, by its name in docs/fault-model.md");
  bool list = false;
  app.add_flag("--list-mutants", list, "the deliberate bugs, with what each is");
  app.add_flag("--trace", command.trace, "print everything that happens to standard error");
  app.set_version_flag("--version", std::string{"dray-sim "} + DRAY_VERSION);
  CLI11_PARSE(app, argc, argv);
  if (list) return list_mutants();
  if (!command.mutant.empty() && !choose_mutant(command.mutant)) return 2;
  if (seeds.empty()) return run_one(command, seed);
  if (!parse_spans(seeds, range.spans)) return std::fprintf(stderr, "--seeds: write it as A-B, for example 1-1000\n"), 2;
  return run_many(command, range);
}
