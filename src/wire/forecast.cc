#include "wire/forecast.h"

#include "wire/admin_api.h"
#include "wire/json_write.h"

namespace dray::wire {
namespace {

constexpr std::int64_t kLongestInstall = std::int64_t{30} * 86'400'000;

json::object encode_line(const core::LineRate& line) {
  return {{"rate", line.rate.count}, {"low", line.low.count}, {"spread", line.spread}};
}

core::LineRate decode_line(const Node& n) {
  core::LineRate out;
  out.rate.count = static_cast<std::uint64_t>(n.at("rate").integer(0, kMostRate));
  out.low.count = static_cast<std::uint64_t>(n.at("low").integer(0, kMostRate));
  out.spread = n.at("spread").number();
  if (!(out.spread >= 0 && out.spread <= 100)) n.at("spread").refuse("must be from 0 to 100");
  return out;
}

std::size_t index_in(const Node& n, std::size_t size) {
  if (size == 0) n.refuse("points nowhere");
  return static_cast<std::size_t>(n.integer(0, static_cast<std::int64_t>(size) - 1));
}

json::object encode_device(const ForecastDevice& device) {
  json::array steps;
  for (const auto& step : device.steps) {
    json::array items;
    for (const std::size_t artifact : step) items.emplace_back(artifact);
    steps.push_back(std::move(items));
  }
  return {{"kind", device.kind}, {"steps", std::move(steps)}, {"lan", encode_line(device.lan)}};
}

ForecastDevice decode_forecast_device(const Node& n, std::size_t kinds, std::size_t artifacts) {
  ForecastDevice out;
  out.kind = index_in(n.at("kind"), kinds);
  n.at("steps").each([&](const Node& step) {
    auto& items = out.steps.emplace_back();
    step.each([&](const Node& item) { items.push_back(index_in(item, artifacts)); }, 100);
    if (items.empty()) step.refuse("must not be empty");
  }, 100);
  out.lan = decode_line(n.at("lan"));
  return out;
}

json::object encode_site(const ForecastSite& site) {
  json::array artifacts, devices;
  for (const auto& one : site.artifacts) artifacts.push_back({{"bytes", one.bytes}, {"missing", one.missing}});
  for (const auto& one : site.devices) devices.push_back(encode_device(one));
  return {{"site", site.name},
          {"transmit_at", time_or_null(site.transmit_at)},
          {"update_at", time_or_null(site.update_at)},
          {"finish_at", time_or_null(site.finish_at)},
          {"transfer", encode_intervals(site.transfer)},
          {"update", encode_intervals(site.update)},
          {"shares", encode_rates(site.shares)},
          {"later", encode_intervals(site.later)},
          {"concurrency", site.concurrency},
          {"wan_caps", encode_rates(site.wan_caps)},
          {"lan_caps", encode_rates(site.lan_caps)},
          {"wan", encode_line(site.wan)},
          {"artifacts", std::move(artifacts)},
          {"devices", std::move(devices)}};
}

// As in a plan: "never" is an interval without an instant.
core::Intervals permitted_at(const Node& node) {
  core::Intervals out;
  node.each([&](const Node& n) {
    const json::array& pair = n.array(2);
    if (pair.size() != 2) n.refuse("must be a pair [from, to]");
    out.push_back({Node{pair[0], n.path() + "[0]"}.time(), Node{pair[1], n.path() + "[1]"}.time()});
    if (out.back().to < out.back().from) n.refuse("ends before it begins");
  });
  return out;
}

std::vector<core::RateLimit> forecast_rates(const Node& node) {
  std::vector<core::RateLimit> out;
  node.each([&](const Node& one) {
    out.push_back({one.at("from").time(), one.at("to").time(),
                   static_cast<std::uint64_t>(one.at("rate").integer(0, kMostRate))});
  });
  return out;
}

ForecastSite decode_forecast_site(const Node& n, std::size_t kinds) {
  ForecastSite out;
  out.name = n.at("site").text(kLongestTitle);
  out.transmit_at = maybe_time(n, "transmit_at");
  out.update_at = maybe_time(n, "update_at");
  out.finish_at = maybe_time(n, "finish_at");
  out.transfer = permitted_at(n.at("transfer"));
  out.update = permitted_at(n.at("update"));
  out.shares = forecast_rates(n.at("shares"));
  if (const auto caps = n.maybe("wan_caps")) out.wan_caps = forecast_rates(*caps);
  if (const auto caps = n.maybe("lan_caps")) out.lan_caps = forecast_rates(*caps);
  if (const auto later = n.maybe("later")) out.later = permitted_at(*later);
  out.concurrency = static_cast<int>(n.at("concurrency").integer(1, 10'000));
  out.wan = decode_line(n.at("wan"));
  n.at("artifacts").each([&](const Node& one) {
    out.artifacts.push_back({one.at("bytes").size(kMostSize), one.at("missing").size(kMostSize)});
    if (out.artifacts.back().missing > out.artifacts.back().bytes) one.at("missing").refuse("is more than there is");
  }, 1'000);
  n.at("devices").each(
      [&](const Node& one) { out.devices.push_back(decode_forecast_device(one, kinds, out.artifacts.size())); });
  return out;
}

}  // namespace

json::object encode(const ForecastRollout& rollout) {
  json::array kinds, sites;
  for (const ForecastKind& kind : rollout.kinds) {
    json::array installs;
    for (const Duration time : kind.installs) installs.emplace_back(time.count());
    kinds.push_back({{"type", kind.type}, {"installs_ms", std::move(installs)}, {"failing", kind.failing}});
  }
  for (const ForecastSite& site : rollout.sites) sites.push_back(encode_site(site));
  return {{"delivery", rollout.delivery == core::Delivery::kPush ? "push" : "pull"},
          {"expires_at", to_rfc3339(rollout.expires_at)},
          {"kinds", std::move(kinds)},
          {"sites", std::move(sites)}};
}

ForecastRollout decode_forecast(const Node& n) {
  ForecastRollout out;
  const std::string delivery = n.at("delivery").text(8);
  if (delivery != "pull" && delivery != "push") n.at("delivery").refuse("must be pull or push");
  out.delivery = delivery == "push" ? core::Delivery::kPush : core::Delivery::kPull;
  out.expires_at = n.at("expires_at").time();
  n.at("kinds").each([&](const Node& one) {
    ForecastKind kind;
    kind.type = one.at("type").text(kLongestTitle);
    one.at("installs_ms").each([&](const Node& time) {
      kind.installs.emplace_back(time.integer(0, kLongestInstall));
    });
    kind.failing = one.at("failing").number();
    if (!(kind.failing >= 0 && kind.failing <= 1)) one.at("failing").refuse("must be from 0 to 1");
    out.kinds.push_back(std::move(kind));
  });
  n.at("sites").each([&](const Node& one) { out.sites.push_back(decode_forecast_site(one, out.kinds.size())); });
  return out;
}

Result<ForecastRollout> decode_forecast(std::string_view text) {
  return decode<ForecastRollout>(parse_json(text), [](const Node& n) { return decode_forecast(n); });
}

}  // namespace dray::wire
