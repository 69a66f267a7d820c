// bench_http: CPU of a serving process per unit of work, ours and nginx's side by side. Called by ./bench.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>

#include "compare.h"
#include "load.h"
#include "net/url.h"
#include "process.h"
#include "server.h"

namespace dray::bench {

namespace {

namespace fs = std::filesystem;

// What a DDI client sends with a poll.
constexpr const char* kPollHeaders =
    "User-Agent: bench\r\nAccept: application/hal+json\r\nAuthorization: TargetToken "
    "0123456789abcdefghijklmnopqrstuv\r\n";
constexpr std::uint64_t kGiB = 1ULL << 30;

struct Options {
  std::string part = "all";
  std::string nginx = "nginx";
  std::string url;
  pid_t pid = 0;
  std::vector<std::string> headers;
  std::string json;
  std::size_t pairs = 11;
  std::uint64_t requests = 15'000;
  std::uint64_t bytes = kGiB;
  std::size_t connections = 64;
};

class Folder {
 public:
  Folder() {
    std::string name = fs::temp_directory_path() / "dray-bench-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error{"no temporary folder"};
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// Real bytes, in the page cache, as an artifact that is being handed out.
void make_file(const fs::path& path, std::uint64_t size) {
  std::ofstream file{path, std::ios::binary};
  std::string block(1 << 20, '\0');
  std::uint32_t x = 1;
  for (char& c : block) c = static_cast<char>((x = x * 1664525 + 1013904223) >> 24);
  for (std::uint64_t done = 0; done < size; done += block.size()) file.write(block.data(), std::ssize(block));
}

class Bench {
 public:
  explicit Bench(const Options& options) : options_{options} {
    fs::create_directories(files());
    make_file(files() / "128m", 128 << 20);
    make_file(files() / "16m", 16 << 20);
    nginx_.emplace(options.nginx, folder_.path() / "nginx", files());
    if (options.url.empty()) {
      ours_.emplace(std::vector<std::string>{fs::read_symlink("/proc/self/exe"), "serve", files()});
      our_port_ = static_cast<std::uint16_t>(std::stoul(ours_->read_line()));
    }
    run_on_other_processor();
  }

  // False: over a limit.
  bool run() {
    bool good = true;
    auto wants = [&](std::string_view part) { return options_.part == "all" || options_.part == part; };
    if (wants("poll")) {
      good &= poll("poll/nginx-return", "/return", 1.3);
      good &= poll("poll/nginx-static", "/static", 1.0);
    }
    if (wants("file") && options_.url.empty())
      for (std::size_t clients : {1, 8, 64}) good &= file(clients);
    if (!options_.json.empty()) std::ofstream{options_.json} << "[" << json_ << "]\n";
    return good;
  }

 private:
  fs::path files() const { return folder_.path() / "files"; }

  Load our_load() const {
    Load load;
    load.port = our_port_;
    load.target = "/poll";
    load.headers = kPollHeaders;
    if (options_.url.empty()) return load;
    auto url = net::parse_url(options_.url);
    if (!url) throw std::runtime_error{url.error().message()};
    load.host = url->host;
    load.port = url->port;
    load.target = url->target;
    if (options_.headers.empty()) return load;
    load.headers.clear();
    for (const auto& header : options_.headers) load.headers += header + "\r\n";
    return load;
  }

  bool poll(const std::string& name, const std::string& target, double limit) {
    auto ours = our_load(), peers = our_load();
    peers.host = "127.0.0.1";
    peers.port = nginx_->port();
    peers.target = target;
    ours.connections = peers.connections = options_.connections;
    ours.requests = peers.requests = options_.requests;
    auto cost = [](const Load& load, pid_t pid) {
      auto served = run_load(load, pid);
      return served.cpu_seconds * 1e6 / static_cast<double>(served.requests);
    };
    auto our_pid = options_.url.empty() ? ours_->pid() : options_.pid;
    return say(
        name,
        compare(
            options_.pairs, [&] { return cost(ours, our_pid); }, [&] { return cost(peers, nginx_->pid()); }),
        limit, "us CPU/request");
  }

  bool file(std::size_t clients) {
    Load ours;
    ours.port = our_port_;
    ours.target = clients == 64 ? "/16m" : "/128m";
    ours.connections = clients;
    ours.requests = std::max<std::uint64_t>(clients, options_.bytes / (clients == 64 ? 16 << 20 : 128 << 20));
    auto peers = ours;
    peers.port = nginx_->port();
    auto cost = [](const Load& load, pid_t pid) {
      auto served = run_load(load, pid);
      return served.cpu_seconds * static_cast<double>(kGiB) / static_cast<double>(served.body_bytes);
    };
    return say("file/" + std::to_string(clients) + "-clients",
               compare(
                   options_.pairs, [&] { return cost(ours, ours_->pid()); },
                   [&] { return cost(peers, nginx_->pid()); }),
               1.15, "s CPU/GiB");
  }

  bool say(const std::string& name, const Ratio& ratio, double limit, const char* unit) {
    bool good = ratio.median <= limit;
    std::printf("%-20s %.2f [%.2f, %.2f] limit %.2f %s   (ours %.3f, nginx %.3f %s)\n", name.c_str(),
                ratio.median, ratio.low, ratio.high, limit, good ? "ok  " : "OVER", ratio.ours, ratio.peers,
                unit);
    std::fflush(stdout);
    char text[300];
    std::snprintf(text, sizeof text,
                  "%s{\"name\":\"%s\",\"ratio\":%.4f,\"low\":%.4f,\"high\":%.4f,\"limit\":%.2f,\"ours\":%.5f,"
                  "\"peer\":%.5f,\"unit\":\"%s\"}",
                  json_.empty() ? "" : ",\n", name.c_str(), ratio.median, ratio.low, ratio.high, limit,
                  ratio.ours, ratio.peers, unit);
    json_ += text;
    return good;
  }

  Options options_;
  Folder folder_;
  std::optional<Nginx> nginx_;
  std::optional<Process> ours_;
  std::uint16_t our_port_ = 0;
  std::string json_;
};

}  // namespace

int main(int count, char** words) {
  CLI::App app{"CPU of a serving process per unit of work, ours and nginx's side by side"};
  app.require_subcommand(1);
  Options options;
  std::string folder;

  auto* run = app.add_subcommand("compare",
                                 "measure alternating pairs; exit status 1 where a median is over its limit");
  run->add_option("part", options.part, "all, poll or file")->check(CLI::IsMember({"all", "poll", "file"}));
  run->add_option("--nginx", options.nginx, "the nginx program");
  run->add_option("--pairs", options.pairs, "pairs that count")->check(CLI::Range(3, 1001));
  run->add_option("--requests", options.requests, "polls a measurement");
  run->add_option("--bytes", options.bytes, "file bytes a measurement");
  run->add_option("--json", options.json, "write the figures to this file too");

  auto* load = app.add_subcommand("load", "put a bounded load on any server, say what it cost");
  for (auto* command : {run, load}) {
    command->add_option("--connections", options.connections, "keep-alive connections that poll")
        ->check(CLI::Range(1, 4096));
    command->add_option("--header", options.headers,
                        "a header line of the poll, for example \"Authorization: TargetToken x\"");
    auto* pid = command->add_option("--pid", options.pid, "the serving process of --url");
    auto* url =
        command
            ->add_option("--url", options.url, "a server that runs already, for example a gateway's DDI poll")
            ->needs(pid);
    pid->needs(url);
    if (command == load) url->required();
  }
  load->add_option("--requests", options.requests, "requests in all");

  auto* server = app.add_subcommand("serve", "our server alone, until SIGTERM; prints its port");
  server->add_option("folder", folder, "files to serve")->required();
  CLI11_PARSE(app, count, words);

  try {
    if (*server) return serve(folder);
    if (*run) return Bench{options}.run() ? 0 : 1;
    auto url = net::parse_url(options.url);
    if (!url) throw std::runtime_error{url.error().message()};
    Load bounded{url->host, url->port, url->target, {}, options.connections, options.requests};
    for (const auto& header : options.headers) bounded.headers += header + "\r\n";
    auto served = run_load(bounded, options.pid);
    std::printf("%llu requests, %llu body bytes, %.3f us CPU/request\n",
                static_cast<unsigned long long>(served.requests),
                static_cast<unsigned long long>(served.body_bytes),
                served.cpu_seconds * 1e6 / static_cast<double>(served.requests));
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench_http: %s\n", e.what());
    return 2;
  }
}

}  // namespace dray::bench

int main(int count, char** words) { return dray::bench::main(count, words); }
