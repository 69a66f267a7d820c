// A server for dray-gateway that is not dray-server: the other side of docs/gateway-api.md, scripted by a test.
//
// It answers GET plan (ETag, long poll), POST reports and GET artifacts (Range) over real sockets on a thread of its own,
// and counts what went over the line. All members may be called from the test's thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "wire/gateway_api.h"

namespace dray::testing_support {

class PlanServer {
 public:
  explicit PlanServer(std::string token);
  ~PlanServer();
  PlanServer(const PlanServer&) = delete;
  PlanServer& operator=(const PlanServer&) = delete;

  std::string url() const;  // "http://127.0.0.1:PORT"

  // Publishes a plan under the next revision; server_time is set at each answer. Waiting polls return.
  void publish(core::Plan plan);
  core::Plan plan() const;
  // Makes bytes available; gives the artifact to put into a plan (hashes and size filled in).
  core::Artifact add_artifact(std::string bytes, std::string file, std::string component, std::string version);

  // The newest report of a job or a device; nothing before the first.
  std::optional<wire::JobReport> job(const std::string& id) const;
  std::optional<wire::DeviceReport> device(const std::string& id) const;
  // Waits until a job was reported in this state (or one where pred says so).
  bool wait_for_job(const std::string& id, const std::string& state, std::chrono::seconds at_most = std::chrono::seconds{60});
  bool wait_until(const std::function<bool()>& pred, std::chrono::seconds at_most = std::chrono::seconds{60});
  std::vector<wire::Report> reports() const;

  // Body bytes of artifacts that left so far.
  std::uint64_t artifact_bytes() const;
  // The next `n` artifact GETs are answered with this status and Retry-After: 1.
  void refuse_artifacts(int status, int n);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dray::testing_support
