// Artifacts: list, file, checksum (docs/ddi.md 8). Errors have empty bodies: clients install what they get.
#include <algorithm>

#include "gateway/ddi/door.h"
#include "gateway/ddi/multipart.h"
#include "wire/http_fields.h"
#include "wire/range.h"

namespace dray::gateway::ddi {
namespace {

constexpr std::string_view kSum = ".MD5SUM";
constexpr std::size_t kLongestFileName = 78;

std::string disposition(const std::string& file) {
  constexpr std::string_view kSpecial = "()<>@,;:\\\"/[]?= {}";
  const std::string name = file.substr(0, kLongestFileName);
  if (name.find_first_of(kSpecial) == std::string::npos) return "attachment;filename=" + name;
  std::string quoted;
  for (const char c : name) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) quoted += c;
  }
  return "attachment;filename=\"" + quoted + "\"";
}

}  // namespace

// Allowed: the artifacts of the open, not cancelled action whose bytes may be fetched now.
std::optional<Door::Served> Door::find_served(const Call& call, std::int64_t module, const std::string& file) const {
  for (const JobId& id : call.device->jobs) {
    const core::Job* job = parts_.site.find_job(id);
    if (job == nullptr || !core::action_is_open(*job) || job->step >= job->terms.steps.size()) continue;
    if (!core::may_download(*job, parts_.site.given_for(*job))) continue;
    for (const core::StepArtifact& artifact : job->terms.steps[job->step]) {
      const core::Artifact known = about(artifact);
      if (known.module_id == module && known.file == file) return Served{job, &artifact};
    }
  }
  return {};
}

HttpResponse Door::list_artifacts(Call& call, std::int64_t module) const {
  std::vector<wire::DdiArtifact> out;
  const auto add = [&](const std::vector<core::StepArtifact>& step) {
    for (const core::StepArtifact& artifact : step)
      if (about(artifact).module_id == module && out.empty()) out.push_back(artifact_of(call, artifact));
  };
  for (const JobId& id : call.device->jobs) {
    const core::Job* job = parts_.site.find_job(id);
    if (job == nullptr || job->step >= job->terms.steps.size()) continue;
    const auto view = parts_.site.find_action(*call.device, job->action);
    if (view && view->state == ActionView::State::kActive) add(job->terms.steps[job->step]);
  }
  if (const auto installed = parts_.site.find_action(*call.device, call.device->installed_action))
    if (installed->step < installed->job->terms.steps.size()) add(installed->job->terms.steps[installed->step]);
  if (out.empty()) return empty(404);
  return tagged(call, wire::encode_ddi_artifacts(out));
}

HttpResponse Door::checksum(const Served& served) const {
  const core::Artifact known = about(*served.artifact);
  HttpResponse response{200};
  response.headers.add("Content-Type", "text/plain");
  response.headers.add("Content-Disposition", disposition(known.file + std::string{kSum}));
  response.body = known.md5 + "  " + known.file;
  return response;
}

Task<HttpResponse> Door::get_file(Call& call, std::int64_t module) {
  const std::string& name = call.rest[3];
  auto served = find_served(call, module, name);
  if (!served && name.ends_with(kSum)) {
    const auto summed = find_served(call, module, name.substr(0, name.size() - kSum.size()));
    if (!summed) co_return empty(404);
    co_return checksum(*summed);
  }
  if (!served) co_return empty(404);
  const Sha256 sha = served->artifact->sha256;
  if (call.request.method == Method::kGet && parts_.site.note_asked_for(*call.device, sha)) {
    const auto saved = co_await parts_.site.settled();
    if (!saved) co_return empty(503);
    served = find_served(call, module, name);
    if (!served || served->artifact->sha256 != sha) co_return empty(404);
  }
  std::shared_ptr<const File> file = parts_.blobs.ready(sha, parts_.site.now());
  if (!file) {
    const auto opened = co_await parts_.blobs.open(sha);
    if (!opened) co_return empty(opened.error().code() == ErrorCode::kUnavailable ? 503 : 404);
    file = *opened;
    served = find_served(call, module, name);  // much may have happened meanwhile
    if (!served || served->artifact->sha256 != sha) co_return empty(404);
  }
  co_return serve(call, *served, std::move(file));
}

HttpResponse Door::serve(Call& call, const Served& served, std::shared_ptr<const File> file) {
  const core::Artifact known = about(*served.artifact);
  const Blob* blob = parts_.blobs.find(known.sha256);
  const std::string modified = wire::to_http_date(blob == nullptr ? parts_.site.now() : blob->stored_at);
  const Headers& asked = call.request.headers;
  const bool get = call.request.method == Method::kGet;
  const auto answer = wire::answer_range({.range = asked.find("Range"),
                                          .if_range = asked.find("If-Range"),
                                          .if_match = asked.find("If-Match"),
                                          .if_none_match = asked.find("If-None-Match"),
                                          .is_get = get,
                                          .size = known.size,
                                          .tag = known.sha1,
                                          .last_modified = modified});
  HttpResponse response{answer.status};
  if (answer.status == 304) response.headers.add("ETag", "\"" + known.sha1 + "\"");
  Site& site = parts_.site;
  const core::Job& job = *served.job;
  if (answer.status == 416) {
    response.headers.add("Content-Range", wire::unsatisfied_range(known.size));
    // It has all of it, and only looks whether there is more.
    if (get && asked.find("Range") == "bytes=" + std::to_string(known.size) + "-") site.goes_on_at(job.terms.id, job.action, known.sha256, known.size);
  }
  if (answer.status != 200 && answer.status != 206) return response;
  if (get && (!sending_.has_place_for(job.action) || !site.may_transmit(job))) {
    HttpResponse later{503};
    later.headers.add("Retry-After", "5");
    return later;
  }
  response.headers.add("ETag", "\"" + known.sha1 + "\"");
  response.headers.add("Last-Modified", modified);
  response.headers.add("Accept-Ranges", "bytes");
  response.headers.add("Content-Disposition", disposition(known.file));
  response.headers.add("X-Content-Type-Options", "nosniff");
  const auto begin = [&](std::uint64_t offset) {
    return get ? sending_.begin(job, known.sha256, offset) : nullptr;
  };
  if (answer.ranges.size() > 1) {
    auto body = std::make_shared<Multipart>(std::move(file), answer.ranges, known.size, parts_.bytes_worker, begin(0));
    response.headers.add("Content-Type", Multipart::kContentType);
    response.source_length = body->length();
    response.body = std::move(body);
    return response;
  }
  response.headers.add("Content-Type", "application/octet-stream");
  const wire::ByteRange part = answer.ranges.empty() ? wire::ByteRange{0, known.size} : answer.ranges[0];
  if (answer.status == 206) {
    response.headers.add("Content-Range", wire::content_range(part, known.size));
  } else if (get) {
    ActionHistory& history = site.history(job.action);
    ++history.entries;
    history.status = "DOWNLOAD";
    site.save_history(*call.device, job.action);
  }
  response.body = FileSlice{std::move(file), part.offset, part.length, begin(part.offset)};
  if (get) site.goes_on_at(job.terms.id, job.action, known.sha256, part.offset);
  return response;
}

}  // namespace dray::gateway::ddi
