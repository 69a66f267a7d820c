// GET plan: Plan <-> JSON. Member names and meanings: docs/gateway-api.md.
#include <algorithm>
#include <array>

#include "wire/gateway_api.h"
#include "wire/json_write.h"
#include "wire/plan_flaw.h"

namespace dray::wire {
namespace {

using namespace core;

// --- writing ---

json::array encode_permitted(const Intervals& intervals) {
  json::array out;
  for (const Interval& i : intervals) out.push_back(json::array{to_rfc3339(i.from), to_rfc3339(i.to)});
  return out;
}

json::object encode_type(const DeviceType& type) {
  json::array order;
  for (const Components& step : type.order) order.push_back(encode_strings(step));
  json::object out{{"name", type.name},
          {"components", encode_strings(type.components)},
          {"order", std::move(order)},
          {"ask", type.ask == Ask::kConfirmation ? "confirmation" : "poll"},
          {"ends_on", type.ends_on == EndsOn::kPowerOn ? "power_on" : "closed"},
          {"power_on_within", type.power_on_within.count()},
          {"probe", type.probe.empty() ? json::value{} : json::value(type.probe)},
          {"parts", encode_map(type.parts)}};
  if (type.bytes_from == BytesFrom::kElsewhere) out["bytes_from"] = "elsewhere";
  if (type.closes_early) out["closes_early"] = true;
  if (!type.also_called.empty()) out["also_called"] = encode_strings(type.also_called);
  return out;
}

json::object encode_artifact(const Artifact& a) {
  return {{"sha256", a.sha256.hex()}, {"sha1", a.sha1},       {"md5", a.md5},
          {"size", a.size},           {"name", a.name},       {"file", a.file},
          {"component", a.component}, {"version", clean_version(a.version, kLongestVersion)},
          {"module_id", a.module_id}};
}

json::object encode_job(const JobOrder& job) {
  json::array steps;
  for (const Step& step : job.steps) {
    json::array out;
    for (const Sha256& sha : step) out.emplace_back(sha.hex());
    steps.push_back(std::move(out));
  }
  return {{"id", job.id.value()}, {"device", job.device.value()}, {"steps", std::move(steps)}};
}

std::string_view name_of(Fetch fetch) {
  return fetch == Fetch::kNow ? "now" : fetch == Fetch::kHold ? "hold" : "at_update_time";
}

json::object encode_assignment(const Assignment& a) {
  json::array jobs;
  for (const JobOrder& job : a.jobs) jobs.push_back(encode_job(job));
  json::object out{{"id", a.id.value()},
          {"rollout", a.rollout.value()},
          {"priority", a.priority},
          {"delivery", a.delivery == Delivery::kPush ? "push" : "pull"},
          {"fetch", name_of(a.fetch)},
          {"planned_at", to_rfc3339(a.planned_at)},
          {"expires_at", a.expires_at == kWallMax ? json::value{} : json::value(to_rfc3339(a.expires_at))},
          {"transfer", encode_permitted(a.transfer)},
          {"update", encode_permitted(a.update)},
          {"retry", {{"limit", a.retry.limit ? json::value(*a.retry.limit) : json::value{}}}},
          {"status_deferral", a.status_deferral.count()},
          {"jobs", std::move(jobs)}};
  if (a.held) out["held"] = {{"reason", clean_text(a.held->reason, kLongestWord)}, {"sentence", clean_text(a.held->sentence, kLongestSentence)}};
  return out;
}

template <class Tag>
json::value or_null(const Id<Tag>& id) {
  return id.empty() ? json::value{} : json::value(id.value());
}

// --- reading ---

std::vector<std::string> decode_strings(const Node& node) {
  std::vector<std::string> out;
  node.each([&](const Node& n) { out.push_back(n.text(kLongestTitle)); }, 10'000);
  return out;
}

std::map<std::string, std::string> decode_map(const Node& node) {
  std::map<std::string, std::string> out;
  node.members([&](std::string_view key, const Node& n) { out[std::string{key}] = n.text(kLongestTitle); });
  return out;
}

Intervals decode_permitted(const Node& node) {
  Intervals out;
  node.each([&](const Node& n) {
    const json::array& pair = n.array(2);
    if (pair.size() != 2) n.refuse("must be a pair [from, to]");
    const Interval interval{Node{pair[0], n.path() + "[0]"}.time(), Node{pair[1], n.path() + "[1]"}.time()};
    if (interval.to < interval.from) n.refuse("ends before it begins");
    out.push_back(interval);
  });
  return out;
}

std::vector<RateLimit> decode_rate_limits(const std::optional<Node>& node) {
  std::vector<RateLimit> out;
  if (node) node->each([&](const Node& n) { out.push_back({n.at("from").time(), n.at("to").time(), at_most(n.at("rate").size(), kMostRate)}); });
  return out;
}

template <std::size_t N>
std::size_t choice(const Node& node, const std::array<std::string_view, N>& words) {
  const std::string text = node.text(kLongestWord);
  const auto found = std::find(words.begin(), words.end(), text);
  if (found == words.end()) {
    std::string known;
    for (const std::string_view word : words) known += (known.empty() ? "" : ", ") + std::string{word};
    node.refuse("must be one of " + known);
  }
  return static_cast<std::size_t>(found - words.begin());
}

// As long as what a device may say. What no device can say is left out, and so are too many: that holds the devices that
// say it, and refusing the plan would hold the site.
std::vector<std::string> decode_said_names(const Node& node) {
  constexpr std::size_t kMostSaidNames = 1'000;
  std::vector<std::string> out;
  node.each([&](const Node& n) {
    const json::string* name = n.value().if_string();
    if (name != nullptr && name->size() <= kLongestAttribute * kBytesOfCharacter && out.size() < kMostSaidNames) out.emplace_back(*name);
  });
  return out;
}

DeviceType decode_type(const Node& n) {
  DeviceType type;
  type.name = n.at("name").text(kLongestTitle);
  type.components = decode_strings(n.at("components"));
  if (const auto order = n.maybe("order"))
    order->each([&](const Node& step) { type.order.push_back(decode_strings(step)); });
  else
    type.order = {type.components};
  if (const auto ask = n.maybe("ask"))
    type.ask = choice(*ask, std::array<std::string_view, 2>{"confirmation", "poll"}) == 0 ? Ask::kConfirmation : Ask::kPoll;
  if (const auto ends = n.maybe("ends_on"))
    type.ends_on = choice(*ends, std::array<std::string_view, 2>{"power_on", "closed"}) == 0 ? EndsOn::kPowerOn : EndsOn::kClosed;
  if (const auto within = n.maybe("power_on_within"))
    type.power_on_within = std::chrono::seconds{within->integer(1, kMostSeconds)};
  if (const auto probe = n.maybe("probe")) type.probe = probe->text(kLongestWhy);
  if (const auto parts = n.maybe("parts")) type.parts = decode_map(*parts);
  if (const auto from = n.maybe("bytes_from"))
    type.bytes_from = choice(*from, std::array<std::string_view, 2>{"gateway", "elsewhere"}) == 0 ? BytesFrom::kGateway : BytesFrom::kElsewhere;
  if (const auto early = n.maybe("closes_early")) type.closes_early = early->boolean();
  if (const auto names = n.maybe("also_called")) type.also_called = decode_said_names(*names);
  return type;
}

Device decode_plan_device(const Node& n) {
  Device device;
  device.name = DeviceId{n.at("name").text(kLongestTitle)};
  if (const auto type = n.maybe("type")) device.type = type->text(kLongestTitle);
  if (const auto token = n.maybe("token_sha256")) device.token_sha256 = token->text(64);
  if (const auto attributes = n.maybe("attributes")) device.attributes = decode_attributes(*attributes);
  // Longer than any device can say: it is held all the same, by what there is of it.
  if (const auto said = n.maybe("says_type")) device.says_type = cut_characters(said->text(), kLongestAttribute);
  return device;
}

Artifact decode_plan_artifact(const Node& n) {
  Artifact a;
  a.sha256 = n.at("sha256").sha256();
  if (const auto sha1 = n.maybe("sha1")) a.sha1 = sha1->text(40);
  if (const auto md5 = n.maybe("md5")) a.md5 = md5->text(32);
  a.size = n.at("size").size(kMostSize);
  if (const auto name = n.maybe("name")) a.name = name->text(kLongestTitle);
  a.file = n.at("file").text(kLongestTitle);
  a.component = n.at("component").text(kLongestTitle);
  a.version = n.at("version").version();
  a.module_id = n.at("module_id").integer(1);
  return a;
}

JobOrder decode_job(const Node& n) {
  JobOrder job;
  job.id = JobId{n.at("id").text(kLongestId)};
  job.device = DeviceId{n.at("device").text(kLongestTitle)};
  n.at("steps").each([&](const Node& step) {
    Step out;
    step.each([&](const Node& sha) { out.push_back(sha.sha256()); });
    job.steps.push_back(std::move(out));
  });
  return job;
}

Assignment decode_assignment(const Node& n) {
  Assignment a;
  a.id = AssignmentId{n.at("id").text(kLongestId)};
  if (const auto rollout = n.maybe("rollout")) a.rollout = RolloutId{rollout->text(kLongestTitle)};
  if (const auto priority = n.maybe("priority")) a.priority = static_cast<int>(priority->integer(-1'000'000, 1'000'000));
  a.delivery = choice(n.at("delivery"), std::array<std::string_view, 2>{"pull", "push"}) == 1 ? Delivery::kPush : Delivery::kPull;
  static constexpr std::array<Fetch, 3> kFetches{Fetch::kAtUpdateTime, Fetch::kHold, Fetch::kNow};
  a.fetch = kFetches[choice(n.at("fetch"), std::array<std::string_view, 3>{"at_update_time", "hold", "now"})];
  a.planned_at = n.at("planned_at").time();
  if (const auto expires = n.maybe("expires_at")) a.expires_at = expires->time();
  if (const auto transfer = n.maybe("transfer")) a.transfer = decode_permitted(*transfer);
  if (const auto update = n.maybe("update")) a.update = decode_permitted(*update);
  if (const auto retry = n.maybe("retry"))
    if (const auto limit = retry->maybe("limit")) a.retry.limit = static_cast<int>(limit->integer(1, kMostAttempt));
  if (const auto deferral = n.maybe("status_deferral")) a.status_deferral = std::chrono::seconds{deferral->integer(0, kMostSeconds)};
  if (const auto held = n.maybe("held")) a.held = Held{held->at("reason").cleaned(kLongestWord), held->at("sentence").cleaned(kLongestSentence)};
  n.at("jobs").each([&](const Node& job) { a.jobs.push_back(decode_job(job)); });
  return a;
}

template <class T>
T decode_id(const std::optional<Node>& node) {
  return node ? T{node->text(kLongestId)} : T{};
}

std::string said(const Node& n, std::string_view key, std::size_t longest) {
  const auto node = n.maybe(key);
  return node ? node->cleaned(longest) : std::string{};
}

// The ends are inclusive. Ids are counted up from one end and drawn from the middle: what is empty holds none.
ActionIdRange decode_range(const Node& n) {
  const std::int64_t from = n.at("from").integer(1);
  return {from, n.at("to").integer(from)};
}

std::vector<Deferral> decode_deferrals(const std::optional<Node>& items) {
  std::vector<Deferral> out;
  if (items)
    items->each([&](const Node& d) {
      out.push_back({d.at("id").text(kLongestTitle), decode_id<DeviceId>(d.maybe("device")), decode_id<AssignmentId>(d.maybe("assignment")),
                     d.at("until").time(), said(d, "by", kLongestBy), said(d, "why", kLongestWhy)});
    });
  return out;
}

json::array encode_deferrals(const std::vector<Deferral>& deferrals) {
  json::array out;
  for (const Deferral& d : deferrals)
    out.push_back({{"id", d.id}, {"device", or_null(d.device)}, {"assignment", or_null(d.assignment)},
                   {"until", to_rfc3339(d.until)}, {"by", clean_text(d.by, kLongestBy)}, {"why", clean_text(d.why, kLongestWhy)}});
  return out;
}

void decode_orders(const Node& n, Plan& plan) {
  plan.deferrals = decode_deferrals(n.maybe("deferrals"));
  plan.site_deferrals = decode_deferrals(n.maybe("site_deferrals"));
  if (const auto items = n.maybe("cancels"))
    items->each([&](const Node& c) {
      plan.cancels.push_back({c.at("id").text(kLongestTitle), JobId{c.at("job").text(kLongestId)}, said(c, "by", kLongestBy), said(c, "why", kLongestWhy)});
    });
}

PlanMessage decode_message(const Node& n) {
  PlanMessage message;
  Plan& plan = message.plan;
  plan.revision = n.at("revision").integer(0);
  message.server_time = n.at("server_time").time();
  if (const auto seen = n.maybe("reports_seen"))
    message.reports_seen = {seen->at("epoch").integer(0), seen->at("seq").integer(0)};
  if (const auto site = n.maybe("site")) plan.site = SiteId{site->text(kLongestTitle)};
  if (const auto zone = n.maybe("time_zone")) plan.time_zone = zone->text(kLongestWord);
  if (const auto ids = n.maybe("action_ids"))
    ids->each([&](const Node& r) { plan.action_ids.push_back(decode_range(r)); });
  if (const auto limits = n.maybe("limits")) {
    plan.limits.wan = decode_rate_limits(limits->maybe("wan"));
    plan.limits.lan = decode_rate_limits(limits->maybe("lan"));
    if (const auto c = limits->maybe("concurrency")) plan.limits.concurrency = static_cast<int>(c->integer(1, kMostConcurrency));
    if (const auto store = limits->maybe("store")) plan.limits.store = store->size();
  }
  if (const auto items = n.maybe("device_types")) items->each([&](const Node& t) { plan.device_types.push_back(decode_type(t)); });
  if (const auto items = n.maybe("devices")) items->each([&](const Node& d) { plan.devices.push_back(decode_plan_device(d)); });
  if (const auto items = n.maybe("artifacts")) items->each([&](const Node& a) { plan.artifacts.push_back(decode_plan_artifact(a)); });
  if (const auto items = n.maybe("assignments")) items->each([&](const Node& a) { plan.assignments.push_back(decode_assignment(a)); });
  decode_orders(n, plan);
  return message;
}

}  // namespace

json::object plan_object(const PlanMessage& message) {
  const Plan& plan = message.plan;
  json::array ids, types, devices, artifacts, assignments, cancels;
  for (const auto& r : plan.action_ids) ids.push_back({{"from", r.from}, {"to", r.to}});
  for (const auto& t : plan.device_types) types.push_back(encode_type(t));
  for (const auto& d : plan.devices) {
    json::object one{{"name", d.name.value()}, {"type", d.type}, {"token_sha256", d.token_sha256}, {"attributes", encode_attributes(d.attributes)}};
    if (!d.says_type.empty()) one["says_type"] = d.says_type;
    devices.push_back(std::move(one));
  }
  for (const auto& a : plan.artifacts) artifacts.push_back(encode_artifact(a));
  for (const auto& a : plan.assignments) assignments.push_back(encode_assignment(a));
  for (const auto& c : plan.cancels) cancels.push_back({{"id", c.id}, {"job", c.job.value()}, {"by", clean_text(c.by, kLongestBy)}, {"why", clean_text(c.why, kLongestWhy)}});
  json::object limits{{"wan", encode_rates(plan.limits.wan)}, {"lan", encode_rates(plan.limits.lan)}, {"concurrency", plan.limits.concurrency}};
  if (plan.limits.store != 0) limits["store"] = plan.limits.store;
  return {{"revision", plan.revision},
          {"server_time", to_rfc3339(message.server_time)},
          {"site", plan.site.value()},
          {"time_zone", plan.time_zone},
          {"reports_seen", {{"epoch", message.reports_seen.epoch}, {"seq", message.reports_seen.seq}}},
          {"action_ids", std::move(ids)},
          {"limits", std::move(limits)},
          {"device_types", std::move(types)},
          {"devices", std::move(devices)},
          {"artifacts", std::move(artifacts)},
          {"assignments", std::move(assignments)},
          {"deferrals", encode_deferrals(plan.deferrals)},
          {"site_deferrals", encode_deferrals(plan.site_deferrals)},
          {"cancels", std::move(cancels)}};
}

std::string encode_plan(const PlanMessage& message) { return to_text(plan_object(message)); }

Result<PlanMessage> decode_plan(std::string_view text) { return decode<PlanMessage>(parse_json(text), decode_message); }

}  // namespace dray::wire
