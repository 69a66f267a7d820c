// bench_gateway: what polls and files cost dray-gateway and nginx, side by side. Called by ./bench.
#include <sched.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "compare.h"
#include "load.h"
#include "nginx.h"
#include "support/built.h"
#include "site.h"
#include "table.h"

namespace dray::bench {
namespace {

constexpr int kPollers = 64;
constexpr std::uint64_t kMiB = 1 << 20, kGiB = 1 << 30;
constexpr std::uint64_t kPolls = 15'000, kFileBytes = kGiB;  // of one measurement
constexpr const char* kPollFolder = "/DEFAULT/controller/v1/";

// Downloads at a time, and what is downloaded.
struct Load {
  int clients;
  const char* kind;
  std::uint64_t bytes;
};
constexpr Load kLoads[] = {{1, "large", 128 * kMiB}, {8, "large", 128 * kMiB}, {64, "small", 16 * kMiB}};

// Servers on one processor, load on another, so that they do not move each other about. A container may
// forbid it.
void run_on(unsigned processor) {
  if (std::thread::hardware_concurrency() < 2) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  (void)::sched_setaffinity(0, sizeof set, &set);
}

class Bench {
 public:
  Bench(const std::string& nginx, const std::filesystem::path& folder, std::size_t rounds)
      : rounds_{rounds},
        site_{testing_support::built("dray-gateway"),
              folder / "site",
              {{"idle", kPollers},
               {"offer", kPollers, kMiB},
               {"small", 64, 16 * kMiB},
               {"large", 8, 128 * kMiB}}},
        nginx_{nginx, folder / "nginx", content()} {
    run_on(1);
  }

  void poll(const std::string& kind) {
    const auto requests = Site::polls(kind, kPollers);
    Clients ours{site_.port(), site_.pid(), requests}, returned{nginx_.return_port(), nginx_.pid(), requests},
        file{nginx_.file_port(), nginx_.pid(), requests};
    const auto cost = [](Clients& clients) {
      return [&clients] { return clients.run(kPolls).cpu_seconds * 1e6 / static_cast<double>(kPolls); };
    };
    const std::string what = "poll, " + kind;
    const auto costs = measure(rounds_, {cost(ours), cost(returned), cost(file)}, progress(what));
    table_.add(what, "return 200", ratio_of(costs[0], costs[1]), {1.3, 1.0}, "us CPU");
    table_.add(what, "static file", ratio_of(costs[0], costs[2]), {1.0, 1.0}, "us CPU");
  }

  void file(const Load& load) {
    const std::uint64_t requests = kFileBytes / load.bytes;
    const auto asked = site_.downloads(load.kind, load.clients);
    Clients ours{site_.port(), site_.pid(), asked}, theirs{nginx_.file_port(), nginx_.pid(), asked};
    const auto cost = [requests](Clients& all) {
      return [&all, requests] {
        const Served served = all.run(requests);
        return served.cpu_seconds * static_cast<double>(kGiB) / static_cast<double>(served.body_bytes);
      };
    };
    const std::string what =
        "file, " + std::to_string(load.clients) + (load.clients == 1 ? " client" : " clients");
    const auto costs = measure(rounds_, {cost(ours), cost(theirs)}, progress(what));
    table_.add(what, "sendfile", ratio_of(costs[0], costs[1]), {1.15, 1.0}, "s CPU/GiB");
  }

  const Table& table() const { return table_; }

 private:
  // For nginx: the same paths, the same bytes, the very same files.
  Nginx::Content content() const {
    Nginx::Content out;
    for (const std::string kind : {"idle", "offer"}) {
      for (const auto& request : Site::polls(kind, kPollers))
        out.files[path_of(request)] = site_.answer_to(request);
      out.returned[kPollFolder + kind] = out.files[path_of(Site::polls(kind, 1)[0])];
    }
    for (const Load& load : kLoads)
      for (const auto& request : site_.downloads(load.kind, load.clients))
        out.linked[path_of(request)] = site_.stored(load.kind);
    return out;
  }
  std::function<void(std::size_t)> progress(std::string what) const {
    return [this, what = std::move(what)](std::size_t done) { table_.progress(what, done, rounds_); };
  }

  std::size_t rounds_;
  Site site_;
  Nginx nginx_;
  Table table_;
};

}  // namespace

int run(const std::string& part, const std::string& nginx, std::size_t rounds, const std::string& json) {
  const testing_support::TempFolder folder;
  run_on(0);
  Bench bench{nginx, folder.path(), rounds};
  if (part != "file")
    for (const char* kind : {"idle", "offer"}) bench.poll(kind);
  if (part != "poll")
    for (const Load& load : kLoads) bench.file(load);
  if (!json.empty()) bench.table().write_json(json);
  return bench.table().end() ? 0 : 1;
}

}  // namespace dray::bench

int main(int count, char** words) {
  CLI::App app{"CPU of the serving process per unit of work, dray-gateway's and nginx's side by side"};
  std::string part = "all", nginx = "nginx", json;
  std::size_t rounds = 11;
  app.add_option("part", part, "all, poll or file")->check(CLI::IsMember({"all", "poll", "file"}));
  app.add_option("--nginx", nginx, "the nginx program");
  app.add_option("--rounds", rounds, "rounds that count")->check(CLI::Range(3, 1001));
  app.add_option("--json", json, "write the figures to this file too");
  CLI11_PARSE(app, count, words);
  try {
    return dray::bench::run(part, nginx, rounds, json);
  } catch (const std::exception& error) {
    return std::fprintf(stderr, "bench_gateway: %s\n", error.what()), 2;
  }
}
