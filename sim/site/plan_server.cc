#include "sim/site/plan_server.h"

#include <algorithm>

#include "core/rollout/result.h"
#include "wire/range.h"

namespace dray::sim {
namespace {

constexpr std::chrono::seconds kHold{55};

std::string after_prefix(std::string_view target, std::string_view prefix) {
  target = target.substr(0, target.find('?'));
  return target.starts_with(prefix) ? std::string{target.substr(prefix.size())} : std::string{};
}

}  // namespace

Result<std::size_t> MemoryFile::read(std::uint64_t at, std::span<std::byte> out) const {
  if (at >= bytes_.size()) return std::size_t{0};
  const std::size_t n = std::min<std::size_t>(out.size(), bytes_.size() - static_cast<std::size_t>(at));
  std::copy_n(reinterpret_cast<const std::byte*>(bytes_.data()) + at, n, out.begin());
  return n;
}

HttpResponse answer_file(const HttpRequest& request, std::shared_ptr<const File> file,
                         const std::string& tag) {
  const std::uint64_t size = file->size();
  const auto answer = wire::answer_range({.range = request.headers.find("Range"),
                                          .if_range = request.headers.find("If-Range"),
                                          .is_get = request.method == Method::kGet,
                                          .size = size,
                                          .tag = tag});
  HttpResponse response{answer.status};
  response.headers.add("ETag", "\"" + tag + "\"");
  response.headers.add("Accept-Ranges", "bytes");
  if (answer.status == 416) response.headers.add("Content-Range", wire::unsatisfied_range(size));
  if (answer.status != 200 && answer.status != 206) return response;
  FileSlice slice{std::move(file), 0, size, nullptr};
  if (answer.status == 206) {
    slice.offset = answer.ranges.front().offset;
    slice.length = answer.ranges.front().length;
    response.headers.add("Content-Range", wire::content_range(answer.ranges.front(), size));
  }
  response.body = std::move(slice);
  return response;
}

core::Artifact describe_artifact(const std::string& bytes, std::string component, std::string version,
                                 std::int64_t module_id) {
  core::Artifact out;
  out.sha256 = sha256_of(as_bytes(bytes));
  Hasher sha1{Hasher::Kind::kSha1};
  sha1.update(as_bytes(bytes));
  out.sha1 = sha1.finish_hex();
  out.md5 = md5_of(as_bytes(bytes));
  out.size = bytes.size();
  out.name = component;
  out.file = component + ".img";
  out.component = std::move(component);
  out.version = std::move(version);
  out.module_id = module_id;
  return out;
}

core::Artifact PlanServer::add_artifact(std::string bytes, std::string component, std::string version) {
  core::Artifact artifact =
      describe_artifact(bytes, std::move(component), std::move(version), next_module_++);
  artifacts_.insert_or_assign(artifact.sha256.hex(), std::make_shared<MemoryFile>(std::move(bytes)));
  return artifact;
}

void PlanServer::publish(core::Plan plan) {
  plan.revision = plan_.revision;
  if (plan == plan_) return;
  plan.revision += 1;
  plan_ = std::move(plan);
  changed_.notify();
}

const wire::JobReport* PlanServer::job(const std::string& id) const {
  const auto found = newest_.find("job/" + id);
  return found == newest_.end() ? nullptr : std::get_if<wire::JobReport>(&found->second.body);
}

const wire::DeviceReport* PlanServer::device(const std::string& id) const {
  const auto found = newest_.find("device/" + id);
  return found == newest_.end() ? nullptr : std::get_if<wire::DeviceReport>(&found->second.body);
}

Task<HttpResponse> PlanServer::handle(HttpRequest request, Stop& stop) {
  if (request.headers.get("Authorization") != "Bearer " + token_) co_return HttpResponse{401};
  const std::string path = after_prefix(request.target, "/gateway/v1");
  if (path == "/plan") co_return co_await answer_plan(std::move(request), stop);
  if (path == "/reports" && request.body) {
    auto body = co_await read_all(*request.body, wire::kMostReportBytes);
    if (!body) co_return HttpResponse{400};
    co_return take_reports(*body);
  }
  const std::string sha = after_prefix(request.target, "/gateway/v1/artifacts/");
  const auto found = artifacts_.find(sha);
  if (found == artifacts_.end()) co_return HttpResponse{404};
  co_return answer_file(request, found->second, sha);
}

Task<HttpResponse> PlanServer::answer_plan(HttpRequest request, Stop& stop) {
  SimClock& clock = node_.clock();
  const bool waits = request.headers.get("Prefer").find("wait=") != std::string_view::npos;
  const SteadyTime until = clock.steady() + (waits ? kHold : std::chrono::seconds{0});
  for (;;) {
    const auto generation = changed_.generation();
    const std::string tag = "\"" + std::to_string(plan_.revision) + "\"";
    if (request.headers.get("If-None-Match") != tag) {
      HttpResponse response{200};
      response.headers.add("ETag", tag);
      response.headers.add("Content-Type", "application/json");
      response.body = wire::encode_plan({plan_, clock.wall(), seen_});
      co_return response;
    }
    const bool news = co_await changed_.wait_past(generation, clock, until, stop);
    if (!news) co_return HttpResponse{304};
  }
}

HttpResponse PlanServer::take_reports(std::string_view body) {
  auto decoded = wire::decode_reports(body);
  HttpResponse response{decoded ? 200 : 400};
  response.headers.add("Content-Type", "application/json");
  if (!decoded) {
    complaints_.push_back("unreadable reports: " + decoded.error().message());
    response.body = wire::problem(400, "Bad Request", decoded.error().message());
    return response;
  }
  for (wire::Report& report : *decoded) {
    const core::ReportsSeen number{report.epoch, report.seq};
    if (number <= seen_) continue;
    seen_ = number;
    fold(std::move(report));
  }
  response.body = wire::encode_answer({seen_, false});
  return response;
}

void PlanServer::fold(wire::Report report) {
  const std::string subject = wire::subject_of(report);
  const auto known = newest_.find(subject);
  const auto* job = std::get_if<wire::JobReport>(&report.body);
  if (job != nullptr && known != newest_.end()) {
    const auto& before = std::get<wire::JobReport>(known->second.body);
    if (core::is_final(before.state) && before.state != job->state)
      complaints_.push_back(job->job.value() + " was " + std::string{to_string(before.state)} + " and became " + std::string{to_string(job->state)});
  }
  newest_.insert_or_assign(subject, std::move(report));
}

}  // namespace dray::sim
