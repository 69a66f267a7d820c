#include "server/gateway_api.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>
#include <utility>

#include "base/mutant.h"
#include "server/http.h"
#include "wire/http_fields.h"
#include "wire/range.h"

namespace dray::server {
namespace {

constexpr std::size_t kMostProbe = 1 << 20;
constexpr int kRetryAfter = 5, kFailedAgain = 60, kTooLargeAgain = 300, kDamagedAgain = 60;  // seconds
constexpr std::size_t kMostHeeded = 100;  // artifacts that one batch says came damaged
constexpr std::int64_t kMostRevision = std::int64_t{1} << 52;  // JSON numbers are exact up to there

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return out;
}

// Prefer: wait=55 (RFC 7240), possibly among others.
std::chrono::seconds wait_of(const HttpRequest& request, std::chrono::seconds longest) {
  const std::string_view prefer = request.headers.get("Prefer");
  const auto at = prefer.find("wait=");
  if (at == std::string_view::npos) return std::chrono::seconds{0};
  const auto end = prefer.find_first_of(",; ", at);
  const auto wait = number(prefer.substr(at + 5, end == std::string_view::npos ? end : end - at - 5));
  return std::chrono::seconds{std::clamp<std::int64_t>(wait.value_or(0), 0, longest.count())};
}

// A running download; counts itself. It may outlive the API where everything goes at once, not what it counts in.
struct Download : Transfer {
  Download(std::shared_ptr<std::size_t> all, std::shared_ptr<std::size_t> of_site, std::shared_ptr<const bool> cut, std::function<void()> unread)
      : all_{std::move(all)}, of_site_{std::move(of_site)}, cut_{std::move(cut)}, unread_{std::move(unread)} {
    ++*all_;
    ++*of_site_;
  }
  ~Download() override {
    --*all_;
    --*of_site_;
  }
  void on_sent(std::uint64_t) override {}
  void on_end(Result<> how) override {
    if (!how && how.error().code() == ErrorCode::kCorrupt) unread_();
  }
  std::uint64_t allowance(SteadyTime) override { return std::numeric_limits<std::uint64_t>::max(); }
  bool stopped() const override { return *cut_; }

