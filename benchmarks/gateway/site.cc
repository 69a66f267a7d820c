#include "site.h"

#include <chrono>
#include <random>
#include <stdexcept>
#include <thread>

#include "load.h"
#include "support/gateway_process.h"

namespace dray::bench {
namespace {

using namespace std::chrono_literals;

std::string device_name(const std::string& kind, int number) {
  return kind + (number < 10 ? "-0" : "-") + std::to_string(number);
}

// 32 characters, as the server makes them; each device has another.
std::string token_of(const std::string& device) { return sha256_of(as_bytes(device)).hex().substr(0, 32); }

std::string firmware(std::uint64_t size) {
  std::mt19937_64 generator{size};
  std::string out(size, '\0');
  for (std::size_t i = 0; i + 8 <= out.size(); i += 8) {
    const std::uint64_t word = generator();
    std::copy_n(reinterpret_cast<const char*>(&word), 8, out.data() + i);
  }
  return out;
}

std::string path_to(const std::string& device) { return "/DEFAULT/controller/v1/" + device; }

// What hawkBit's clients send; the Host of a gateway on its LAN.
std::string request_text(const std::string& method, const std::string& path, const std::string& device,
                         const std::string& more = "") {
  return method + " " + path + " HTTP/1.1\r\nHost: gateway.site.example:8090\r\nUser-Agent: bench\r\n" +
         "Accept: application/hal+json\r\nAuthorization: TargetToken " + token_of(device) + "\r\n" + more +
         "\r\n";
}

}  // namespace

Site::Site(const std::string& program, const std::filesystem::path& folder, const std::vector<Kind>& kinds)
    : folder_{folder} {
  publish(kinds);
  start(program);
  for (const Kind& kind : kinds) settle(kind);
}

void Site::publish(const std::vector<Kind>& kinds) {
  const WallTime now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
  core::Plan plan;
  plan.site = SiteId{"bench"};
  plan.action_ids = {{1101, 1'001'100}};
  plan.limits.concurrency = 1000;
  plan.device_types = {{.name = "board", .components = {"os"}, .order = {{"os"}}}};
  plan.assignments = {{.id = AssignmentId{"r1"},
                       .rollout = RolloutId{"r1"},
                       .planned_at = now - 1s,
                       .expires_at = now + 24h}};
  for (const Kind& kind : kinds) {
    if (kind.artifact_bytes > 0) {
      artifacts_[kind.name] =
          server_.add_artifact(firmware(kind.artifact_bytes), kind.name + ".img", "os", "2");
      plan.artifacts.push_back(artifacts_[kind.name]);
    }
    for (int i = 1; i <= kind.devices; ++i) {
      const std::string name = device_name(kind.name, i);
      plan.devices.push_back({.name = DeviceId{name},
                              .type = "board",
                              .token_sha256 = sha256_of(as_bytes(token_of(name))).hex()});
      if (kind.artifact_bytes == 0) continue;
      plan.assignments[0].jobs.push_back(
          {JobId{"r1-" + name}, DeviceId{name}, {{artifacts_[kind.name].sha256}}});
    }
  }
  server_.publish(std::move(plan));
}

// The quota of a device is counted for every request, as always; it is only wide enough here for a device
// that polls thousands of times a second.
void Site::start(const std::string& program) {
  std::filesystem::create_directories(folder_ / "data");
  const std::string file = folder_ / "gateway.toml";
  testing_support::write_file(
      file,
      "data = \"data\"\nlisten = \"127.0.0.1:0\"\nlocal_listen = \"127.0.0.1:0\"\n[server]\nurl = \"" +
          server_.url() +
          "\"\ntoken = \"bench-token\"\n[devices]\nrequests_per_second = 1000000\nrequest_burst = 1000000\n");
  gateway_ = std::make_unique<testing_support::Process>(std::vector<std::string>{program, "--config", file});
  port_ = static_cast<std::uint16_t>(testing_support::port_in_log(*gateway_, "devices"));
}

// Each device says what it is, as it does at its first contact, and polls until it is shown what it has to
// do.
void Site::settle(const Kind& kind) {
  const std::string about = R"({"data":{"hw":"rev 3"}})";
  const std::string more =
      "Content-Type: application/json\r\nContent-Length: " + std::to_string(about.size()) + "\r\n";
  for (int i = 1; i <= kind.devices; ++i) {
    const std::string name = device_name(kind.name, i), path = path_to(name);
    wait_until(
        [&] { return answer_to(request_text("PUT", path + "/configData", name, more) + about).empty(); });
    if (kind.artifact_bytes == 0) continue;
    wait_until([&] {
      return answer_to(request_text("GET", path, name)).find("deploymentBase") != std::string::npos;
    });
  }
}

// The plan is on its way, artifacts are being stored.
void Site::wait_until(const std::function<bool()>& is_so) const {
  std::string last = "not what was expected";
  for (int i = 0; i < 6000; ++i) {
    try {
      if (is_so()) return;
    } catch (const std::runtime_error& error) {
      last = error.what();
    }
    std::this_thread::sleep_for(10ms);
  }
  throw std::runtime_error{"the gateway does not get ready: " + last + "\n" + gateway_->output()};
}

std::string path_of(const std::string& request) {
  const auto from = request.find(' ') + 1;
  return request.substr(from, request.find(' ', from) - from);
}

std::vector<std::string> Site::polls(const std::string& kind, int count) {
  std::vector<std::string> out;
  for (int i = 1; i <= count; ++i)
    out.push_back(request_text("GET", path_to(device_name(kind, i)), device_name(kind, i)));
  return out;
}

std::vector<std::string> Site::downloads(const std::string& kind, int count) const {
  const core::Artifact& artifact = artifacts_.at(kind);
  const std::string rest =
      "/softwaremodules/" + std::to_string(artifact.module_id) + "/artifacts/" + artifact.file;
  std::vector<std::string> out;
  for (int i = 1; i <= count; ++i)
    out.push_back(request_text("GET", path_to(device_name(kind, i)) + rest, device_name(kind, i)));
  return out;
}

std::filesystem::path Site::stored(const std::string& kind) const {
  return folder_ / "data/blobs" / artifacts_.at(kind).sha256.hex();
}

std::string Site::answer_to(const std::string& request) const { return body_of(port_, request); }

}  // namespace dray::bench
