// A server for a gateway that is not dray-server: the other side of docs/gateway-api.md, scripted by a story.
// It never loses power; what it knows of the site is the fold of the reports, and nothing else.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "drive/signal.h"
#include "ports/http.h"
#include "sim/node.h"
#include "wire/gateway_api.h"

namespace dray::sim {

// Bytes of an artifact, never changed.
class MemoryFile final : public File {
 public:
  explicit MemoryFile(std::string bytes) : bytes_{std::move(bytes)} {}
  Result<std::size_t> read(std::uint64_t at, std::span<std::byte> out) const override;
  Result<> write(std::uint64_t, ByteView) override { return Error{ErrorCode::kDenied, "read only"}; }
  Result<> sync() override { return {}; }
  std::uint64_t size() const override { return bytes_.size(); }

 private:
  std::string bytes_;
};

// Range, ETag and 404 as both doors answer them.
HttpResponse answer_file(const HttpRequest& request, std::shared_ptr<const File> file,
                         const std::string& tag);

core::Artifact describe_artifact(const std::string& bytes, std::string component, std::string version,
                                 std::int64_t module_id);

class PlanServer final : public HttpHandler {
 public:
  // On a node that is up and stays up.
  PlanServer(Node& node, std::string token) : node_{node}, token_{std::move(token)} {}

  core::Artifact add_artifact(std::string bytes, std::string component, std::string version);
  // The next revision, unless the plan is the same; held polls are answered at once.
  void publish(core::Plan plan);
  const core::Plan& plan() const { return plan_; }

  // The newest report of a job; null before the first.
  const wire::JobReport* job(const std::string& id) const;
  const wire::DeviceReport* device(const std::string& id) const;
  // What the gateway did that the contract forbids: a lower number, a result that changed.
  const std::vector<std::string>& complaints() const { return complaints_; }

  Task<HttpResponse> handle(HttpRequest request, Stop& stop) override;

 private:
  Task<HttpResponse> answer_plan(HttpRequest request, Stop& stop);
  HttpResponse take_reports(std::string_view body);
  void fold(wire::Report report);

  Node& node_;
  std::string token_;
  core::Plan plan_;
  Signal changed_;
  std::map<std::string, std::shared_ptr<const File>> artifacts_;
  std::map<std::string, wire::Report> newest_;  // by subject
  core::ReportsSeen seen_;
  std::vector<std::string> complaints_;
  std::int64_t next_module_ = 31;
};

}  // namespace dray::sim
