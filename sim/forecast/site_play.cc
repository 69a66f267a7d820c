#include "sim/forecast/site_play.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <numbers>

#include "core/rollout/result.h"
#include "core/schedule/deferral.h"
#include "sim/site/device_life.h"
#include "sim/site/gateway_life.h"
#include "sim/site/plan_server.h"

namespace dray::sim::forecast {
namespace {

using namespace std::chrono_literals;
using wire::ForecastDevice;
using wire::ForecastRollout;
using wire::ForecastSite;

constexpr Duration kWarmUp{10 * 60'000};  // the site is there so long before its first time
constexpr std::uint64_t kPlayedBytes = 300'000, kLeastRate = 200;
constexpr std::string_view kToken = "forecast-server-token";

std::string token_of(const std::string& device) { return device + std::string(32 - device.size(), 'x'); }
std::string component_of(std::size_t artifact) { return "c" + std::to_string(artifact); }

std::string random_bytes(SimRandom& random, std::uint64_t size) {
  std::string out(static_cast<std::size_t>(size), '\0');
  random.fill(std::as_writable_bytes(std::span{out}));
  return out;
}

// How much quicker or slower a line is this time: from the normal distribution (Box and Muller, 1958) whose tenth
// percentile is `spread` below its mean, but never less than a fifth of it.
double factor(SimRandom& random, double spread) {
  constexpr double kTenthPercentile = 1.2816;
  const auto unit = [&] { return (static_cast<double>(random.next() >> 11) + 0.5) * 0x1p-53; };
  const double z = std::sqrt(-2 * std::log(unit())) * std::cos(2 * std::numbers::pi * unit());
  return std::clamp(1 + spread / kTenthPercentile * z, 0.2, 5.0);
}

// What sizes and rates are divided by.
std::uint64_t scale_of(const ForecastSite& site) {
  std::uint64_t bytes = 0, slowest = site.wan.rate.count;
  for (const auto& one : site.artifacts) bytes += one.bytes;
  for (const auto& one : site.devices) slowest = std::min(slowest, one.lan.rate.count);
  for (const auto& one : site.shares) slowest = std::min(slowest, one.rate);
  return std::clamp<std::uint64_t>(bytes / kPlayedBytes, 1, std::max<std::uint64_t>(1, slowest / kLeastRate));
}

class SitePlay {
 public:
  SitePlay(const ForecastRollout& rollout, const ForecastSite& site, std::uint64_t seed)
      : rollout_{rollout},
        site_{site},
        world_{seed, Trace::Keep::kNothing},
        random_{world_.random().fork("forecast")},
        scale_{scale_of(site)},
        shift_{kWallStart + kWarmUp - site.transmit_at.value_or(*site.update_at)} {}

  Result<Outcome> run();

 private:
  struct Played {
    Node* node = nullptr;
    Mood mood;
    Duration install{0};
  };
  void add_server();
  void add_gateway();
  Result<> add_device(std::size_t index);
  core::Plan plan() const;
  void add_shares(core::Plan& plan, core::Intervals& transfer) const;
  core::Plan stored_before() const;
  core::Intervals shifted(const core::Intervals& intervals) const;
  core::RateLimit scaled(const core::RateLimit& limit) const;
  std::string type_of(const ForecastDevice& device) const;
  std::int64_t ended(bool& all) const;

  const ForecastRollout& rollout_;
  const ForecastSite& site_;
  World world_;
  SimRandom random_;
  std::uint64_t scale_;
  Duration shift_;  // of times: the site's to the world's
  Node *server_node_ = nullptr, *gateway_ = nullptr;
  std::unique_ptr<PlanServer> server_;
  std::vector<core::Artifact> artifacts_;
  std::vector<FactoryImage> factory_;
  std::vector<std::unique_ptr<Played>> devices_;
  std::vector<core::Device> entries_;
  std::vector<core::DeviceType> types_;
};

// --- the site ---

void SitePlay::add_server() {
  server_node_ = &world_.add("server");
  server_node_->power_on();
  server_ = std::make_unique<PlanServer>(*server_node_, std::string{kToken});
  world_.network().serve(*server_node_, "server", *server_);
  for (std::size_t i = 0; i < site_.artifacts.size(); ++i) {
    const std::uint64_t size = std::max<std::uint64_t>(1, site_.artifacts[i].bytes / scale_);
    artifacts_.push_back(server_->add_artifact(random_bytes(random_, size), component_of(i), "new"));
    const std::string old = random_bytes(random_, 16);
    factory_.push_back({component_of(i), "old", sha256_of(as_bytes(old)), old});
  }
}

void SitePlay::add_gateway() {
  gateway_ = &world_.add("gw");
  gateway_->set_program([this](Node& node) {
    gateway::Settings settings;
    settings.server_url = "http://server";
    settings.token = kToken;
    settings.store_reserve = 0;
    settings.probe = false;
    return std::make_shared<GatewayLife>(world_, node, std::move(settings), Watch{});
  });
}

std::string SitePlay::type_of(const ForecastDevice& device) const {
  std::string out = "t";
  for (const auto& step : device.steps) {
    out += "-";
    for (const std::size_t artifact : step) out += component_of(artifact);
  }
  return out;
}

Result<> SitePlay::add_device(std::size_t index) {
  const ForecastDevice& facts = site_.devices[index];
  const wire::ForecastKind& kind = rollout_.kinds[facts.kind];
  const std::string name = "d" + std::to_string(index);
  auto played = std::make_unique<Played>();
  played->node = &world_.add(name);
  played->install = kind.installs.empty() ? Duration{core::kAssumedInstall}
                                          : kind.installs[random_.uniform(kind.installs.size())];
  const auto chance = static_cast<std::uint64_t>(kind.failing * 1e6);
  played->mood.also_fails = [this, chance](InstallerVerb verb) {
    return verb == InstallerVerb::kInstall && random_.uniform(1'000'000) < chance;
  };
  std::vector<FactoryImage> images;
  core::DeviceType type;
  type.name = type_of(facts);
  type.ask = core::Ask::kConfirmation;
  type.ends_on = core::EndsOn::kPowerOn;
  type.power_on_within = 24h;
  for (const auto& step : facts.steps) {
    auto& together = type.order.emplace_back();
    for (const std::size_t artifact : step) {
      images.push_back(factory_[artifact]);
      together.push_back(component_of(artifact));
      type.components.push_back(component_of(artifact));
    }
  }
  if (std::none_of(types_.begin(), types_.end(), [&](const auto& t) { return t.name == type.name; }))
    types_.push_back(type);
  core::Device entry;
  entry.name = DeviceId{name};
  entry.type = type.name;
  entry.token_sha256 = sha256_of(as_bytes(token_of(name))).hex();
  entries_.push_back(std::move(entry));
  DRAY_CHECK(provision(world_, *played->node, std::move(images)));
  Mood& mood = played->mood;
  played->node->set_program([this, &mood](Node& node) {
    agent::AgentSettings settings;
    settings.url = "http://gw";
    settings.id = node.name();
    settings.authorization = "TargetToken " + token_of(node.name());
    return std::make_shared<DeviceLife>(world_, node, std::move(settings), mood);
  });
  devices_.push_back(std::move(played));
  return {};
}

// --- what is asked of it ---

core::Intervals SitePlay::shifted(const core::Intervals& intervals) const {
  core::Intervals out = intervals;
  for (core::Interval& one : out) one.from += shift_, one.to += shift_;
  return out;
}

core::RateLimit SitePlay::scaled(const core::RateLimit& limit) const {
  return {limit.from + shift_, limit.to + shift_, limit.rate == 0 ? 0 : std::max<std::uint64_t>(1, limit.rate / scale_)};
}

// A share is as long as the site was expected to need. One whose line is slower is behind then, and the
// server gives it more: played as its last share that goes on in its windows.
void SitePlay::add_shares(core::Plan& plan, core::Intervals& transfer) const {
  for (const core::RateLimit& share : site_.shares) plan.limits.wan.push_back(scaled(share));
  if (site_.shares.empty()) return;
  const core::RateLimit& last = site_.shares.back();
  const core::Interval rest{last.to, rollout_.expires_at};
  for (const core::Interval& more : core::intersect(site_.later, {&rest, 1})) {
    plan.limits.wan.push_back(scaled({more.from, more.to, last.rate}));
    transfer.push_back({more.from + shift_, more.to + shift_});
  }
  transfer = core::normal(std::move(transfer));
}

core::Plan SitePlay::plan() const {
  core::Plan plan;
  plan.site = SiteId{"site"};
  plan.action_ids = {{1101, 1'001'100}};
  plan.device_types = types_;
  plan.devices = entries_;
  plan.artifacts = artifacts_;
  plan.limits.concurrency = site_.concurrency;
  for (const core::RateLimit& cap : site_.wan_caps) plan.limits.wan.push_back(scaled(cap));
  for (const core::RateLimit& cap : site_.lan_caps) plan.limits.lan.push_back(scaled(cap));
  core::Assignment a;
  a.id = AssignmentId{"r1-site"};
  a.rollout = RolloutId{"r1"};
  a.delivery = rollout_.delivery;
  a.fetch = rollout_.delivery == core::Delivery::kPush ? core::Fetch::kHold : core::Fetch::kAtUpdateTime;
  a.planned_at = *site_.update_at + shift_;
  a.expires_at = rollout_.expires_at + shift_;
  a.transfer = shifted(site_.transfer);
  add_shares(plan, a.transfer);
  a.update = shifted(site_.update);
  for (std::size_t i = 0; i < site_.devices.size(); ++i) {
    core::JobOrder job;
    job.id = JobId{"r1-d" + std::to_string(i)};
    job.device = entries_[i].name;
    for (const auto& step : site_.devices[i].steps) {
      core::Step& order = job.steps.emplace_back();
      for (const std::size_t artifact : step) order.push_back(artifacts_[artifact].sha256);
    }
    a.jobs.push_back(std::move(job));
  }
  plan.assignments = {std::move(a)};
  return plan;
}

// A plan that only brings what the gateway has already: it is sent at once, and for long after.
core::Plan SitePlay::stored_before() const {
  core::Plan out = plan();
  out.limits.wan.clear();
  out.limits.lan.clear();
  core::Assignment& a = out.assignments[0];
  a.id = AssignmentId{"r0-site"};
  a.rollout = RolloutId{"r0"};
  a.delivery = core::Delivery::kPush;
  a.fetch = core::Fetch::kNow;
  a.planned_at = a.expires_at;
  a.transfer.clear();
  a.update.clear();
  core::JobOrder job = a.jobs.at(0);
  job.id = JobId{"r0-d0"};
  job.steps.clear();
  for (std::size_t i = 0; i < artifacts_.size(); ++i)
    if (2 * site_.artifacts[i].missing < site_.artifacts[i].bytes) job.steps.push_back({artifacts_[i].sha256});
  a.jobs = {std::move(job)};
  return out;
}

std::int64_t SitePlay::ended(bool& all) const {
  std::int64_t updated = 0;
  all = true;
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    const wire::JobReport* job = server_->job("r1-d" + std::to_string(i));
    const std::string state = job != nullptr ? job->state : "";
    updated += state == "succeeded" ? 1 : 0;
    all = all && core::is_final(state);
  }
  return updated;
}

Result<Outcome> SitePlay::run() {
  add_server();
  add_gateway();
  for (std::size_t i = 0; i < site_.devices.size(); ++i) DRAY_CHECK(add_device(i));
  world_.on_crashed([this](Node& node) {  // the restart into the new version
    for (const auto& device : devices_)
      if (device->node == &node) world_.after(std::max(device->install, Duration{1'000}), [&node] { node.power_on(); });
  });
  gateway_->power_on();
  const core::Plan before = stored_before();
  const auto stored = static_cast<std::uint64_t>(before.assignments[0].jobs[0].steps.size());
  if (stored > 0) server_->publish(before);
  DRAY_CHECK(world_.run_for(kWarmUp / 2));

  world_.network().link("server", "gw").rate = BytesPerSecond{std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(static_cast<double>(site_.wan.rate.count / scale_) * factor(random_, site_.wan.spread)))};
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    const core::LineRate& lan = site_.devices[i].lan;
    world_.network().link("gw", devices_[i]->node->name()).rate = BytesPerSecond{std::max<std::uint64_t>(
        1, static_cast<std::uint64_t>(static_cast<double>(lan.rate.count / scale_) * factor(random_, lan.spread)))};
    Node& node = *devices_[i]->node;
    world_.after(random_.up_to(kWarmUp / 4), [&node] { node.power_on(); });
  }
  server_->publish(plan());
  if (site_.transmit_at) {
    world_.after(*site_.transmit_at + shift_ - world_.true_time(), [this] {
      core::Plan now = plan();
      now.assignments[0].fetch = core::Fetch::kNow;
      server_->publish(std::move(now));
    });
  }
  bool all = false;
  const Duration limit = rollout_.expires_at + shift_ - world_.true_time() + 2h;
  DRAY_CHECK(world_.run_until([&] { return ended(all), all; }, limit));
  Outcome out;
  out.updated = ended(all);
  if (out.updated == std::ssize(devices_)) out.finish_at = world_.true_time() - shift_;
  return out;
}

}  // namespace

Result<Outcome> play(const ForecastRollout& rollout, const ForecastSite& site, std::uint64_t seed) {
  if (site.devices.empty()) return Outcome{site.update_at, 0};
  SitePlay one{rollout, site, seed};
  return one.run();
}

}  // namespace dray::sim::forecast
