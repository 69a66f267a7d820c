#include "ctl/phases.h"

#include <algorithm>

#include "ctl/table.h"

namespace dray::ctl {
namespace {

namespace json = boost::json;

constexpr std::int64_t kBar = 20;

std::int64_t number(const json::value& item, std::string_view key) {
  const json::value* at = item.is_object() ? item.get_object().if_contains(key) : nullptr;
  return at != nullptr && at->is_int64() ? at->get_int64() : 0;
}

std::string after(const json::value& phase) {
  if (cell(phase, "approved") != "-") return "approved by " + cell(phase, "approved.by");
  std::string out;
  if (cell(phase, "approval") == "yes") out = "needs approval";
  const std::int64_t soak = number(phase, "soak");
  if (soak > 0) out += (out.empty() ? "" : ", ") + std::string{"soaks "} + in_words(soak);
  return out.empty() ? "-" : out;
}

json::value row_of(const json::value& phase) {
  const std::int64_t judged = number(phase, "judged"), succeeded = number(phase, "succeeded");
  const std::int64_t failed = number(phase, "failed"), alone = number(phase, "left_alone");
  const bool aborts = cell(phase, "failure.then") == "abort";
  const std::string name = cell(phase, "name");
  return json::object{
      {"phase", cell(phase, "number") + (name == "-" ? "" : " " + name)},
      {"state", cell(phase, "state")},
      {"bar", bar(succeeded, failed, judged)},
      {"succeeded", std::to_string(succeeded) + " of " + std::to_string(judged) +
                        (cell(phase, "needs") == "-" ? "" : ", needs " + cell(phase, "needs"))},
      {"failed",
       std::to_string(failed) + (cell(phase, "fails_at") == "-"
                                     ? ""
                                     : (aborts ? ", aborts at " : ", pauses at ") + cell(phase, "fails_at"))},
      {"alone", alone},
      {"then", after(phase)}};
}

}  // namespace

std::string bar(std::int64_t succeeded, std::int64_t failed, std::int64_t judged) {
  if (judged <= 0) return "[" + std::string(kBar, '.') + "]";
  const std::int64_t good = std::clamp<std::int64_t>(succeeded * kBar / judged, 0, kBar);
  const std::int64_t bad = std::clamp<std::int64_t>((failed * kBar + judged - 1) / judged, 0, kBar - good);
  const std::string percent = std::to_string(succeeded * 100 / judged);
  return "[" + std::string(static_cast<std::size_t>(good), '#') +
         std::string(static_cast<std::size_t>(bad), 'x') +
         std::string(static_cast<std::size_t>(kBar - good - bad), '.') + "] " +
         std::string(percent.size() < 3 ? 3 - percent.size() : 0, ' ') + percent + "%";
}

std::string in_words(std::int64_t seconds) {
  if (seconds % 86'400 == 0 && seconds >= 2 * 86'400) return std::to_string(seconds / 86'400) + "d";
  if (seconds % 3'600 == 0 && seconds > 0) return std::to_string(seconds / 3'600) + "h";
  if (seconds % 60 == 0 && seconds > 0) return std::to_string(seconds / 60) + "min";
  return std::to_string(seconds) + "s";
}

std::string render_phases(const json::value& rollout) {
  json::array rows;
  const json::value* phases = rollout.is_object() ? rollout.get_object().if_contains("phases") : nullptr;
  if (phases != nullptr && phases->is_array())
    for (const json::value& phase : phases->get_array()) rows.push_back(row_of(phase));
  return render_table({{"PHASE", "phase"},
                       {"STATE", "state"},
                       {"PROGRESS", "bar"},
                       {"SUCCEEDED", "succeeded"},
                       {"FAILED", "failed"},
                       {"LEFT ALONE", "alone"},
                       {"THEN", "then"}},
                      rows);
}

int exit_status(const json::value& rollout) {
  return cell(rollout, "state") == "finished" && number(rollout, "failed") == 0 &&
                 number(rollout, "open") == 0
             ? 0
             : 6;
}

}  // namespace dray::ctl