 private:
  std::shared_ptr<std::size_t> all_, of_site_;
  std::shared_ptr<const bool> cut_;
  std::function<void()> unread_;  // the disk did not give what it should
};

// Of the downloads at a time, what one site may have: a gateway fetches one file after the other.
std::size_t most_of_site(const Options& options) { return std::max<std::size_t>(1, options.most_downloads / 8); }

enum class Business { kNone, kNotYet, kYes };

// May this site have these bytes now? What a push rollout holds back is nobody's business before its time.
Business business(const core::Plan& plan, const Sha256& sha256) {
  Business out = Business::kNone;
  for (const core::Assignment& assignment : plan.assignments) {
    if (out == Business::kNotYet && assignment.fetch == core::Fetch::kHold) continue;
    for (const core::JobOrder& job : assignment.jobs)
      for (const core::Step& step : job.steps) {
        if (std::find(step.begin(), step.end(), sha256) == step.end()) continue;
        if (assignment.fetch != core::Fetch::kHold || DRAY_MUTANT("held_push_early")) return Business::kYes;
        out = Business::kNotYet;
      }
  }
  return out;
}

// It comes again when somebody has uploaded it again.
HttpResponse damaged_response(const Sha256& sha256) {
  HttpResponse out = json_response(
      503, wire::json::object{{"type", "about:blank"},
                              {"title", "Not now"},
                              {"status", 503},
                              {"detail", "the server's bytes of artifact " + sha256.short_hex() + " are damaged or gone: they have to be uploaded again"},
                              {"reason", "artifact_damaged"}});
  out.headers.set("Content-Type", "application/problem+json");
  out.headers.set("Retry-After", std::to_string(kDamagedAgain));
  return out;
}

HttpResponse report_too_large() {
  return problem_response(413, "body: more than " + std::to_string(wire::kMostReportBytes) + " bytes");
}

class Counted {
 public:
  explicit Counted(std::size_t& count) : count_{count} { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  std::size_t& count_;
};

}  // namespace

GatewayApi::GatewayApi(Parts& parts, const Options& options, Sites& sites, Artifacts& artifacts,
                       Instances& instances, TaskGroup& tasks, Signal& timetable)
    : parts_{parts},
      options_{options},
      sites_{sites},
      artifacts_{artifacts},
      instances_{instances},
      timetable_{timetable},
      saves_{tasks, parts.clock, parts.log, [this](const auto& incoming) { return commit(incoming); }},
      intake_{Intake::Limits{.batches = options.most_waiting_batches}} {}

bool GatewayApi::knows(const HttpRequest& request) { return sites_.by_token(bearer_sha256(request)) != nullptr; }

// A site's gateway whose token is wrong is silent otherwise: nobody knows which site's it is, but it says its instance.
void GatewayApi::say_refused(const HttpRequest& request) {
  const auto instance = instance_of(request);
  const std::string name = instance && !instance->empty() ? core::shown_name(*instance) : "unnamed";
  if (!sites_.lines().may_say("token_refused", name)) return;
  const std::string_view why = request.headers.get("Authorization").empty() ? "no token came with it" : "no site has this token";
  parts_.log.warn("token_refused", {{"door", "gateway"}, {"name", name}, {"address", request.peer.address}, {"why", why}});
}

Task<HttpResponse> GatewayApi::handle(HttpRequest request, Stop& stop) {
  auto target = parse_target(request.target);
  const auto path = target ? target->path : std::vector<std::string>{};
  if (path.size() < 3 || path[0] != "gateway" || path[1] != "v1")
    co_return problem_response(404, "no such resource");
  Site* site = sites_.by_token(bearer_sha256(request));
  if (site == nullptr) {
    if (!sites_.loaded()) co_return busy_response("the server is starting", 1);
    say_refused(request);
    co_return unauthorized();
  }
  auto instance = instance_of(request);
  if (!instance) co_return problem_response(instance.error());
  std::string name = *instance;
  auto refused = co_await instances_.admit(*site, std::move(name));
  if (refused) co_return std::move(*refused);
  sites_.contact(*site);
  const Instances::Call heard{parts_, *site};
  Target asked = std::move(*target);
  HttpResponse response = co_await route(*site, std::move(asked), std::move(request), stop);
  if (auto replaced = instances_.refusal(*site, *instance)) co_return std::move(*replaced);
  co_return response;
}

Task<HttpResponse> GatewayApi::route(Site& site, Target target, HttpRequest request, Stop& stop) {
  const auto& path = target.path;
  const bool get = request.method == Method::kGet || request.method == Method::kHead;
  const bool post = request.method == Method::kPost;
  if (path.size() == 3 && path[2] == "plan" && get) co_return co_await plan(site, std::move(request), stop);
  if (path.size() == 3 && path[2] == "reports" && post) co_return co_await reports(site.name, std::move(request), stop);
  if (path.size() == 4 && path[2] == "artifacts" && get)
    co_return co_await artifact(site, std::move(request), path[3]);
  if (path.size() == 3 && path[2] == "probe" && get) co_return probe(target.query["bytes"]);
  if (path.size() == 5 && path[2] == "deltas" && get)
    co_return problem_response(404, "no delta is worth it: take the full artifact");
  const bool known = path[2] == "plan" || path[2] == "reports" || path[2] == "artifacts" ||
                     path[2] == "probe" || path[2] == "deltas";
  co_return problem_response(known ? 405 : 404, known ? "not with this method" : "no such resource");
}

// The long poll: held while the client has the current revision.
Task<HttpResponse> GatewayApi::plan(Site& site, HttpRequest request, Stop& stop) {
  const std::string_view asked = request.headers.get("If-None-Match");
  const std::string known = bare_tag(asked);
  const auto has_current = [&] {
    const std::string revision = std::to_string(site.revision);
    return !DRAY_MUTANT("plan_never_unchanged") && (known == revision || wire::none_match(asked, "\"" + revision + "\""));
  };
  const auto wait = wait_of(request, options_.longest_wait);
  const auto theirs = number(known);
  site.taking.asked(has_current() ? std::optional{site.revision} : theirs);
  if (theirs && *theirs > site.revision && *theirs < kMostRevision) co_await sites_.outrun(site, *theirs);
  if (wait.count() > 0 && waiting_ >= options_.most_waiting)
    co_return busy_response("too many gateways wait", kRetryAfter);
  const SteadyTime until = parts_.clock.steady() + wait;
  const auto instance = instance_of(request);
  const std::string name = instance ? *instance : std::string{};
  Counted counted{waiting_};
  for (;;) {
    if (auto replaced = instances_.refusal(site, name)) co_return std::move(*replaced);
    const auto generation = site.changed.generation();
    if (!has_current()) co_return co_await current_plan(site);
    if (wait.count() == 0) break;
    const bool changed = co_await site.changed.wait_past(generation, parts_.clock, until, stop);
    if (!changed) break;
  }
  HttpResponse out{304};
  out.headers.set("ETag", "\"" + std::to_string(site.revision) + "\"");
  co_return out;
}

Task<HttpResponse> GatewayApi::current_plan(Site& site) {
  auto plan = co_await sites_.plan(site);
  if (!plan) {
    sites_.note_plan(site, "plan_not_loaded", "its plan can't be read from the store: " + plan.error().message());
    co_return busy_response("the plan can not be read now", kRetryAfter);
  }
  if (!site.plan_flaw.empty()) {
    sites_.note_plan(site, "plan_not_loaded", "no gateway could take it as it is stored: " + site.plan_flaw);
    co_return busy_response("the plan can not be read now", kFailedAgain);
  }
  const wire::PlanMessage message{**plan, parts_.clock.wall(), site.seen};
  std::string text = wire::encode_plan(message);
  if (text.size() > wire::kMostPlanBytes) {
    std::string why = "its plan has " + std::to_string(text.size()) + " bytes, and gateways read " +
                      std::to_string(wire::kMostPlanBytes) + ": divide the site, or give its devices fewer attributes";
    HttpResponse refused = busy_response("site '" + site.name + "': " + why, kTooLargeAgain);
    sites_.note_plan(site, "plan_too_large", std::move(why));
    co_return refused;
  }
  sites_.note_plan(site, {}, {});
  site.taking.given((*plan)->revision, parts_.clock.steady(), parts_.clock.wall());
  const auto not_taken = site.taking.trouble(parts_.clock.steady());
  if (not_taken && sites_.lines().may_say("plan_not_taken", site.name))
    parts_.log.warn("plan_not_taken", {{"site", site.name}, {"why", *not_taken}});
  HttpResponse out{200};
  out.headers.set("Content-Type", "application/json");
  out.headers.set("ETag", "\"" + std::to_string((*plan)->revision) + "\"");
  out.headers.set("Cache-Control", "no-cache");
  out.body = std::move(text);
  co_return out;
}

Task<HttpResponse> GatewayApi::reports(std::string site, HttpRequest request, Stop& stop) {
  const std::uint64_t length = request.body ? request.length.value_or(wire::kMostReportBytes) : 0;
  if (length > wire::kMostReportBytes) co_return report_too_large();
  if (const std::string why = intake_.refusal(site, length); !why.empty()) co_return busy_response(why, kRetryAfter);
  Intake::Room room{intake_, site, length};
  std::string text;
  if (request.body) {
    auto body = co_await read_all(*request.body, wire::kMostReportBytes);
    if (!body && body.error().code() == ErrorCode::kExhausted) co_return report_too_large();
    if (!body) co_return problem_response(body.error());
    text = std::move(*body);
  }
  const bool turn = co_await room.decode(parts_.clock, stop);
  if (!turn) co_return busy_response("the server is stopping", 1);
  auto decoded = wire::decode_entries(text);
  if (!decoded) co_return problem_response(decoded.error());
  if (DRAY_MUTANT("refuses_later_reports") && !decoded->good.empty() && decoded->good.back().seq > 40)
    co_return problem_response(400, "a number is too high");
  text = {};
  const auto instance = instance_of(request);
  const Site* owner = sites_.by_name(site);
  if (owner == nullptr) co_return problem_response(404, "no such site");
  if (auto replaced = instances_.refusal(*owner, instance ? std::string_view{*instance} : std::string_view{})) co_return std::move(*replaced);
  auto incoming = std::make_shared<Incoming>();
  incoming->batch = ReportBatch{site, std::move(decoded->good), parts_.clock.wall(), std::move(decoded->bad)};
  saves_.add(incoming);
  if (DRAY_MUTANT("acks_unsaved") && !incoming->batch.reports.empty()) {
    const wire::Report& last = incoming->batch.reports.back();
    incoming->answer = {.acknowledged = {last.epoch, last.seq}};
    co_return answer(*incoming);
  }
  auto saved = co_await saves_.settled();
  if (!saved) co_return busy_response("the server is stopping", 1);
  co_await heed_damage(site, incoming->batch);
  co_return answer(*incoming);
}

// A gateway got other bytes of something that it should fetch: what of ours that is, is hashed again.
Task<> GatewayApi::heed_damage(const std::string& site, const ReportBatch& batch) {
  const wire::StorageReport* newest = nullptr;
  for (const wire::Report& report : batch.reports)
    if (const auto* storage = std::get_if<wire::StorageReport>(&report.body)) newest = storage;
  std::set<Sha256> named;  // so many at a time: each is looked for in all that the site has to do
  for (std::size_t i = 0; newest != nullptr && i < newest->damaged.size() && named.size() < kMostHeeded; ++i)
    if (artifacts_.blob(newest->damaged[i].sha256) != nullptr) named.insert(newest->damaged[i].sha256);
  Site* owner = sites_.by_name(site);
  if (named.empty() || owner == nullptr) co_return;
  const auto plan = co_await sites_.plan(*owner);
  if (!plan) co_return;
  for (const Sha256& sha : named)
    if (business(**plan, sha) == Business::kYes) artifacts_.doubt(sha);
}

HttpResponse GatewayApi::answer(const Incoming& incoming) {
  const Ingested& done = incoming.answer;
  if (done.failed) return busy_response("the reports can not be stored now: " + done.failed->message(), kFailedAgain);
  if (done.epoch_waits) {
    const auto wait = std::chrono::ceil<std::chrono::seconds>(*done.epoch_waits - incoming.batch.at);
    return busy_response("this site began several epochs within 24 hours; the next one may begin at " +
                             to_rfc3339(*done.epoch_waits),
                         static_cast<int>(wait.count()));
  }
  HttpResponse out{200};
  out.headers.set("Content-Type", "application/json");
  out.body = wire::encode_answer({done.acknowledged, done.resync});
  return out;
}

Task<Result<>> GatewayApi::commit(const std::vector<std::shared_ptr<Incoming>>& incoming) {
  std::vector<const ReportBatch*> batches;
  for (const auto& one : incoming) batches.push_back(&one->batch);
  std::function<Result<Store::IngestedAll>()> work = [this, &batches] {
    return parts_.store.ingest(batches);
  };
  auto all = co_await on(parts_.store_worker, std::move(work));
  if (!all) co_return all.error();
  for (std::size_t i = 0; i < incoming.size(); ++i) {
    incoming[i]->answer = all->answers[i];
    say(*incoming[i]);
    if (all->answers[i].failed) continue;
    Site* const site = sites_.by_name(incoming[i]->batch.site);
    if (site == nullptr) continue;
    site->seen = all->answers[i].acknowledged;
    const auto& reports = incoming[i]->batch.reports;
    const bool deferred = std::any_of(reports.begin(), reports.end(), [](const wire::Report& report) {
      return std::holds_alternative<wire::DeferralReport>(report.body);
    });
    // The site's own deferrals and what its devices say to be are in it, and change no revision.
    if (deferred || all->answers[i].said_types) sites_.load_again(*site);
  }
  sites_.apply(all->changed);
  if (all->timetable || all->planning || !all->changed.empty()) timetable_.notify();
  co_return Result<>{};
}

// What went wrong with one batch.
void GatewayApi::say(const Incoming& incoming) {
  const Ingested& done = incoming.answer;
  const std::string& site = incoming.batch.site;
  const auto is_due = [&](const char* event) { return sites_.lines().may_say(event, site); };
  if (done.ids_ended && is_due("action_ids_exhausted"))
    parts_.log.error("action_ids_exhausted", {{"site", site}, {"help", "drayctl site action-ids " + site}});
  if (done.refused > 0 && is_due("report_refused"))
    parts_.log.warn("report_refused", {{"site", site}, {"entries", done.refused}, {"last", done.refused_what}, {"why", done.refused_why}});
  if (done.failed && is_due("reports_not_stored")) parts_.log.error("reports_not_stored", {{"site", site}, {"error", done.failed->message()}});
  if (done.epoch_waits && is_due("epoch_waits")) parts_.log.warn("epoch_waits", {{"site", site}, {"until", to_rfc3339(*done.epoch_waits)}});
  if (!done.not_followed.empty() && is_due("rollout_not_read")) parts_.log.error("rollout_not_read", {{"site", site}, {"error", done.not_followed}});
}

Task<HttpResponse> GatewayApi::artifact(Site& site, HttpRequest request, std::string name) {
  const auto sha256 = Sha256::parse(name);
  if (!sha256) co_return problem_response(404, "no such artifact");
  auto plan = co_await sites_.plan(site);
  if (!plan) co_return busy_response("the plan can not be read now", kRetryAfter);
  const Business may = business(**plan, *sha256);
  if (may == Business::kNotYet)
    co_return problem_response(404, "this artifact is not transmitted before its transmission time");
  if (may == Business::kNone || artifacts_.blob(*sha256) == nullptr)
    co_return problem_response(404, "no such artifact for this site");
  if (artifacts_.damage(*sha256) != nullptr) co_return damaged_response(*sha256);
  if (*downloads_ >= options_.most_downloads)
    co_return busy_response("too many downloads at a time", kRetryAfter);
  if (*site.downloads >= most_of_site(options_))
    co_return busy_response("too many downloads at a time of this site", kRetryAfter);
  auto running = std::make_shared<Download>(downloads_, site.downloads, artifacts_.cut(*sha256), artifacts_.doubter(*sha256));  // from here on: others wait beside us
  auto file = co_await artifacts_.open(*sha256);
  if (!file && file.error().code() == ErrorCode::kNotFound) co_return damaged_response(*sha256);
  if (!file) {
    if (sites_.lines().may_say("artifact_not_readable", site.name))
      parts_.log.error("artifact_not_readable", {{"sha256", sha256->hex()}, {"error", file.error().message()}});
    co_return busy_response("the artifact can not be read now", kRetryAfter);
  }
  co_return slice(request, *sha256, std::move(*file), std::move(running));
}

HttpResponse GatewayApi::slice(const HttpRequest& request, const Sha256& sha256,
                               std::shared_ptr<const File> file, std::shared_ptr<Transfer> running) {
  const std::uint64_t size = artifacts_.blob(sha256)->size;
  const wire::FileQuestion question{.range = request.headers.find("Range"),
                                    .if_range = request.headers.find("If-Range"),
                                    .if_match = request.headers.find("If-Match"),
                                    .if_none_match = request.headers.find("If-None-Match"),
                                    .is_get = request.method == Method::kGet,
                                    .size = size,
                                    .tag = sha256.hex(),
                                    .last_modified = {}};
  const wire::FileAnswer answer = wire::answer_range(question);
  HttpResponse out{answer.status};
  out.headers.set("ETag", "\"" + sha256.hex() + "\"");
  out.headers.set("Accept-Ranges", "bytes");
  if (answer.status == 416) out.headers.set("Content-Range", wire::unsatisfied_range(size));
  if (answer.status != 200 && answer.status != 206) return out;
  out.headers.set("Content-Type", "application/octet-stream");
  // Several ranges in one answer are not worth a multipart body here: the whole file is a right answer too.
  const bool part = answer.status == 206 && answer.ranges.size() == 1;
  out.status = part ? 206 : 200;
  if (part) out.headers.set("Content-Range", wire::content_range(answer.ranges[0], size));
  const std::uint64_t offset = part ? answer.ranges[0].offset : 0,
                      length = part ? answer.ranges[0].length : size;
  out.body = FileSlice{std::move(file), offset, length, std::move(running)};
  return out;
}

HttpResponse GatewayApi::probe(const std::string& bytes) {
  const auto count = number(bytes);
  if (!count || *count < 0 || *count > static_cast<std::int64_t>(kMostProbe))
    return problem_response(400, "bytes: must lie between 0 and " + std::to_string(kMostProbe));
  HttpResponse out{200};
  out.headers.set("Content-Type", "application/octet-stream");
  out.headers.set("Cache-Control", "no-store");
  std::string body(static_cast<std::size_t>(*count),
                   '\0');  // random, so that nobody on the way compresses it
  parts_.random.fill(std::as_writable_bytes(std::span{body}));
  out.body = std::move(body);
  return out;
}

}  // namespace dray::server
