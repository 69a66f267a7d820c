// dray-forecast: plays a rollout that is only asked about through the simulator and prints when it may end, as JSON
// (docs/forecast.md). drayctl rollout plan FILE --simulate calls it.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>

#include "progress.h"
#include "sim/forecast/forecast.h"

namespace {

using namespace dray;

Result<std::string> read_input(const std::string& path) {
  if (path == "-") return std::string{std::istreambuf_iterator<char>{std::cin}, {}};
  std::ifstream in{path, std::ios::binary};
  if (!in) return Error{ErrorCode::kNotFound, path + ": can not be read"};
  return std::string{std::istreambuf_iterator<char>{in}, {}};
}

Result<> run(const std::string& path, const sim::forecast::Options& options, bool quiet) {
  DRAY_TRY(const std::string text, read_input(path));
  const auto rollout = wire::decode_forecast(text);
  if (!rollout) return rollout.error().with_context(path == "-" ? "standard input" : path);
  apps::Progress progress{quiet};
  const auto on_progress = [&](std::size_t done, std::size_t all) { progress.show(done, all); };
  DRAY_TRY(const sim::forecast::Forecast answer, sim::forecast::forecast(*rollout, options, on_progress));
  progress.end();
  std::cout << wire::to_text(sim::forecast::encode(answer)) << "\n";
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"dray-forecast: when a rollout may end, played through the simulator (production gateway and agents)"};
  std::string path = "-";
  sim::forecast::Options options;
  bool quiet = false;
  app.add_option("file", path, "the facts, as POST /api/v1/rollouts/plan?facts=true answers them; - = standard input")
      ->capture_default_str();
  app.add_option("--runs", options.runs, "how often each site is played")->check(CLI::Range(1, 1'000))->capture_default_str();
  app.add_option("--sites", options.most_sites, "at most so many sites; 0: all")->capture_default_str();
  app.add_option("--seed", options.seed, "of all draws: the same gives the same answer")->capture_default_str();
  app.add_flag("--quiet", quiet, "no progress");
  app.set_version_flag("--version", std::string{"dray-forecast "} + DRAY_VERSION);
  CLI11_PARSE(app, argc, argv);
  const auto done = run(path, options, quiet);
  if (!done) std::fprintf(stderr, "dray-forecast: %s\n", done.error().message().c_str());
  return done ? 0 : 1;
}
