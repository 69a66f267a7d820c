// Deferrals of the admin API.
#include "wire/admin_api.h"
#include "wire/json_write.h"

namespace dray::wire {
namespace {

std::string name_or_empty(const Node& node, std::string_view key) {
  const auto found = node.maybe(key);
  if (!found) return {};
  std::string text = found->text(kLongestName);
  if (!is_name(text))
    found->refuse("must be made of letters, digits, '.', '_' and '-', and begin with a letter or digit");
  return text;
}

std::string device_or_empty(const Node& node, std::string_view key) {
  const auto found = node.maybe(key);
  if (!found) return {};
  std::string text = found->text(kLongestName);
  if (!is_device_name(text)) found->refuse("is no device's name");
  return text;
}

std::string line_or_empty(const Node& node, std::string_view key, std::size_t longest) {
  const auto found = node.maybe(key);
  return found ? found->line(longest) : std::string{};
}


}  // namespace

Result<NewDeferral> decode_deferral(std::string_view text) {
  return decode<NewDeferral>(parse_json(text), [](const Node& n) {
    n.only({"site", "device", "rollout", "until", "by", "why", "accept_expiry"});
    NewDeferral out;
    out.site = name_or_empty(n, "site");
    out.device = device_or_empty(n, "device");
    if (out.site.empty() == out.device.empty()) n.refuse("must name either a site or a device");
    out.rollout = name_or_empty(n, "rollout");
    out.until = n.at("until").time();
    out.by = line_or_empty(n, "by", kLongestBy);
    out.why = line_or_empty(n, "why", kLongestWhy);
    if (const auto accept = n.maybe("accept_expiry")) out.accept_expiry = accept->boolean();
    return out;
  });
}

json::object encode(const DeferralView& view) {
  return {{"id", view.id},
          {"site", view.site},
          {"device", text_or_null(view.device)},
          {"rollout", text_or_null(view.rollout)},
          {"until", to_rfc3339(view.until)},
          {"by", text_or_null(view.by)},
          {"why", text_or_null(view.why)},
          {"from", view.from},
          {"stands", view.stands},
          {"jobs", view.jobs},
          {"too_late", view.too_late}};
}

}  // namespace dray::wire
