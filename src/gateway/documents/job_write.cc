#include "gateway/documents/job.h"
#include "gateway/documents/job_words.h"

namespace dray::gateway::documents {
namespace {

namespace json = wire::json;
using namespace core;

json::array steps_value(const std::vector<std::vector<StepArtifact>>& steps) {
  json::array out;
  for (const auto& step : steps) {
    json::array items;
    for (const StepArtifact& a : step)
      items.push_back(
          {{"component", a.component}, {"version", a.version}, {"sha256", a.sha256.hex()}, {"size", a.size}});
    out.push_back(std::move(items));
  }
  return out;
}

json::object terms_value(const JobTerms& t) {
  json::array update;
  for (const Interval& i : t.update) update.push_back(json::array{time_value(i.from), time_value(i.to)});
  return {{"id", t.id.value()},
          {"device", t.device.value()},
          {"assignment", t.assignment.value()},
          {"rollout", t.rollout.value()},
          {"priority", t.priority},
          {"place", t.place},
          {"delivery", word_of(kDeliveries, t.delivery)},
          {"fetch", word_of(kFetches, t.fetch)},
          {"planned_at", time_value(t.planned_at)},
          {"expires_at", time_value(t.expires_at)},
          {"update", std::move(update)},
          {"retry_limit", t.retry.limit ? json::value(*t.retry.limit) : json::value{}},
          {"status_deferral", t.status_deferral.count()},
          {"steps", steps_value(t.steps)},
          {"incompatible", t.incompatible},
          {"ask", word_of(kAsks, t.ask)},
          {"ends_on", word_of(kEndings, t.ends_on)},
          {"power_on_within", t.power_on_within.count()},
          {"bytes_from", word_of(kSources, t.bytes_from)},
          {"closes_early", t.closes_early},
          {"held", t.held ? json::value{{"reason", t.held->reason}, {"sentence", t.held->sentence}} : json::value{}}};
}

json::object failure_value(const Failure& f) {
  return {{"kind", word_of(kFailures, f.kind)}, {"why", f.why}};
}

json::object cancelled_value(const Cancelled& p) {
  return {{"id", p.id}, {"by", p.by}, {"why", p.why}, {"superseded", p.superseded}};
}

// The members of a phase beside its name.
struct PhaseWriter {
  json::object operator()(const Planned&) const { return {}; }
  json::object operator()(const Asked& p) const { return {{"since", time_value(p.since)}}; }
  json::object operator()(const Deferred& p) const {
    return {{"cause", word_of(kCauses, p.cause)},
            {"until", time_value(p.until)},
            {"by", p.by},
            {"why", p.why},
            {"asking", p.asking}};
  }
  json::object operator()(const Ready& p) const { return {{"since", time_value(p.since)}}; }
  json::object operator()(const Transmitting& p) const { return {{"since", time_value(p.since)}}; }
  json::object operator()(const Installing& p) const {
    return {{"since", time_value(p.since)}, {"stage", word_of(kStages, p.stage)}, {"ran_instead", p.ran_instead}, {"started_old", p.started_old}};
  }
  json::object operator()(const Restarting& p) const {
    return {{"since", time_value(p.since)}, {"ran_instead", p.ran_instead}};
  }
  json::object operator()(const Backoff& p) const {
    return {{"until", time_value(p.until)}, {"failure", failure_value(p.failure)}};
  }
  json::object operator()(const Cancelling& p) const {
    return {{"id", p.id},
            {"by", p.by},
            {"why", p.why},
            {"superseded", p.superseded},
            {"since", time_value(p.since)},
            {"installing", p.installing}};
  }
  json::object operator()(const Succeeded& p) const { return {{"late", p.late}}; }
  json::object operator()(const Failed& p) const {
    return {{"failure", failure_value(p.failure)}, {"late", p.late}};
  }
  json::object operator()(const Cancelled& p) const { return cancelled_value(p); }
  json::object operator()(const Expired& p) const {
    return {{"stopping", p.stopping},
            {"since", time_value(p.since)},
            {"cause", {{"reason", p.cause.reason}, {"sentence", p.cause.sentence}}}};
  }
  json::object operator()(const Incompatible& p) const { return {{"why", p.why}}; }
};

}  // namespace

std::string write_job(const Job& job) {
  json::array past;
  for (const PastAction& p : job.past)
    past.push_back({{"id", p.id.value()},
                    {"step", p.step},
                    {"end", word_of(kEnds, p.end)},
                    {"acknowledged", p.acknowledged}});
  json::object phase = std::visit(PhaseWriter{}, job.phase);
  phase["is"] = kPhases[job.phase.index()];
  json::object out{{"terms", terms_value(job.terms)},
                   {"update_at", time_value(job.update_at)},
                   {"deferred_until", maybe_time_value(job.deferred_until)},
                   {"deferred_by", job.deferred_by},
                   {"deferred_why", job.deferred_why},
                   {"step", job.step},
                   {"begun_at", maybe_time_value(job.begun_at)},
                   {"attempt", job.attempt},
                   {"alike", job.alike},
                   {"action", job.action.value()},
                   {"boot_id", job.boot_id},
                   {"cancel_refused", job.cancel_refused},
                   {"refused_by", job.refused_by},
                   {"refused_why", job.refused_why},
                   {"past", std::move(past)},
                   {"unproven", job.unproven},
                   {"phase", std::move(phase)}};
  if (job.next_steps)
    out["next_steps"] = json::object{{"steps", steps_value(job.next_steps->steps)},
                                     {"incompatible", job.next_steps->incompatible}};
  if (job.last_failure) out["last_failure"] = failure_value(*job.last_failure);
  if (job.failed) out["failed"] = failure_value(*job.failed);
  if (job.stop_after) out["stop_after"] = cancelled_value(*job.stop_after);
  if (!job.shown.empty()) out["shown"] = json::array(job.shown.begin(), job.shown.end());
  if (!job.went_back.empty()) out["went_back"] = job.went_back;
  if (!job.said_after.empty()) out["said_after"] = job.said_after;
  return write(std::move(out));
}

}  // namespace dray::gateway::documents
