// Answers of the admin API: values -> JSON.
#include "wire/admin_api.h"
#include "wire/json_write.h"
#include "wire/unreadable.h"

namespace dray::wire {
namespace {

using namespace core;

json::object encode_running(const RunningByComponent& running) {
  json::object out;
  for (const auto& [component, r] : running)
    out[component] = {{"version", r.version}, {"sha256", text_or_null(r.sha256)}};
  return out;
}

}  // namespace

json::array encode_intervals(const Intervals& intervals) {
  json::array out;
  for (const Interval& i : intervals) out.push_back(json::array{to_rfc3339(i.from), to_rfc3339(i.to)});
  return out;
}

json::object encode_limits(const SiteLimits& limits) {
  return {{"wan", encode_rates(limits.wan)},
          {"lan", encode_rates(limits.lan)},
          {"concurrency", limits.concurrency},
          {"store", limits.store}};
}

std::string sentence_of(const Artifact& artifact, const DamageView& damage) {
  return "The server's bytes of " + artifact.name + " (" + artifact.component + " " + artifact.version + ") are " +
         (damage.what == DamageView::What::kGone ? "gone" : "not what they were") + ", found at " +
         to_rfc3339(std::chrono::floor<std::chrono::seconds>(damage.at)) +
         ": nobody gets them until they are uploaded again (drayctl artifact push).";
}

json::object encode(const ArtifactView& view) {
  const Artifact& a = view.artifact;
  json::object out{{"sha256", a.sha256.hex()},
          {"name", a.name},
          {"file", a.file},
          {"component", a.component},
          {"version", a.version},
          {"device_types", encode_strings(view.device_types)},
          {"size", a.size},
          {"sha1", a.sha1},
          {"md5", a.md5},
          {"module_id", a.module_id},
          {"created_at", to_rfc3339(view.created_at)},
          {"state", view.damage ? "damaged" : "stored"},
          {"reason", view.damage ? json::value("artifact_damaged") : json::value{}},
          {"sentence", view.damage ? json::value(sentence_of(a, *view.damage)) : json::value{}}};
  say_unreadable(out, view.unreadable);
  return out;
}

json::object encode(const NewDeviceType& view) {
  const DeviceType& type = view.type;
  json::array order;
  for (const Components& step : type.order) order.push_back(encode_strings(step));
  json::object out{{"name", type.name},
          {"components", encode_strings(type.components)},
          {"order", std::move(order)},
          {"ask", type.ask == Ask::kConfirmation ? "confirmation" : "poll"},
          {"ends_on", type.ends_on == EndsOn::kPowerOn ? "power_on" : "closed"},
          {"power_on_within", type.power_on_within.count()},
          {"probe", text_or_null(type.probe)},
          {"parts", encode_map(type.parts)},
          {"client", to_string(view.client)},
          {"bytes_from", type.bytes_from == BytesFrom::kElsewhere ? "elsewhere" : "gateway"},
          {"also_called", encode_strings(type.also_called)}};
  say_unreadable(out, view.unreadable);
  return out;
}

json::object encode(const SiteView& view) {
  json::object out{{"name", view.name},
                   {"time_zone", view.time_zone},
                   {"transfer_windows", encode_windows(view.windows.transfer)},
                   {"update_windows", encode_windows(view.windows.update)},
                   {"black_outs", encode_black_outs(view.windows.black_outs)},
                   {"limits", encode_limits(view.limits)},
                   {"revision", view.revision},
                   {"devices", view.devices},
                   {"reports_seen", {{"epoch", view.seen.epoch}, {"seq", view.seen.seq}}},
                   {"contact_at", time_or_null(view.contact_at)},
                   {"created_at", to_rfc3339(view.created_at)},
                   {"open_jobs", view.open_jobs},
                   {"state", text_or_null(view.state)},
                   {"reason", text_or_null(view.reason)},
                   {"sentence", text_or_null(view.sentence)},
                   {"until", time_or_null(view.until)},
                   {"refused", {{"count", view.refused.count},
                                {"at", time_or_null(view.refused.at)},
                                {"what", text_or_null(view.refused.what)},
                                {"why", text_or_null(view.refused.why)}}},
                   {"storage", nullptr}};
  json::array gateways;
  for (const core::Instance& one : view.holding.instances)
    gateways.push_back({{"instance", core::shown_name(one.name)},
                        {"role", core::role_name(one.role)},
                        {"state", core::presence(one, view.looked_at)},
                        {"age", std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::seconds>(view.looked_at - one.heard).count())},
                        {"since", to_rfc3339(one.since)},
                        {"heard_at", to_rfc3339(one.heard)},
                        {"refused_since", time_or_null(one.refused)}});
  out["gateways"] = std::move(gateways);
  if (view.storage) {
    json::array artifacts;
    for (const auto& a : view.storage->artifacts)
      artifacts.push_back({{"sha256", a.sha256.hex()}, {"bytes", a.bytes}, {"verified", a.verified}});
    json::array damaged;
    for (const auto& d : view.storage->damaged) damaged.push_back({{"sha256", d.sha256.hex()}, {"times", d.times}});
    out["storage"] = {{"used", view.storage->used},
                      {"quota", view.storage->quota},
                      {"artifacts", std::move(artifacts)},
                      {"damaged", std::move(damaged)}};
  }
  if (view.wan_rate) out["rates"] = {{"wan", encode_rate(*view.wan_rate)}};
  say_unreadable(out, view.unreadable);
  return out;
}

