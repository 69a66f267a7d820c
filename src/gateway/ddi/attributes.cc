#include "gateway/ddi/attributes.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "core/model/said_type.h"
#include "gateway/device_state.h"
#include "wire/limits.h"

namespace dray::gateway::ddi {
namespace {

core::Attributes changed(const core::Attributes& before, const wire::DdiConfigData& put) {
  core::Attributes out = put.mode == wire::DdiMode::kReplace ? core::Attributes{} : before;
  // Who says all about itself when it starts is not the one who says that it is in use: it is not idle for that.
  if (const auto busy = before.find("dray.busy"); busy != before.end() && is_power_on_report(put)) out.insert(*busy);
  // A power-on report names everything that runs: of a component that it does not name, nothing runs any more.
  if (put.mode == wire::DdiMode::kMerge && put.data.contains("dray.boot_id"))
    std::erase_if(out, [](const auto& item) { return item.first.starts_with("dray.version.") || item.first.starts_with("dray.sha256."); });
  for (const auto& [key, value] : put.data) {
    if (put.mode == wire::DdiMode::kRemove || !value)
      out.erase(key);
    else
      out[key] = *value;
  }
  core::keep_said_type(before, out);
  return out;
}

struct Counts {
  std::size_t ours, rest;
};
Counts count(const core::Attributes& all) {
  const std::size_t rest = foreign_attributes(all).size();
  return {all.size() - rest, rest};
}

Error too_many(std::string_view which) {
  return {ErrorCode::kExhausted, "a device has at most " + std::to_string(wire::kMostAttributes) + " " + std::string{which}};
}

}  // namespace

bool is_power_on_report(const wire::DdiConfigData& put) {
  return put.mode != wire::DdiMode::kRemove && std::any_of(put.data.begin(), put.data.end(), [](const auto& item) {
           return item.first == "dray.boot_id" || item.first.starts_with("dray.version.");
         });
}

Result<Merged> merged(const core::Attributes& before, const wire::DdiConfigData& put) {
  Merged out{changed(before, put)};
  const auto [ours, rest] = count(out.attributes);
  if (ours > wire::kMostAttributes) return too_many("attributes for what runs");
  if (rest <= wire::kMostAttributes) return out;
  if (!is_power_on_report(put)) return too_many("attributes");
  out.rest_refused = true;
  for (const auto& [key, value] : foreign_attributes(out.attributes)) out.attributes.erase(key);
  core::Attributes kept = foreign_attributes(before);
  // What type it is of decides what it may be sent: that is heard even so.
  const std::string type{core::kSaidType};
  if (const auto said = put.data.find(type); said != put.data.end() && said->second) {
    kept.insert_or_assign(type, *said->second);
    if (kept.size() > wire::kMostAttributes) kept.erase(kept.begin()->first == type ? std::next(kept.begin()) : kept.begin());
  }
  out.attributes.merge(std::move(kept));
  return out;
}

}  // namespace dray::gateway::ddi
