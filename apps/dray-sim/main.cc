// dray-sim: a fleet of all three tiers under virtual time, with faults by seed (docs/fault-model.md).
#include <CLI/CLI.hpp>
#include <cstdio>

#include "range.h"
#include "seed.h"

namespace {

using namespace dray::apps;

int run_one(const SeedCommand& command, std::uint64_t seed) {
  const SeedResult result = run_seed(command, seed, true);
  std::printf("%s%s    # %s\n", result.story.c_str(), replay(command, seed).c_str(), result.what.c_str());
  return result.passed ? 0 : 1;
}

int run_many(const SeedCommand& command, const Range& range) {
  const auto failed = run_range(command, range);
  return failed.empty() ? 0 : 1;
}

bool parse_range(const std::string& text, Range& range) {
  unsigned long long first = 0, last = 0;
  if (std::sscanf(text.c_str(), "%llu-%llu", &first, &last) != 2 || first > last) return false;
  range.first = first;
  range.last = last;
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"dray-sim: runs a simulated fleet (server, gateways, agents) with faults by seed"};
  SeedCommand command;
  Range range;
  std::uint64_t seed = 1;
  std::string seeds;
  app.add_option("--seed", seed, "one seed; a failure prints its story")->capture_default_str();
  app.add_option("--seeds", seeds, "a range, \"1-1000\"; a line a failure");
  app.add_option("--jobs", range.jobs, "processes for a range")->check(CLI::Range(1, 64))->capture_default_str();
  app.add_flag("--stop", range.stop_at_first, "end a range at its first failure");
  app.add_option("--world", command.world, "small: 2 gateways, 8 devices, 3 days; week: 20, 400, 7 days")
      ->check(CLI::IsMember({"small", "week"}))
      ->capture_default_str();
  app.add_flag("--trace", command.trace, "print everything that happens to standard error");
  app.set_version_flag("--version", std::string{"dray-sim "} + DRAY_VERSION);
  CLI11_PARSE(app, argc, argv);
  if (seeds.empty()) return run_one(command, seed);
  if (!parse_range(seeds, range)) return std::fprintf(stderr, "--seeds: write it as A-B, for example 1-1000\n"), 2;
  return run_many(command, range);
}
