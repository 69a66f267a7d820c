// The poll, and what a device says about itself (docs/ddi.md 2 and 3).
#include <algorithm>

#include "base/mutant.h"
#include "base/text.h"
#include "gateway/ddi/attributes.h"
#include "gateway/ddi/door.h"
#include "wire/http_fields.h"

namespace dray::gateway::ddi {
namespace {

// hawkBit takes some ASCII only; here any text is taken, because a device that can't say where it stands ("ort" = "Köln")
// would never be heard to run its new version. What does not belong into a line was cleaned when it was read.
bool is_allowed(std::string_view text) { return cut_characters(text, wire::kLongestAttribute).size() == text.size(); }

// Spreads the polls of a site by up to a tenth, the same for a device every time: its answer and its ETag stay.
std::chrono::seconds spread(std::chrono::seconds sleep, const std::string& name) {
  const auto tenth = sleep.count() / 10;
  if (tenth < 3) return sleep;
  const auto hash = static_cast<std::int64_t>(std::hash<std::string>{}(name) % static_cast<std::size_t>(2 * tenth + 1));
  return sleep + std::chrono::seconds{hash - tenth};
}

// The few that are next in the line ask more often, so that a turn does not pass while its device sleeps.
std::chrono::seconds soon(std::chrono::seconds sleep) {
  return std::min(sleep, std::max(std::chrono::seconds{5}, sleep / 10));
}

}  // namespace

std::string Door::poll_body(const Call& call, const DeviceState& device) const {
  wire::DdiPoll out;
  const std::chrono::seconds sleep = parts_.site.settings().poll_sleep;
  out.sleep = spread(parts_.site.is_next(device) ? soon(sleep) : sleep, device.name.value());
  const Shown shown = parts_.site.shown(device);
  const std::string id = shown.job == nullptr ? std::string{} : std::to_string(shown.job->action.value());
  if (shown.offer == core::Offer::kConfirmation) out.confirmation_base = call.base + "/confirmationBase/" + id + "?c=1";
  if (shown.offer == core::Offer::kDeployment) out.deployment_base = call.base + "/deploymentBase/" + id + "?c=1";
  if (shown.offer == core::Offer::kCancel) out.cancel_action = call.base + "/cancelAction/" + id;
  const auto installed = device.installed_action.empty() ? std::nullopt : parts_.site.find_action(device, device.installed_action);
  if (installed && installed->state == ActionView::State::kFinished)
    out.installed_base = call.base + "/installedBase/" + std::to_string(device.installed_action.value());
  if (shown.job == nullptr && device.probe.shown) out.probe = call.base + "/drayProbe";
  if (device.wants_config_data) out.config_data = call.base + "/configData";
  return wire::encode_ddi_poll(out);
}

const PollCache& Door::keep_poll(const Call& call, DeviceState& device) const {
  std::string body = poll_body(call, device);
  const std::string etag = etag_of(body);
  HttpResponse full = json(call, 200, std::move(body)), unchanged = not_modified(etag);
  full.headers.add("ETag", etag);
  const Headers& headers = call.request.headers;
  device.poll = {device.generation,
                 call.request.target,
                 std::string{headers.get("Host")},
                 std::string{headers.get("Authorization")},
                 std::string{headers.get("Accept")},
                 call.request.peer.encrypted,
                 etag,
                 std::move(full),
                 std::move(unchanged)};
  return device.poll;
}

Task<HttpResponse> Door::poll(Call& call) {
  DeviceState& device = *call.device;
  const Headers& headers = call.request.headers;
  const auto known = headers.find("If-None-Match");
  const SteadyTime until = parts_.clock.steady() + preferred_wait(headers.get("Prefer"));
  for (;;) {
    // What is shown must be durable, and it may be hours until a full disk has room again: what is shown then is
    // what may be shown then.
    while (device.unsaved > 0) {
      const auto saved = co_await parts_.site.settled();
      if (!saved) co_return empty(503);
    }
    parts_.site.polled(device, until);
    if (device.unsaved > 0) continue;  // the link that it takes by this poll, too, is shown as it is when that is safe
    const auto generation = device.changed.generation();
    const PollCache& kept = keep_poll(call, device);
    const bool same = known && wire::none_match(*known, kept.etag) && !DRAY_MUTANT("poll_never_unchanged");
    const bool over = parts_.clock.steady() >= until || call.stop.requested();
    if (!same) co_return kept.full;
    if (over) co_return kept.unchanged;
    co_await device.changed.wait_past(generation, parts_.clock, until, call.stop);
  }
}

Task<HttpResponse> Door::put_config_data(Call& call) {
  std::string body;
  if (auto refused = co_await read_body(call, body)) co_return std::move(*refused);
  auto put = wire::decode_ddi_config_data(body);
  if (!put) co_return not_readable(call, put.error().message());
  if (put->data.empty()) co_return constraint_violation(call, "data must not be empty");
  // No other attribute keeps a power-on report away: what is too long of it is left out, and that is said.
  const bool left_out = std::erase_if(put->data, [](const auto& one) { return !is_allowed(one.first) || (one.second && !is_allowed(*one.second)); }) > 0;
  if (left_out && !is_power_on_report(*put)) co_return invalid_attributes(call, "a key or value of an attribute has at most 128 characters");
  auto after = merged(call.device->attributes, *put);
  if (!after) co_return too_many_entries(call, after.error().message());
  // A status lasts from when it was said, and what is said beside it makes it no newer.
  const std::string busy = "dray.busy";
  const bool ends = call.device->attributes.contains(busy) && !after->attributes.contains(busy);
  const Site::Said said{is_power_on_report(*put), put->data.contains(busy) || ends, put->data.size() > put->data.count(busy)};
  if (call.device->wants_config_data || after->attributes != call.device->attributes || said.power_on || said.busy) {
    call.device->attributes = std::move(after->attributes);
    parts_.site.device_reported(*call.device, said);
  }
  parts_.site.attributes_refused(*call.device, left_out || after->rest_refused);
  co_return co_await done();
}

Task<HttpResponse> Door::put_installed(Call& call) {
  std::string body;
  if (auto refused = co_await read_body(call, body)) co_return std::move(*refused);
  const auto installed = wire::decode_ddi_installed(body);
  if (!installed) co_return not_readable(call, installed.error().message());
  DeviceState& device = *call.device;
  const bool same = device.installed_name == installed->name && device.installed_version == installed->version;
  if (!parts_.site.installed_reported(device, installed->name, installed->version))
    co_return entity_not_found(call, "Distribution set with given name and version {" + installed->name + "," + installed->version + "}");
  co_return co_await done(same ? 200 : 201);
}

}  // namespace dray::gateway::ddi
