#include <algorithm>
#include <limits>

#include "base/mutant.h"
#include "gateway/documents/job.h"
#include "gateway/documents/job_words.h"

namespace dray::gateway::documents {
namespace {

using namespace core;
using wire::Node;

// What later programs of format 1 added is missing where an earlier one wrote.
bool flag_or(const Node& n, std::string_view key, bool otherwise) {
  const auto found = n.maybe(key);
  return found ? found->boolean() : otherwise;
}

std::string text_or_empty(const Node& n, std::string_view key) {
  const auto found = n.maybe(key);
  return found ? found->text(kLongestText) : std::string{};
}

std::chrono::seconds seconds_of(const Node& n) { return std::chrono::seconds{n.integer()}; }

int int_of(const Node& n, int least = std::numeric_limits<int>::min()) {
  return static_cast<int>(n.integer(least, std::numeric_limits<int>::max()));
}

std::vector<std::vector<StepArtifact>> steps_of(const Node& node) {
  std::vector<std::vector<StepArtifact>> out;
  node.each([&](const Node& step) {
    auto& items = out.emplace_back();
    step.each([&](const Node& a) {
      items.push_back(
          {text_of(a, "component"), text_of(a, "version"), a.at("sha256").sha256(), a.at("size").size()});
    });
  });
  return out;
}

Interval interval_of(const Node& n) {
  const auto& pair = n.array(2);
  if (pair.size() != 2) n.refuse("must hold two times");
  return {time_of(Node{pair[0], n.path()}), time_of(Node{pair[1], n.path()})};
}

JobTerms terms_of(const Node& n) {
  JobTerms t;
  t.id = JobId{text_of(n, "id")};
  t.device = DeviceId{text_of(n, "device")};
  t.assignment = AssignmentId{text_of(n, "assignment")};
  t.rollout = RolloutId{text_of(n, "rollout")};
  t.priority = int_of(n.at("priority"));
  if (const auto place = n.maybe("place")) t.place = place->size();
  t.delivery = from_word(kDeliveries, n.at("delivery"));
  t.fetch = from_word(kFetches, n.at("fetch"));
  t.planned_at = time_of(n.at("planned_at"));
  t.expires_at = time_of(n.at("expires_at"));
  n.at("update").each([&](const Node& i) { t.update.push_back(interval_of(i)); });
  if (const auto limit = n.maybe("retry_limit")) t.retry.limit = int_of(*limit);
  t.status_deferral = seconds_of(n.at("status_deferral"));
  t.steps = steps_of(n.at("steps"));
  t.incompatible = text_of(n, "incompatible");
  t.ask = from_word(kAsks, n.at("ask"));
  t.ends_on = from_word(kEndings, n.at("ends_on"));
  t.power_on_within = seconds_of(n.at("power_on_within"));
  if (const auto from = n.maybe("bytes_from")) t.bytes_from = from_word(kSources, *from);
  t.closes_early = flag_or(n, "closes_early", false);
  if (const auto held = n.maybe("held")) t.held = Held{text_of(*held, "reason"), text_of(*held, "sentence")};
  return t;
}

Failure failure_of(const Node& n) { return {from_word(kFailures, n.at("kind")), text_of(n, "why")}; }

Cancelled cancelled_of(const Node& n) {
  return {text_of(n, "id"), text_of(n, "by"), text_of(n, "why"), n.at("superseded").boolean()};
}

// Until 2026-11-28 a document said only whether the switch-over had begun.
Stage stage_of(const Node& n) {
  if (const auto stage = n.maybe("stage")) return from_word(kStages, *stage);
  return n.at("switching").boolean() ? Stage::kSwitching : Stage::kReceived;
}

Cause cause_in(const Node& n) {
  const auto cause = n.maybe("cause");
  return cause ? Cause{text_of(*cause, "reason"), text_of(*cause, "sentence")} : Cause{};
}

// A job between two steps, of a program that did not write when that began.
std::optional<WallTime> begun_at_of(const Node& n, const Job& job) {
  if (n.value().as_object().contains("begun_at")) return maybe_time_of(n, "begun_at");
  const bool ended_one = std::any_of(job.past.begin(), job.past.end(), [&](const PastAction& p) { return p.step < job.step && p.end == ActionEnd::kFinished; });
  return ended_one ? std::optional{job.terms.planned_at} : std::nullopt;
}

std::size_t phase_place(const Node& n) {
  if (n.value().is_int64()) return static_cast<std::size_t>(n.integer(0, kPhases.size() - 1));
  const std::string name = n.text(64);
  const auto found = std::find(kPhases.begin(), kPhases.end(), name);
  if (found == kPhases.end()) n.refuse("'" + name + "' is no phase that is known here");
  return static_cast<std::size_t>(found - kPhases.begin());
}

JobPhase phase_of(const Node& n) {
  const auto since = [&] { return time_of(n.at("since")); };
  const auto until = [&] { return time_of(n.at("until")); };
  const auto failure = [&] { return failure_of(n.at("failure")); };
  const auto text = [&](std::string_view key) { return text_of(n, key); };
  switch (phase_place(n.at("is"))) {
    case 0:
      return Planned{};
    case 1:
      return Asked{since()};
    case 2:
      return Deferred{from_word(kCauses, n.at("cause")), until(), text("by"), text("why"), flag_or(n, "asking", false)};
    case 3:
      return Ready{since()};
    case 4:
      return Transmitting{since()};
    case 5:
      return Installing{since(), stage_of(n), text_or_empty(n, "ran_instead"), flag_or(n, "started_old", false)};
    case 6:
      return Restarting{since(), text_or_empty(n, "ran_instead")};
    case 7:
      return Backoff{until(), failure()};
    case 8:
      return Cancelling{text("id"),  text("by"),
                        text("why"), n.at("superseded").boolean(),
                        since(),     flag_or(n, "installing", false)};
    case 9:
      return Succeeded{n.at("late").boolean()};
    case 10:
      return Failed{failure(), flag_or(n, "late", false)};
    case 11:
      if (DRAY_MUTANT("restart_loses_cancel")) return Planned{};
      return cancelled_of(n);
    case 12:
      return Expired{n.at("stopping").boolean(), maybe_time_of(n, "since").value_or(WallTime{}), cause_in(n)};
    default:
      return Incompatible{text("why")};
  }
}
static_assert(std::variant_size_v<JobPhase> == 14,
              "a new phase needs a word, a row in PhaseWriter and one in phase_of");

// Programs that did not keep beside the phase how the last attempt failed said it in the phase.
std::optional<Failure> failure_in(const JobPhase& phase) {
  if (const auto* backoff = std::get_if<Backoff>(&phase)) return backoff->failure;
  if (const auto* failed = std::get_if<Failed>(&phase)) return failed->failure;
  return std::nullopt;
}

Job job_of(const Node& n) {
  Job job;
  job.terms = terms_of(n.at("terms"));
  job.update_at = time_of(n.at("update_at"));
  job.deferred_until = maybe_time_of(n, "deferred_until");
  job.deferred_by = text_or_empty(n, "deferred_by");
  job.deferred_why = text_or_empty(n, "deferred_why");
  job.step = n.at("step").size();
  job.attempt = int_of(n.at("attempt"), 1);
  if (const auto alike = n.maybe("alike")) job.alike = int_of(*alike, 0);
  if (const auto failure = n.maybe("last_failure")) job.last_failure = failure_of(*failure);
  if (const auto failure = n.maybe("failed")) job.failed = failure_of(*failure);
  job.action = ActionId{n.at("action").integer(0)};
  job.boot_id = text_of(n, "boot_id");
  job.cancel_refused = text_of(n, "cancel_refused");
  job.refused_by = text_or_empty(n, "refused_by");
  job.refused_why = text_or_empty(n, "refused_why");
  n.at("past").each([&](const Node& p) {
    job.past.push_back({ActionId{p.at("id").integer(0)}, p.at("step").size(), from_word(kEnds, p.at("end")),
                        p.at("acknowledged").boolean()});
  });
  if (const auto next = n.maybe("next_steps"))
    job.next_steps = NextSteps{steps_of(next->at("steps")), text_of(*next, "incompatible")};
  if (const auto stop = n.maybe("stop_after")) job.stop_after = cancelled_of(*stop);
  job.begun_at = begun_at_of(n, job);
  job.unproven = flag_or(n, "unproven", false);
  if (const auto shown = n.maybe("shown")) shown->each([&](const Node& component) { job.shown.insert(component.text(kLongestText)); });
  job.went_back = text_or_empty(n, "went_back");
  job.said_after = text_or_empty(n, "said_after");
  job.phase = phase_of(n.at("phase"));
  if (!job.failed) job.failed = failure_in(job.phase);
  return job;
}

}  // namespace

Result<Job> read_job(const JobId& id, std::string_view text) {
  return read<Job>(text, [&](const Node& n) {
    Job job = job_of(n);
    if (job.terms.id != id)
      n.at("terms").at("id").refuse("is not the name under which this document is kept");
    return job;
  });
}

}  // namespace dray::gateway::documents
