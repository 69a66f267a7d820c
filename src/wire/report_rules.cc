#include "wire/report_rules.h"

#include "base/text.h"
#include "core/model/epoch.h"

namespace dray::wire {
namespace {

using Refusal = std::optional<std::string>;

Refusal too_many(std::string_view what, std::size_t have, std::size_t most) {
  if (have <= most) return {};
  return std::string{what} + ": there are " + std::to_string(have) + ", at most " + std::to_string(most) +
         " are taken";
}

Refusal unknown_word(std::string_view what, std::string_view word, std::string_view known) {
  return std::string{what} + ": '" + clean_text(word, kLongestWord) + "' is not known here; there is " + std::string{known};
}

Refusal refusal(const DeviceReport& r) { return too_many("running", r.running.size(), kMostRunning); }
Refusal refusal(const StorageReport& r) {
  if (auto refused = too_many("artifacts", r.artifacts.size(), kMostStoredArtifacts); refused) return refused;
  return too_many("damaged", r.damaged.size(), kMostStoredArtifacts);
}
Refusal refusal(const RateReport& r) {
  if (r.link != "wan" && r.link != "lan") return unknown_word("link", r.link, "wan, lan");
  if ((r.link == "wan") == r.device.empty()) return {};
  return "device: must be " + std::string{r.link == "wan" ? "null for link wan" : "named for link lan"};
}
template <class Other>
Refusal refusal(const Other&) {
  return {};
}

}  // namespace

std::optional<std::string> refusal_of(const Report& report, core::ReportsSeen seen) {
  if (report.seq < 0 || report.seq > kMostInteger)
    return "seq: " + std::to_string(report.seq) + " must lie between 0 and " + std::to_string(kMostInteger);
  if (!is_likely_place({report.epoch, report.seq}, seen))
    return "epoch: " + std::to_string(report.epoch) + " is more than " +
           std::to_string(core::kMostEpochStep) + " above " + std::to_string(seen.epoch) +
           ", the last one that was seen";
  return std::visit([](const auto& body) { return refusal(body); }, report.body);
}

bool is_likely_place(core::ReportsSeen place, core::ReportsSeen seen) {
  // Also of an entry that could not be read: its place may be any number.
  return place.epoch >= 0 && place.seq >= 0 && place.seq <= kMostInteger &&
         core::is_likely_epoch(seen.epoch, place.epoch);
}

std::span<const std::string> kept_lines(const std::vector<std::string>& lines) {
  std::size_t bytes = 0, first = lines.size();
  while (first > 0 && lines.size() - first < static_cast<std::size_t>(kLogLinesKept)) {
    bytes += lines[first - 1].size();
    if (bytes > kLogBytesKept) break;
    --first;
  }
  return std::span{lines}.subspan(first);
}

}  // namespace dray::wire
