// Resumable uploads of the admin API, in the manner of draft-ietf-httpbis-resumable-upload: Upload-Offset
// says where we are, a PATCH with the right one goes on there.
#include <charconv>
#include <utility>

#include "server/admin_api.h"

namespace dray::server {
namespace {

using wire::json::value;

HttpResponse with_state(HttpResponse out, const Artifacts::State& state) {
  out.headers.set("Upload-Offset", std::to_string(state.offset));
  out.headers.set("Upload-Length", std::to_string(state.size));
  out.headers.set("Upload-Complete", state.complete ? "?1" : "?0");
  return out;
}

HttpResponse state_response(int status, const std::string& sha256, const Artifacts::State& state) {
  const value body{
      {"sha256", sha256}, {"size", state.size}, {"offset", state.offset}, {"complete", state.complete}};
  HttpResponse out = with_state(json_response(status, body), state);
  out.headers.set("Location", "/api/v1/uploads/" + sha256);
  return out;
}

// A client that is told no in mid-body would go on sending: the connection ends instead.
HttpResponse closing(HttpResponse out) {
  out.close = true;
  return out;
}

}  // namespace

Task<HttpResponse> AdminApi::begin_upload(Call& call) {
  auto wanted = wire::decode_upload(call.body);
  if (!wanted) co_return problem_response(wanted.error());
  auto begun = co_await artifacts_.begin(*wanted);
  if (!begun) co_return problem_response(begun.error());
  if (begun->too_large)
    co_return problem_response(
        413, "size: at most " + std::to_string(options_.most_artifact_bytes) + " bytes are allowed here");
  if (begun->too_many)
    co_return busy_response("uploads: " + std::to_string(options_.most_uploads) + " are unfinished already",
                            60);
  if (!begun->state.complete &&
      begun->state.offset == begun->state.size) {  // a crash came between the last byte and the end
    auto done = co_await artifacts_.append(wanted->sha256, begun->state.offset, nullptr);
    const bool damaged = done.outcome == Artifacts::Outcome::kFailed && done.state.offset < done.state.size;
    if (!damaged) co_return appended(wanted->sha256, done);
    begun->state = done.state;  // where to go on
  }
  co_return state_response(begun->found ? 200 : 201, wanted->sha256.hex(), begun->state);
}

Task<HttpResponse> AdminApi::show_upload(Call& call) {
  const auto sha256 = Sha256::parse(call.args[0]);
  const auto state = sha256 ? artifacts_.state(*sha256) : std::nullopt;
  if (!state) co_return problem_response(404, "no such upload: it was never begun, is over, or was swept");
  co_return state_response(200, sha256->hex(), *state);
}

Task<HttpResponse> AdminApi::append_upload(Call& call) {
  const auto sha256 = Sha256::parse(call.args[0]);
  if (!sha256) co_return closing(problem_response(404, "no such upload"));
  const std::string_view header = call.request.headers.get("Upload-Offset");
  std::uint64_t offset = 0;
  const auto [end, error] = std::from_chars(header.data(), header.data() + header.size(), offset);
  if (header.empty() || error != std::errc{} || end != header.data() + header.size())
    co_return closing(
        problem_response(400, "Upload-Offset: is missing or no number; HEAD says where to go on"));
  auto done = co_await artifacts_.append(*sha256, offset, call.request.body);
  co_return appended(*sha256, done);
}

HttpResponse AdminApi::appended(const Sha256& sha256, const Artifacts::Appended& done) {
  using Outcome = Artifacts::Outcome;
  switch (done.outcome) {
    case Outcome::kMore:
    case Outcome::kComplete:
      return state_response(200, sha256.hex(), done.state);
    case Outcome::kNoSuch:
      return closing(problem_response(404, "no such upload: it was never begun, or was swept"));
    case Outcome::kBusy:
      return closing(with_state(problem_response(409, "another request is sending this upload"), done.state));
    case Outcome::kWrongOffset:
      return closing(
          with_state(problem_response(409, "Upload-Offset: we are at " + std::to_string(done.state.offset)),
                     done.state));
    case Outcome::kTooLong:
      return closing(with_state(problem_response(413, "body: goes beyond the announced size of " +
                                                          std::to_string(done.state.size) + " bytes"),
                                done.state));
    case Outcome::kWrongHash:
      return problem_response(422, done.error.message() + "; the upload was removed");
    case Outcome::kCut:
    case Outcome::kFailed:
      break;
  }
  const std::string offset = std::to_string(done.state.offset);
  parts_.log.warn("upload_interrupted",
                  {{"sha256", sha256.hex()}, {"offset", offset}, {"error", done.error.message()}});
  return closing(with_state(problem_response(done.error), done.state));
}

}  // namespace dray::server
