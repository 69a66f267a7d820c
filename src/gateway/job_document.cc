#include "gateway/job_document.h"

#include <array>

#include "base/mutant.h"
#include "wire/json.h"

namespace dray::gateway {
namespace {

namespace json = boost::json;
using namespace core;
using wire::Node;

// --- the small values ---

json::value time_value(WallTime time) { return time.time_since_epoch().count(); }
WallTime time_of(const Node& node) {  // kWallMax: there is none
  return WallTime{Duration{node.integer(WallTime::min().time_since_epoch().count(), kWallMax.time_since_epoch().count())}};
}

json::value maybe_time(const std::optional<WallTime>& time) { return time ? time_value(*time) : json::value{}; }
std::optional<WallTime> maybe_time_of(const Node& node, std::string_view key) {
  const auto found = node.maybe(key);
  if (!found) return {};
  return time_of(*found);
}

std::string text_of(const Node& node, std::string_view key) { return node.at(key).text(1 << 20); }

// An enum goes as its number: the order of enumerators is part of the document's format.
template <class E>
json::value enum_value(E e) {
  return static_cast<std::int64_t>(e);
}
template <class E>
E enum_of(const Node& node, E most) {
  return static_cast<E>(node.integer(0, static_cast<std::int64_t>(most)));
}

// --- terms ---

json::array encode_steps(const std::vector<std::vector<StepArtifact>>& steps) {
  json::array out;
  for (const auto& step : steps) {
    json::array items;
    for (const StepArtifact& a : step)
      items.push_back({{"component", a.component}, {"version", a.version}, {"sha256", a.sha256.hex()}, {"size", a.size}});
    out.push_back(std::move(items));
  }
  return out;
}

std::vector<std::vector<StepArtifact>> decode_steps(const Node& node) {
  std::vector<std::vector<StepArtifact>> out;
  node.each([&](const Node& step) {
    auto& items = out.emplace_back();
    step.each([&](const Node& a) {
      items.push_back({text_of(a, "component"), text_of(a, "version"), a.at("sha256").sha256(), a.at("size").size()});
    });
  });
  return out;
}

json::object encode_terms(const JobTerms& t) {
  json::array update;
  for (const Interval& i : t.update) update.push_back(json::array{time_value(i.from), time_value(i.to)});
  return {{"id", t.id.value()},
          {"device", t.device.value()},
          {"assignment", t.assignment.value()},
          {"rollout", t.rollout.value()},
          {"priority", t.priority},
          {"place", t.place},
          {"delivery", enum_value(t.delivery)},
          {"fetch", enum_value(t.fetch)},
          {"planned_at", time_value(t.planned_at)},
          {"expires_at", time_value(t.expires_at)},
          {"update", std::move(update)},
          {"retry_limit", t.retry.limit ? json::value(*t.retry.limit) : json::value{}},
          {"status_deferral", t.status_deferral.count()},
          {"steps", encode_steps(t.steps)},
          {"incompatible", t.incompatible},
          {"ask", enum_value(t.ask)},
          {"ends_on", enum_value(t.ends_on)},
          {"power_on_within", t.power_on_within.count()}};
}

JobTerms decode_terms(const Node& n) {
  JobTerms t;
  t.id = JobId{text_of(n, "id")};
  t.device = DeviceId{text_of(n, "device")};
  t.assignment = AssignmentId{text_of(n, "assignment")};
  t.rollout = RolloutId{text_of(n, "rollout")};
  t.priority = static_cast<int>(n.at("priority").integer());
  t.place = n.at("place").size();
  t.delivery = enum_of(n.at("delivery"), Delivery::kPush);
  t.fetch = enum_of(n.at("fetch"), Fetch::kNow);
  t.planned_at = time_of(n.at("planned_at"));
  t.expires_at = time_of(n.at("expires_at"));
  n.at("update").each([&](const Node& i) {
    const auto& pair = i.array(2);
    if (pair.size() != 2) i.refuse("must hold two times");
    t.update.push_back({time_of(Node{pair[0], i.path()}), time_of(Node{pair[1], i.path()})});
  });
  if (const auto limit = n.maybe("retry_limit")) t.retry.limit = static_cast<int>(limit->integer());
  t.status_deferral = std::chrono::seconds{n.at("status_deferral").integer()};
  t.steps = decode_steps(n.at("steps"));
  t.incompatible = text_of(n, "incompatible");
  t.ask = enum_of(n.at("ask"), Ask::kPoll);
  t.ends_on = enum_of(n.at("ends_on"), EndsOn::kClosed);
  t.power_on_within = std::chrono::seconds{n.at("power_on_within").integer()};
  return t;
}

// --- phase: {"is": name, ...members} ---

json::object encode_failure(const Failure& f) { return {{"kind", enum_value(f.kind)}, {"why", f.why}}; }
Failure decode_failure(const Node& n) { return {enum_of(n.at("kind"), FailureKind::kNoPowerOn), text_of(n, "why")}; }

json::object encode_cancelled(const Cancelled& p) {
  return {{"id", p.id}, {"by", p.by}, {"why", p.why}, {"superseded", p.superseded}};
}
Cancelled decode_cancelled(const Node& n) {
  return {text_of(n, "id"), text_of(n, "by"), text_of(n, "why"), n.at("superseded").boolean()};
}

struct PhaseWriter {
  json::object operator()(const Planned&) const { return {}; }
  json::object operator()(const Asked& p) const { return {{"since", time_value(p.since)}}; }
  json::object operator()(const Deferred& p) const {
    return {{"cause", enum_value(p.cause)}, {"until", time_value(p.until)}, {"by", p.by}, {"why", p.why}};
  }
  json::object operator()(const Ready& p) const { return {{"since", time_value(p.since)}}; }
  json::object operator()(const Transmitting& p) const { return {{"since", time_value(p.since)}}; }
  json::object operator()(const Installing& p) const {
    return {{"since", time_value(p.since)}, {"stage", enum_value(p.stage)}};
  }
  json::object operator()(const Restarting& p) const { return {{"since", time_value(p.since)}}; }
  json::object operator()(const Backoff& p) const {
    return {{"until", time_value(p.until)}, {"failure", encode_failure(p.failure)}};
  }
  json::object operator()(const Cancelling& p) const {
    return {{"id", p.id}, {"by", p.by}, {"why", p.why}, {"superseded", p.superseded}, {"since", time_value(p.since)},
            {"installing", p.installing}};
  }
  json::object operator()(const Succeeded& p) const { return {{"late", p.late}}; }
  json::object operator()(const Failed& p) const { return {{"failure", encode_failure(p.failure)}, {"late", p.late}}; }
  json::object operator()(const Cancelled& p) const { return encode_cancelled(p); }
  json::object operator()(const Expired& p) const { return {{"stopping", p.stopping}, {"since", time_value(p.since)}}; }
  json::object operator()(const Incompatible& p) const { return {{"why", p.why}}; }
};

JobPhase decode_phase(const Node& n) {
  const auto since = [&] { return time_of(n.at("since")); };
  const auto until = [&] { return time_of(n.at("until")); };
  const auto failure = [&] { return decode_failure(n.at("failure")); };
  const auto flag = [&](std::string_view key) { return n.at(key).boolean(); };
  const auto text = [&](std::string_view key) { return text_of(n, key); };
  // By the place in the variant, so that a document names its phase independently of words for people.
  switch (n.at("is").integer(0, std::variant_size_v<JobPhase> - 1)) {
    case 0: return Planned{};
    case 1: return Asked{since()};
    case 2: return Deferred{enum_of(n.at("cause"), DeferCause::kDeviceAsked), until(), text("by"), text("why")};
    case 3: return Ready{since()};
    case 4: return Transmitting{since()};
    case 5: return Installing{since(), enum_of(n.at("stage"), Stage::kVerifying)};
    case 6: return Restarting{since()};
    case 7: return Backoff{until(), failure()};
    case 8: return Cancelling{text("id"), text("by"), text("why"), flag("superseded"), since(), flag("installing")};
    case 9: return Succeeded{flag("late")};
    case 10: return Failed{failure(), flag("late")};
    case 11:
      if (DRAY_MUTANT("restart_loses_cancel")) return Planned{};
      return decode_cancelled(n);
    case 12: return Expired{flag("stopping"), since()};
    default: return Incompatible{text("why")};
  }
}
static_assert(std::variant_size_v<JobPhase> == 14, "a new phase needs a row in PhaseWriter and decode_phase");

Job decode_job(const Node& n) {
  Job job;
  job.terms = decode_terms(n.at("terms"));
  job.update_at = time_of(n.at("update_at"));
  job.deferred_until = maybe_time_of(n, "deferred_until");
  job.step = n.at("step").size();
  job.attempt = static_cast<int>(n.at("attempt").integer());
  job.action = ActionId{n.at("action").integer()};
  job.boot_id = text_of(n, "boot_id");
  job.cancel_refused = text_of(n, "cancel_refused");
  n.at("past").each([&](const Node& p) {
    job.past.push_back({ActionId{p.at("id").integer()}, p.at("step").size(), enum_of(p.at("end"), ActionEnd::kCanceled),
                        p.at("acknowledged").boolean()});
  });
  if (const auto next = n.maybe("next_steps"))
    job.next_steps = NextSteps{decode_steps(next->at("steps")), text_of(*next, "incompatible")};
  if (const auto stop = n.maybe("stop_after")) job.stop_after = decode_cancelled(*stop);
  job.phase = decode_phase(n.at("phase"));
  return job;
}

}  // namespace

std::string encode_job_document(const Job& job) {
  json::array past;
  for (const PastAction& p : job.past)
    past.push_back({{"id", p.id.value()}, {"step", p.step}, {"end", enum_value(p.end)}, {"acknowledged", p.acknowledged}});
  json::object phase = std::visit(PhaseWriter{}, job.phase);
  phase["is"] = job.phase.index();
  json::object out{{"terms", encode_terms(job.terms)},
                         {"update_at", time_value(job.update_at)},
                         {"deferred_until", maybe_time(job.deferred_until)},
                         {"step", job.step},
                         {"attempt", job.attempt},
                         {"action", job.action.value()},
                         {"boot_id", job.boot_id},
                         {"cancel_refused", job.cancel_refused},
                         {"past", std::move(past)},
                         {"phase", std::move(phase)}};
  if (job.next_steps)
    out["next_steps"] =
        json::object{{"steps", encode_steps(job.next_steps->steps)}, {"incompatible", job.next_steps->incompatible}};
  if (job.stop_after) out["stop_after"] = encode_cancelled(*job.stop_after);
  return json::serialize(out);
}

Result<Job> decode_job_document(std::string_view text) { return wire::decode<Job>(wire::parse_json(text), decode_job); }

}  // namespace dray::gateway
