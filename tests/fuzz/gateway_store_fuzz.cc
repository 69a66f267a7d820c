// What a gateway reads back from its store (src/gateway/documents): the first line is "KIND ID", the rest the document.
#include "core/update/reconcile.h"
#include "fuzz.h"
#include "gateway/documents/device.h"
#include "gateway/documents/format.h"
#include "gateway/documents/job.h"
#include "gateway/documents/kept.h"
#include "gateway/documents/records.h"
#include "gateway/documents/stored.h"
#include "gateway/documents/unreadable.h"
#include "wire/gateway_api.h"

using namespace dray;
using namespace dray::gateway;
using fuzz::round_trip;
namespace kind = dray::gateway::kind;

namespace {

// A kept message says in which format it is, and stays what it was.
template <class Decode, class Encode>
bool message(std::string_view text, Decode decode, Encode encode) {
  return round_trip(
      text,
      [&](std::string_view t) -> decltype(decode(t)) {
        DRAY_CHECK(documents::check_message(t));
        return decode(t);
      },
      [&](const auto& value) { return documents::write_message(encode(value)); });
}

bool rate(std::string_view text) {
  const auto record = documents::read_rate(text);
  if (record) {  // what is measured may be anything; the planner takes it
    core::RateHistory history;
    if (record->own) history.put({record->hour, false}, *record->own);
    if (record->capped) history.put({record->hour, true}, *record->capped);
    const WallTime now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 30}};
    const auto hours = history.hours(now);
    static_cast<void>(core::estimate_rate(hours, record->hour, now));
  }
  return round_trip(text, documents::read_rate, documents::write_rate);
}

// A job that is read is one that the core goes on with.
bool job(const JobId& id, std::string_view text) {
  const auto read = [&](std::string_view t) { return documents::read_job(id, t); };
  if (const auto known = read(text)) {
    core::Plan empty;
    std::vector<const core::Job*> jobs{&*known};
    static_cast<void>(core::reconcile(jobs, empty, {}));
    static_cast<void>(core::has_started(*known));
  }
  return round_trip(text, read, documents::write_job);
}

bool is_read(std::string_view name, const std::string& id, std::string_view text) {
  if (name == kind::kJob || name == kind::kEnded) return job(JobId{id}, text);
  if (name == kind::kAction)
    return round_trip(text, documents::read_history, documents::write_history) && documents::action_of(id).has_value();
  if (name == kind::kDevice) return round_trip(text, documents::read_device, documents::write_device);
  if (name == kind::kArtifact) return round_trip(text, documents::read_artifact, documents::write_artifact);
  if (name == kind::kPartial) return round_trip(text, documents::read_partial, documents::write_partial);
  if (name == kind::kRate) return rate(text);
  if (name == kind::kAside) return round_trip(text, documents::read_aside, documents::write_aside);
  if (name == kind::kDeferral)
    return round_trip(
        text, [&](std::string_view t) { return documents::read_deferral(id, t); }, documents::write_deferral);
  if (name == kind::kPlan) return message(text, wire::decode_plan, [](const auto& plan) { return wire::encode_plan(plan); });
  if (name == kind::kReport)
    return message(text, wire::decode_report, [](const auto& report) { return wire::encode_report(report); });
  if (id == "counters") return round_trip(text, documents::read_counters, documents::write_counters);
  if (id == "clock") return round_trip(text, documents::read_clock, documents::write_clock);
  if (id == "sent_before") return round_trip(text, documents::read_sent_before, documents::write_sent_before);
  if (id == "withdrawn") return round_trip(text, documents::read_withdrawn, documents::write_withdrawn);
  if (id == "link") return round_trip(text, documents::read_link, documents::write_link);
  return round_trip(text, documents::read_instance, documents::write_instance);
}

// It never permits: a deferral and the plan hold all, a job its device; and it is kept once.
void damaged(const std::string& name, const std::string& id, std::string_view text) {
  documents::Damage damage;
  documents::Unreadable one{name, id, "not JSON", documents::device_in(text)};
  fuzz::must_be_text(one.device.value());
  if (name == kind::kJob && one.device.empty()) one.device = DeviceId{"till-014"};  // as the plan says it
  const DeviceId device = one.device.empty() ? DeviceId{"till-014"} : one.device;
  damage.add(std::move(one));
  if (name == kind::kDeferral || name == kind::kPlan || name == kind::kJob)
    fuzz::must(!damage.holds(device).empty(), "what can't be read holds what it was about");
  documents::Kept kept, again;
  const bool stays = text.size() % 2 == 0;
  kept.add({name, id, std::string{text}}, stays);
  const Writes writes = kept.writes();
  fuzz::must(writes.size() == 1 && writes[0].text == text, "it is kept as it is");
  again.restore({std::string{kind::kUnreadable}, writes[0].id, std::string{text}});
  again.add({name, id, std::string{text}}, stays);
  fuzz::must(again.writes().empty(), "and once");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = fuzz::text_of(data, size);
  const std::string_view line = fuzz::next_line(text);
  const auto blank = line.find(' ');
  std::string name{line.substr(0, blank)}, id{blank == std::string_view::npos ? "" : line.substr(blank + 1)};
  if (name.find('/') != std::string::npos) name = kind::kMeta;  // a kind is a word of ours
  if (!is_read(name, id, text)) damaged(name, id, text);
  return 0;
}
