// bench_planner: the planner against what no schedule can beat. Called by ./bench.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <ctime>
#include <fstream>

#include "core/schedule/planner_testing.h"
#include "fleet.h"

namespace dray::bench {

namespace {

constexpr double kDay = 86'400;
constexpr std::size_t kFull = 100'000;

struct Options {
  std::size_t seeds = 3;
  std::string json;
};

double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// One figure: the worst over the seeds counts.
struct Figure {
  std::string name;
  double worst = 0, limit = 0;
  std::string detail;  // of the worst
  bool ok() const { return worst <= limit; }
};

class Bench {
 public:
  explicit Bench(const Options& options) : options_{options} {}

  bool run() {
    FleetShape open;
    open.windows = false;
    open.delivery = core::Delivery::kPull;
    open.largest = 400e6;
    last_arrival("open, many after one another", open, 3 * kDay);
    last_arrival("open, an hour in all", open, 3600);
    last_arrival("open, the slowest decides", open, 1200);
    FleetShape equal = open;  // where starts alone, one after another, end a tenth too late
    equal.sites = 1001, equal.classes = 1;
    equal.smallest = equal.largest = 1e9;
    equal.slowest = equal.fastest = 1e6;
    last_arrival("open, 1001 equal sites", equal, 10'010);

    FleetShape pull;
    pull.delivery = core::Delivery::kPull;
    pull.updates_any_time = true;
    pull.largest = 600e6;
    last_arrival("windows, caps, expiries: last arrival, tight", pull, 3 * kDay);
    last_arrival("windows, caps, expiries: last arrival", pull, 1.5 * kDay);

    const FleetShape push;
    for (const double load : {4.0, 8.0, 16.0, 32.0})
      on_time("windows, caps, expiries: sites on time", push, load * kDay);
    FleetShape distinct;
    distinct.sites = distinct.classes = 500;
    for (const double load : {4.0, 16.0}) on_time("the same, 500 sites all different", distinct, load * kDay);

    figures_.push_back({"CPU seconds for 100,000 sites", slowest_, 1.0, slowest_name_});
    return report();
  }

 private:
  struct Result {
    std::vector<core::SiteTimes> times;
    core::BudgetStep egress;
    double rate = 0;
  };

  // An egress that needs `seconds` for all bytes.
  Result plan(const std::string& name, const Fleet& fleet, double seconds) {
    Result out;
    out.rate = std::floor(fleet.bytes / seconds);
    out.egress = {kNow - std::chrono::hours{1}, BytesPerSecond{static_cast<std::uint64_t>(out.rate)}};
    const double begin = cpu_seconds();
    out.times = core::plan_times({kNow, fleet.sites, {&out.egress, 1}, {}});
    const double took = cpu_seconds() - begin;
    if (fleet.sites.size() == kFull && took > slowest_) slowest_ = took, slowest_name_ = name;
    return out;
  }

  void last_arrival(const std::string& name, FleetShape shape, double seconds) {
    Figure figure{name, 0, 1.05, ""};
    for (shape.seed = 1; shape.seed <= options_.seeds; ++shape.seed) {
      const Fleet fleet = make_fleet(shape);
      const Result result = plan(name, fleet, seconds);
      double last = 0;
      bool all = true;
      for (const core::SiteTimes& times : result.times) {
        all = all && times.fits();
        if (times.fetched_at)
          last = std::max(last, static_cast<double>((*times.fetched_at - kNow).count()) / 1000);
      }
      const double bound = shape.windows ? least_makespan(fleet.classes, result.rate)
                                         : std::max(fleet.bytes / result.rate, fleet.slowest);
      char detail[120];
      std::snprintf(detail, sizeof detail, "%.0f s / %.0f s%s", last, bound, all ? "" : ", NOT ALL FIT");
      keep(figure, all && bound > 0 ? last / bound : 99, detail);
    }
    figures_.push_back(figure);
  }

  void on_time(const std::string& name, FleetShape shape, double seconds) {
    char load[40];
    std::snprintf(load, sizeof load, ", %.0f days of egress", seconds / kDay);
    Figure figure{name + load, 0, 1.05, ""};
    for (shape.seed = 1; shape.seed <= options_.seeds; ++shape.seed) {
      const Fleet fleet = make_fleet(shape);
      const Result result = plan(figure.name, fleet, seconds);
      const auto fit =
          std::count_if(result.times.begin(), result.times.end(), [](auto& times) { return times.fits(); });
      const double bound = most_on_time(fleet.classes, result.rate);
      char detail[120];
      std::snprintf(detail, sizeof detail, "bound %.0f / %td sites; greedy %td", bound, fit,
                    greedy_fits(fleet, result.egress));
      keep(figure, bound / static_cast<double>(fit), detail);
    }
    figures_.push_back(figure);
  }

  static std::ptrdiff_t greedy_fits(const Fleet& fleet, const core::BudgetStep& egress) {
    const core::Slots slots = core::Slots::covering(kNow, kNow + std::chrono::hours{24 * 29});
    std::vector<core::Demand> demands;
    for (const core::SiteTask& site : fleet.sites)
      demands.push_back(core::demand_of(site, slots, site.expires_at));
    return core::testing::greedy(demands, slots, {&egress, 1}).fits;
  }

  static void keep(Figure& figure, double value, const char* detail) {
    if (value <= figure.worst) return;
    figure.worst = value;
    figure.detail = detail;
  }

  bool report() const {
    bool ok = true;
    std::string json;
    for (const Figure& f : figures_) {
      std::printf("%-66s %6.3f limit %.2f %s (%s)\n", f.name.c_str(), f.worst, f.limit,
                  f.ok() ? "ok" : "OVER", f.detail.c_str());
      char line[256];
      std::snprintf(line, sizeof line, R"(%s{"name":"%s","worst":%.4f,"limit":%.2f,"ok":%s})",
                    json.empty() ? "" : ",", f.name.c_str(), f.worst, f.limit, f.ok() ? "true" : "false");
      json += line;
      ok = ok && f.ok();
    }
    if (!options_.json.empty()) std::ofstream{options_.json} << "[" << json << "]\n";
    return ok;
  }

  Options options_;
  std::vector<Figure> figures_;
  double slowest_ = 0;
  std::string slowest_name_;
};

int run(int argc, char** argv) {
  Options options;
  CLI::App app{"Times the planner and compares its schedules with bounds that no schedule can beat."};
  app.add_option("--seeds", options.seeds, "fleets of each kind; the worst counts")
      ->check(CLI::Range(1, 100));
  app.add_option("--json", options.json, "write the figures as JSON too");
  CLI11_PARSE(app, argc, argv);
  return Bench{options}.run() ? 0 : 1;
}

}  // namespace

}  // namespace dray::bench

int main(int argc, char** argv) { return dray::bench::run(argc, argv); }
