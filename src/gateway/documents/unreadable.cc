#include "gateway/documents/unreadable.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/text.h"
#include "gateway/store.h"

namespace dray::gateway::documents {
namespace {

constexpr std::size_t kLongestShown = 256;  // of an id

}  // namespace

Fate fate_of(std::string_view kind, std::string_view id) {
  struct Row {
    std::string_view kind, id;
    Fate fate;
  };
  static constexpr std::array<Row, 11> kRows{{{kind::kDeferral, "", Fate::kHoldsSite},
                                              {kind::kJob, "", Fate::kHoldsDevice},
                                              {kind::kPlan, "", Fate::kNoPlan},
                                              {kind::kMeta, "counters", Fate::kNewEpoch},
                                              {kind::kMeta, "clock", Fate::kNoClock},
                                              {kind::kMeta, "instance", Fate::kNewName},
                                              {kind::kDevice, "", Fate::kAskDevice},
                                              {kind::kArtifact, "", Fate::kFetchAgain},
                                              {kind::kPartial, "", Fate::kFetchAgain},
                                              {kind::kReport, "", Fate::kTellAgain},
                                              {"", "", Fate::kBeginAnew}}};
  const auto fits = [&](const Row& row) {
    return (row.kind.empty() || row.kind == kind) && (row.id.empty() || row.id == id);
  };
  return std::find_if(kRows.begin(), kRows.end() - 1, fits)->fate;
}

bool stays(Fate fate) {
  return fate == Fate::kHoldsSite || fate == Fate::kHoldsDevice || fate == Fate::kNoPlan ||
         fate == Fate::kNewEpoch || fate == Fate::kNoClock || fate == Fate::kNewName;
}

std::string sentence_of(Fate fate) {
  switch (fate) {
    case Fate::kHoldsSite:
      return "nothing new starts at this site until the deferral is withdrawn or given again";
    case Fate::kHoldsDevice:
      return "nothing new starts on its device before the server was heard; then the job is made again";
    case Fate::kNoPlan:
      return "nothing new starts before the server has sent the plan again";
    case Fate::kNewEpoch:
      return "reports and action ids begin anew when the server was heard";
    case Fate::kNoClock:
      return "nothing new starts before the server has told the time";
    case Fate::kAskDevice:
      return "the device is asked to report, and gets nothing new before it has, or has shown that it never does";
    case Fate::kFetchAgain:
      return "it is fetched again where it is needed";
    case Fate::kNewName:
      return "a new name is made, and reports begin anew under it";
    case Fate::kTellAgain:
      return "the state of everything is reported again";
    case Fate::kBeginAnew:
      break;
  }
  return "it begins anew";
}

bool Damage::holds_document(std::string_view kind, std::string_view id) const {
  return std::any_of(all_.begin(), all_.end(),
                     [&](const Unreadable& u) { return u.kind == kind && u.id == id; });
}

std::string Unreadable::shown_id() const {
  const std::string shown = clean_name(id);
  return std::string{cut_text(shown, kLongestShown)};
}

std::string Damage::id_of(std::string_view kind, const std::string& typed) const {
  if (holds_document(kind, typed)) return typed;
  const auto found = std::find_if(all_.begin(), all_.end(), [&](const Unreadable& u) { return u.kind == kind && u.shown_id() == typed; });
  return found == all_.end() ? typed : found->id;
}

void Damage::mended(std::string_view kind, std::string_view id) {
  std::erase_if(all_, [&](const Unreadable& u) { return u.kind == kind && u.id == id; });
}

std::string Damage::holds(const DeviceId& device) const {
  for (const Unreadable& one : all_) {
    const Fate fate = fate_of(one.kind, one.id);
    const bool site = fate == Fate::kHoldsSite || fate == Fate::kNoPlan;
    const bool own = fate == Fate::kHoldsDevice && !device.empty() && one.device == device;
    if (!site && !own) continue;
    return one.name() + " can't be read: " + sentence_of(fate);
  }
  return {};
}

void Damage::find_owners(const core::Plan& plan) {
  std::map<std::string, DeviceId> owners;
  for (const core::Assignment& assignment : plan.assignments)
    for (const core::JobOrder& order : assignment.jobs) owners.emplace(order.id.value(), order.device);
  for (Unreadable& one : all_)
    if (const auto found = owners.find(one.id); one.kind == kind::kJob && found != owners.end())
      one.device = found->second;
}

DeviceId device_in(std::string_view text) {
  constexpr std::string_view kMember = "\"device\":\"";
  constexpr std::size_t kLongestName = 256;
  const auto found = text.find(kMember);
  if (found == std::string_view::npos) return {};
  text.remove_prefix(found + kMember.size());
  const auto end = text.find('"');
  return end == std::string_view::npos ? DeviceId{} : DeviceId{clean_text(text.substr(0, end), kLongestName)};
}

core::Job made_again(core::Job fresh, const JobId& installed) {
  if (fresh.terms.steps.size() == 1 && installed == fresh.terms.id) fresh.phase = core::Succeeded{};
  return fresh;
}

}  // namespace dray::gateway::documents
