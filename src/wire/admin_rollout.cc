// Phases of rollouts in the admin API: both directions; and what is shown of a rollout.
#include <algorithm>
#include <cmath>

#include "core/rollout/split.h"
#include "wire/admin_api.h"
#include "wire/json_write.h"
#include "wire/unreadable.h"

namespace dray::wire {
namespace {

using namespace core;

constexpr std::int64_t kMostDevices = 100'000'000;
constexpr std::int64_t kLongestSoak = 366LL * 24 * 3600;
constexpr std::size_t kLongestPhaseName = 128;

// 0.01 to 100, at most two decimals.
Percent percent_at(const Node& node) {
  const double hundredths = node.number() * 100;
  const double whole = std::round(hundredths);
  if (!(whole >= 1 && whole <= kWhole) || std::abs(hundredths - whole) > 1e-6)
    node.refuse("must lie between 0.01 and 100, with at most two decimals");
  return Percent{static_cast<std::int64_t>(whole)};
}
json::value encode_percent(Percent percent) {
  if (percent.hundredths % 100 == 0) return json::value(percent.hundredths / 100);
  return json::value(static_cast<double>(percent.hundredths) / 100);
}
std::string percent_text(std::int64_t hundredths) {  // "100.01": for people
  const std::int64_t rest = hundredths % 100;
  return std::to_string(hundredths / 100) + (rest == 0 ? "" : (rest < 10 ? ".0" : ".") + std::to_string(rest));
}
DeviceCount count_at(const Node& node) { return DeviceCount{node.integer(1, kMostDevices)}; }

Threshold threshold_at(const Node& node) {
  const auto percent = node.maybe("percent"), count = node.maybe("count");
  if (percent.has_value() == count.has_value()) node.refuse("must have one of percent and count");
  if (percent) return percent_at(*percent);
  return count_at(*count);
}
json::object encode_threshold(const Threshold& threshold) {
  if (const auto* percent = std::get_if<Percent>(&threshold)) return {{"percent", encode_percent(*percent)}};
  return {{"count", std::get<DeviceCount>(threshold).devices}};
}

// A filter may be written in several lines; it means the same in one.
std::string as_one_line(std::string text) {
  for (char& c : text)
    if (c == '\t' || c == '\r' || c == '\n') c = ' ';
  return text;
}

constexpr std::string_view kOwnName = "filter: ";  // with which its parser begins

Share share_at(const Node& n) {
  const auto filter = n.maybe("filter"), percent = n.maybe("percent"), count = n.maybe("count");
  if (filter.has_value() + percent.has_value() + count.has_value() > 1)
    n.refuse("must have at most one of filter, percent and count");
  if (percent) return percent_at(*percent);
  if (count) return count_at(*count);
  if (!filter) return WhatIsLeft{};
  Passing out{as_one_line(filter->text(kLongestFilter))};
  if (const auto parsed = parse_filter(out.filter, kDeviceFields); !parsed) {
    std::string why = parsed.error().message();
    if (why.starts_with(kOwnName)) why.erase(0, kOwnName.size());  // the node says which one
    filter->refuse(why);
  }
  return out;
}

void add_share(json::object& out, const Share& share) {
  if (const auto* passing = std::get_if<Passing>(&share)) out["filter"] = clean_text(passing->filter, kLongestFilter);
  if (const auto* percent = std::get_if<Percent>(&share)) out["percent"] = encode_percent(*percent);
  if (const auto* count = std::get_if<DeviceCount>(&share)) out["count"] = count->devices;
}

json::object encode_counts(const StateCounts& counts) {
  json::object out;
  for (const auto& [state, n] : counts) out[to_string(state)] = n;
  return out;
}

json::object encode_phase_view(const RolloutView& view, std::size_t at) {
  const RolloutPhase& phase = view.rollout.phases[at];
  const PhaseCounts& counts = view.counts[at];
  const Judgement j = judge_phase(view.rollout, at, counts);
  json::object out = encode_phase(phase.terms);
  out["number"] = at + 1;
  out["state"] = phase_state(view.rollout.state, view.rollout.released, at);
  out["devices"] = counts.devices();
  out["open"] = counts.open;
  out["succeeded"] = counts.succeeded;
  out["failed"] = counts.failing();
  out["left_alone"] = counts.left_alone;
  out["drifted"] = counts.drifted;
  out["accepted_failures"] = phase.accepted;
  out["judged"] = j.judged;
  out["needs"] = j.needs > 0 ? json::value(j.needs) : json::value{};
  out["fails_at"] = j.fails_at > 0 ? json::value(j.fails_at) : json::value{};
  out["counts"] = encode_counts(view.states[at]);
  out["released_at"] = time_or_null(phase.released_at);
  out["reached_at"] = time_or_null(phase.reached_at);
  out["approved"] = nullptr;
  if (phase.approved)
    out["approved"] = {{"by", phase.approved->by},
                       {"why", text_or_null(phase.approved->why)},
                       {"at", to_rfc3339(phase.approved->at)}};
  return out;
}

json::value who(const std::string& by, const std::string& why) {
  return json::object{{"by", text_or_null(by)}, {"why", text_or_null(why)}};
}

// Computed, and not yet known of any site: the expiry stands in its place.
json::value earliest(const RolloutTerms& terms, std::optional<WallTime> time) {
  return terms.computed && time == terms.expires_at ? json::value{} : time_or_null(time);
}

// What does not fit is said with the rollout, as long as it is not over.
void say_misfits(const RolloutView& view, Said& said) {
  const PlanningView& planning = view.planning;
  if (planning.misfits == 0 || is_over(view.rollout)) return;
  const bool waits = std::holds_alternative<RolloutScheduled>(view.rollout.state) ||
                     std::holds_alternative<RolloutHeld>(view.rollout.state);
  if (waits && planning.misfits == planning.sites) said.reason = planning.misfit;
  said.sentence += " " + std::to_string(planning.misfits) + " of " + std::to_string(planning.sites) +
                   " sites do not fit; " + planning.site + ": " + planning.sentence;
}

// Devices of it that lack these bytes wait; the others go on.
void say_damaged_artifacts(const RolloutView& view, Said& said) {
  if (view.damaged.empty() || is_over(view.rollout)) return;
  const auto& state = view.rollout.state;
  const bool goes_on = std::holds_alternative<RolloutScheduled>(state) || std::holds_alternative<RolloutHeld>(state) ||
                       std::holds_alternative<RolloutRunning>(state);
  if (goes_on) said.reason = "artifact_damaged";  // where it waits for a person, that stays the reason
  for (const std::string& sentence : view.damaged) said.sentence += " " + sentence;
}

// "now" of whoever asks is a little earlier, by its clock: nothing to warn of.
constexpr std::chrono::minutes kOnItsWay{2};

}  // namespace

std::vector<std::string> warnings_of(const NewRollout& rollout, WallTime now) {
  std::vector<std::string> out;
  const auto past = [&](std::string_view name, WallTime time) {
    if (!rollout.terms.computed && time + kOnItsWay < now)
      out.push_back(std::string{name} + ": " + to_rfc3339(time) + " is over already; it begins at once");
  };
  if (rollout.terms.transmit_at) past("transmit_at", *rollout.terms.transmit_at);
  past("update_at", rollout.terms.update_at);
  const bool watched = std::any_of(rollout.phases.begin(), rollout.phases.end(), [](const PhaseTerms& phase) { return phase.failure.has_value(); });
  if (!watched) out.emplace_back("no phase has a failure threshold: devices are interrupted however many of them fail; give a phase \"failure\", such as {\"percent\": 5}");
  return out;
}

json::object encode_phase(const PhaseTerms& phase) {
  json::object out;
  out["name"] = text_or_null(phase.name);
  add_share(out, phase.share);
  if (phase.success) out["success"] = encode_threshold(*phase.success);
  if (phase.failure) {
    json::object failure = encode_threshold(*phase.failure);
    failure["then"] = phase.on_failure == OnFailure::kAbort ? "abort" : "pause";
    out["failure"] = std::move(failure);
  }
  out["soak"] = phase.soak.count();
  out["approval"] = phase.approval;
  return out;
}

PhaseTerms decode_phase(const Node& n) {
  n.only({"name", "filter", "percent", "count", "success", "failure", "soak", "approval"});
  PhaseTerms out;
  if (const auto name = n.maybe("name")) out.name = name->cleaned(kLongestPhaseName);
  out.share = share_at(n);
  if (const auto success = n.maybe("success")) {
    success->only({"percent", "count"});
    out.success = threshold_at(*success);
  }
  if (const auto failure = n.maybe("failure")) {
    failure->only({"percent", "count", "then"});
    out.failure = threshold_at(*failure);
    if (const auto then = failure->maybe("then")) {
      const std::string word = then->text(kLongestWord);
      if (word != "pause" && word != "abort") then->refuse("must be one of pause, abort");
      out.on_failure = word == "abort" ? OnFailure::kAbort : OnFailure::kPause;
    }
  }
  if (const auto soak = n.maybe("soak")) out.soak = std::chrono::seconds{soak->integer(0, kLongestSoak)};
  if (const auto approval = n.maybe("approval")) out.approval = approval->boolean();
  const auto* share = std::get_if<DeviceCount>(&out.share);
  const auto* needs = out.success ? std::get_if<DeviceCount>(&*out.success) : nullptr;
  if (share != nullptr && needs != nullptr && needs->devices > share->devices)
    n.at("success").at("count").refuse("is more than the phase's " + std::to_string(share->devices) +
                                       " devices");
  return out;
}

std::string decode_filter(const Node& node) {
  std::string out = as_one_line(node.text(kLongestFilter));
  if (clean_text(out, SIZE_MAX) != out) node.refuse("must not hold control characters");
  if (out.find_first_not_of(' ') == std::string::npos)
    node.refuse("must not be empty: leave it out where all are meant");
  return out;
}

std::vector<PhaseTerms> decode_phases(const Node& node) {
  std::vector<PhaseTerms> out;
  std::int64_t percent = 0;
  node.each(
      [&](const Node& n) {
        if (const auto name = n.maybe("name")) name->line(kLongestPhaseName);
        if (const auto filter = n.maybe("filter")) decode_filter(*filter);
        out.push_back(decode_phase(n));
        if (const auto* share = std::get_if<Percent>(&out.back().share)) percent += share->hundredths;
      },
      kMostPhases);
  if (out.empty()) node.refuse("must hold at least one; leave it out for a rollout of one phase");
  if (percent > kWhole)
    node.refuse("has percentages that add up to " + percent_text(percent) + ", at most 100");
  for (std::size_t i = 0; i + 1 < out.size(); ++i)
    if (std::holds_alternative<WhatIsLeft>(out[i].share))
      Node{node.array()[i], node.path() + "[" + std::to_string(i) + "]"}.refuse(
          "must have one of filter, percent and count: only the last phase takes what is left");
  if (out.back().soak.count() > 0)
    Node{node.array().back(), node.path() + "[" + std::to_string(out.size() - 1) + "].soak"}.refuse(
        "must be 0 in the last phase: nothing follows it");
  return out;
}

json::object encode(const RolloutView& view) {
  const NewRollout& asked = view.asked;
  const Rollout& r = view.rollout;
  Said said = describe(r, {{}, view.counts});
  say_misfits(view, said);
  say_damaged_artifacts(view, said);
  StateCounts all;
  for (const StateCounts& states : view.states)
    for (const auto& [state, n] : states) all[state] += n;
  const Tally sum = tally(all);
  std::int64_t drifted = 0;
  for (const PhaseCounts& counts : view.counts) drifted += counts.drifted;
  json::array phases;
  for (std::size_t i = 0; i < r.phases.size(); ++i) phases.push_back(encode_phase_view(view, i));
  json::object out{
      {"id", view.id.value()},
      {"release", asked.release_name + "/" + asked.release_version},
      {"filter", clean_text(asked.filter, kLongestFilter)},
      {"delivery", r.terms.delivery == Delivery::kPush ? "push" : "pull"},
      {"schedule", r.terms.computed ? "auto" : "given"},
      {"transmit_at", earliest(r.terms, r.terms.transmit_at)},
      {"update_at", earliest(r.terms, r.terms.update_at)},
      {"expires_at", to_rfc3339(r.terms.expires_at)},
      {"transfer", encode_intervals(asked.transfer)},
      {"update", encode_intervals(asked.update)},
      {"retry", {{"limit", asked.retry.limit ? json::value(*asked.retry.limit) : json::value{}}}},
      {"priority", asked.priority},
      {"status_deferral", asked.status_deferral.count()},
      {"late_joiners", asked.late_joiners},
      {"state", state_name(r.state)},
      {"state_at", to_rfc3339(view.state_at)},
      {"reason", said.reason},
      {"sentence", said.sentence},
      {"until", time_or_null(said.until)},
      {"devices", sum.devices},
      {"open", sum.open},
      {"succeeded", sum.succeeded},
      {"failed", sum.failed},
      {"drifted", drifted},
      {"counts", encode_counts(all)},
      {"phase", r.released},
      {"phases", std::move(phases)},
      {"planning", encode(view.planning)},
      {"created_at", to_rfc3339(view.created_at)},
      {"paused", nullptr},
      {"aborted", nullptr}};
  if (const auto* paused = std::get_if<RolloutPaused>(&r.state)) out["paused"] = who(paused->by, paused->why);
  if (const auto* aborted = std::get_if<RolloutAborted>(&r.state))
    out["aborted"] = who(aborted->by, aborted->why);
  if (view.events.empty()) return out;
  json::array events;
  for (const RolloutEventView& e : view.events)
    events.push_back({{"at", to_rfc3339(e.at)},
                      {"what", e.what},
                      {"phase", e.phase ? json::value(*e.phase + 1) : json::value{}},
                      {"by", text_or_null(e.by)},
                      {"why", text_or_null(e.why)}});
  out["events"] = std::move(events);
  say_unreadable(out, view.unreadable);
  return out;
}

}  // namespace dray::wire