namespace {

json::value encode_cause(const std::optional<Cause>& cause) {
  return cause ? json::value{{"reason", cause->reason}, {"sentence", cause->sentence}} : json::value{};
}

}  // namespace

json::object encode(const JobView& view) {
  const JobResult& r = view.result;
  json::object out{{"id", view.id.value()},
                   {"rollout", view.rollout.value()},
                   {"phase", view.phase + 1},
                   {"device", view.device},
                   {"site", view.site},
                   {"type", view.type},
                   {"state", to_string(r.state)},
                   {"reason", text_or_null(r.reason)},
                   {"sentence", r.sentence},
                   {"until", time_or_null(r.until)},
                   {"update_at", time_or_null(r.update_at)},
                   {"step", r.step},
                   {"attempt", r.attempt},
                   {"bytes", r.bytes},
                   {"running", encode_map(r.running)},
                   {"late", r.late},
                   {"cause", encode_cause(r.cause)},
                   {"drifted", nullptr},
                   {"reported_at", time_or_null(view.reported_at)},
                   {"cancel", nullptr}};
  if (view.drifted) out["drifted"] = {{"since", to_rfc3339(view.drifted->since)}, {"running", encode_map(view.drifted->running)}};
  if (view.cancel_asked || !r.cancel_id.empty())
    out["cancel"] = {{"by", view.cancel_asked ? text_or_null(view.cancel_asked->by) : json::value{}},
                     {"why", view.cancel_asked ? text_or_null(view.cancel_asked->why) : json::value{}},
                     {"answer", text_or_null(r.cancel_answer)}};
  say_unreadable(out, view.unreadable);
  if (view.past.empty()) return out;
  json::array past;
  for (const PastJob& one : view.past)
    past.push_back({{"id", one.id.value()},
                    {"state", to_string(one.result.state)},
                    {"reason", text_or_null(one.result.reason)},
                    {"sentence", one.result.sentence},
                    {"cause", encode_cause(one.result.cause)},
                    {"attempt", one.result.attempt}});
  out["past"] = std::move(past);
  return out;
}

json::object encode(const DeviceView& view) {
  json::object out{{"name", view.name},
                   {"site", view.site},
                   {"type", view.type},
                   {"attributes", encode_map(view.attributes)},
                   {"reported_attributes", encode_map(view.reported)},
                   {"running", encode_running(view.running)},
                   {"boot_id", text_or_null(view.boot_id)},
                   {"status", text_or_null(view.status)},
                   {"seen_at", time_or_null(view.seen_at)},
                   {"created_at", to_rfc3339(view.created_at)},
                   {"state", to_string(view.job ? view.job->result.state : JobState::kIdle)},
                   {"reason", view.other_type ? json::value("type_differs") : json::value{}},
                   {"sentence", view.other_type ? json::value(sentence_of(*view.other_type)) : json::value{}},
                   {"job", nullptr}};
  if (view.job) out["job"] = encode(*view.job);
  if (view.rate) out["rate"] = encode_rate(*view.rate);
  say_unreadable(out, view.unreadable);
  return out;
}

json::object encode(const ReleaseView& view) {
  json::array artifacts;
  for (const auto& a : view.artifacts) artifacts.push_back(encode(a));
  return {{"release", view.name + "/" + view.version},
          {"name", view.name},
          {"version", view.version},
          {"artifacts", std::move(artifacts)},
          {"created_at", to_rfc3339(view.created_at)}};
}

json::object encode(const LogLine& view) {
  return {{"attempt", view.attempt}, {"at", to_rfc3339(view.at)}, {"text", view.text}};
}

json::object encode(const RegisteredView& view) {
  json::object out{{"name", view.name},
          {"site", view.site},
          {"attributes", encode_map(view.attributes)},
          {"at", to_rfc3339(view.at)},
          {"may_be_added", is_device_name(view.name)}};
  say_unreadable(out, view.unreadable);
  return out;
}

}  // namespace dray::wire
