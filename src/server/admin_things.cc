// Artifacts, device types, sites and devices of the admin API.
#include <charconv>
#include <utility>

#include "server/admin_api.h"
#include "server/planning.h"

namespace dray::server {

using wire::json::value;

// --- artifacts ---

Task<HttpResponse> AdminApi::add_artifact(Call& call) {
  auto wanted = wire::decode_artifact(call.body);
  if (!wanted) co_return problem_response(wanted.error());
  std::function<Result<Made>()> work = [this, &wanted, once = once(call), now = parts_.clock.wall()] {
    return parts_.store.add_artifact(*wanted, now, once);
  };
  auto done = co_await on(parts_.store_worker, std::move(work));
  if (!done) co_return problem_response(done.error());
  std::function<Result<std::vector<Sha256>>()> look = [this, &wanted] { return parts_.lists.same_version(*wanted); };
  const auto others = co_await on(parts_.lists_worker, std::move(look));
  std::vector<std::string> warnings;
  if (others)
    for (const Sha256& other : *others)
      warnings.push_back("artifact " + other.short_hex() + " has the same version, '" + wanted->version + "', and other bytes: of devices that report no "
                         "hash nobody can tell which of them runs");
  std::function<Result<wire::ArtifactView>()> show = [this, sha = wanted->sha256] {
    return parts_.lists.artifact(sha);
  };
  co_return co_await made<wire::ArtifactView>(*done, "/api/v1/artifacts/" + wanted->sha256.hex(), {},
                                              std::move(show), std::move(warnings));
}

Task<HttpResponse> AdminApi::list_artifacts(Call& call) {
  auto query = page_query(call, {});
  if (!query) co_return problem_response(query.error());
  std::function<Result<wire::Page<wire::ArtifactView>>()> work = [this, &query] {
    return parts_.lists.artifacts(*query);
  };
  auto page = co_await on(parts_.lists_worker, std::move(work));
  if (!page) co_return problem_response(page.error());
  for (wire::ArtifactView& one : page->items) say_damage(one);
  co_return json_response(200, wire::encode(*page));
}

Task<HttpResponse> AdminApi::show_artifact(Call& call) {
  auto sha256 = Sha256::parse(call.args[0]);
  if (!sha256)
    co_return problem_response(404, "no such artifact: an artifact is named by its SHA-256, 64 hex digits");
  std::function<Result<wire::ArtifactView>()> work = [this, &sha256] {
    return parts_.lists.artifact(*sha256);
  };
  auto found = co_await on(parts_.lists_worker, std::move(work));
  if (!found) co_return problem_response(found.error());
  say_damage(*found);
  co_return json_response(200, wire::encode(*found));
}

// --- device types ---

Task<HttpResponse> AdminApi::add_device_type(Call& call) {
  auto wanted = wire::decode_device_type(call.body);
  if (!wanted) co_return problem_response(wanted.error());
  std::function<Result<Made>()> work = [this, &wanted, once = once(call), now = parts_.clock.wall()] {
    return parts_.store.add_device_type(*wanted, once, now);
  };
  auto done = co_await on(parts_.store_worker, std::move(work));
  if (!done) co_return problem_response(done.error());
  std::function<Result<wire::NewDeviceType>()> show = [this, name = done->id] {
    return parts_.lists.device_type(name);
  };
  co_return co_await made<wire::NewDeviceType>(*done, "/api/v1/device-types/" + done->id, {},
                                               std::move(show));
}

Task<HttpResponse> AdminApi::list_device_types(Call& call) {
  auto query = page_query(call, {});
  if (!query) co_return problem_response(query.error());
  std::function<Result<wire::Page<wire::NewDeviceType>>()> work = [this, &query] {
    return parts_.lists.device_types(*query);
  };
  co_return co_await listing<wire::NewDeviceType>(std::move(work));
}

Task<HttpResponse> AdminApi::show_device_type(Call& call) {
  std::function<Result<wire::NewDeviceType>()> work = [this, &call] {
    return parts_.lists.device_type(call.args[0]);
  };
  co_return co_await showing<wire::NewDeviceType>(std::move(work));
}

// PATCH: what is given takes the place of all other names that there were.
Task<HttpResponse> AdminApi::change_device_type(Call& call) {
  auto wanted = wire::decode_type_patch(call.body);
  if (!wanted) co_return problem_response(wanted.error());
  std::function<Result<SiteChanges>()> work = [this, &call, &wanted] {
    return parts_.store.set_other_names(call.args[0], wanted->also_called);
  };
  auto done = co_await on(parts_.store_worker, std::move(work));
  if (!done) co_return problem_response(done.error());
  sites_.apply(*done);
  parts_.log.info("device_type_changed", {{"type", call.args[0]}, {"other_names", wanted->also_called.size()}});
  co_return co_await show_device_type(call);
}

// --- sites ---

Task<HttpResponse> AdminApi::add_site(Call& call) {
  auto wanted = wire::decode_site(call.body);
  if (!wanted) co_return problem_response(wanted.error());
  auto known = co_await know_zone(wanted->time_zone);
  if (!known) co_return problem_response(known.error());
  const std::string token = new_token();
  std::function<Result<Made>()> work = [this, &wanted, hash = sha256_hex(token), once = once(call),
                                        now = parts_.clock.wall()] {
    return parts_.store.add_site(*wanted, hash, now, once);
  };
  auto done = co_await on(parts_.store_worker, std::move(work));
  if (!done) co_return problem_response(done.error());
  if (!done->replayed) {
    sites_.add(done->id, sha256_hex(token), 1);
    parts_.log.info("site_added", {{"site", done->id}});
  }
  std::function<Result<wire::SiteView>()> show = [this, name = done->id] { return parts_.lists.site(name); };
  co_return co_await made<wire::SiteView>(*done, "/api/v1/sites/" + done->id, token, std::move(show));
}

Task<HttpResponse> AdminApi::list_sites(Call& call) {
  auto query = page_query(call, {});
  if (!query) co_return problem_response(query.error());
  std::function<Result<wire::Page<wire::SiteView>>()> work = [this, &query] {
    return parts_.lists.sites(*query);
  };
  auto page = co_await on(parts_.lists_worker, std::move(work));
  if (!page) co_return problem_response(page.error());
  const Suffering suffering = co_await who_suffers();
  for (wire::SiteView& site : page->items) {
    instances_.show(site);
    sites_.show(site);
    site.damaged = suffering.of_site(site.name);
    wire::describe_site(site, parts_.clock.wall());
  }
  co_return json_response(200, wire::encode(*page));
}

Task<HttpResponse> AdminApi::show_site(Call& call) {
  std::function<Result<wire::SiteView>()> work = [this, &call,
                                                  now = parts_.clock.wall()]() -> Result<wire::SiteView> {
    DRAY_TRY(auto site, parts_.lists.site(call.args[0]));
    DRAY_TRY(const auto rate, parts_.lists.wan_rate(site.name, now));
    site.wan_rate = wire::RateView{rate, now};
    return site;
  };
  auto site = co_await on(parts_.lists_worker, std::move(work));
  if (!site) co_return problem_response(site.error());
  instances_.show(*site);
  sites_.show(*site);
  const Suffering suffering = co_await who_suffers();
  site->damaged = suffering.of_site(site->name);
  wire::describe_site(*site, parts_.clock.wall());
  HttpResponse out = json_response(200, wire::encode(*site));
  out.headers.set("ETag", "\"" + std::to_string(site->revision) + "\"");
  co_return out;
}

// PATCH: only what is given changes. If-Match with the ETag of GET: only where nobody else was quicker.
Task<HttpResponse> AdminApi::change_site(Call& call) {
  auto change = wire::decode_site_patch(call.body);
  if (!change) co_return problem_response(change.error());
  const std::string match = bare_tag(call.request.headers.get("If-Match"));
  std::optional<std::int64_t> revision;
  if (!match.empty() && match != "*") {
    std::int64_t number = -1;  // what is no number is no revision of ours
    const auto [end, error] = std::from_chars(match.data(), match.data() + match.size(), number);
    revision = error == std::errc{} && end == match.data() + match.size() ? number : -1;
  }
  if (change->time_zone) {
    auto known = co_await know_zone(*change->time_zone);
    if (!known) co_return problem_response(known.error());
  }
  std::function<Result<SiteChanges>()> work = [this, &call, &change, revision] {
    return parts_.store.change_site(call.args[0], *change, revision);
  };
  auto done = co_await on(parts_.store_worker, std::move(work));
  if (!done && done.error().code() == ErrorCode::kConflict)
    co_return problem_response(412, done.error().message());
  if (!done) co_return problem_response(done.error());
  sites_.apply(*done);
  timetable_.notify();  // times follow the windows
  co_return co_await show_site(call);
}

// A stored column that can't be read takes the value that is given; what was held because of it goes on.
Task<HttpResponse> AdminApi::replace_row(Call& call) {
  auto wanted = wire::decode_replacement(call.args[0], call.args[1], call.args[2], call.body);
  if (!wanted) co_return problem_response(wanted.error());
  if (wanted->table == "site" && wanted->column == "time_zone") {
    auto zone = wire::decode<std::string>(wire::parse_json(wanted->text), [](const wire::Node& n) { return n.text(); });
    if (!zone) co_return problem_response(zone.error().with_context("value"));
    auto known = co_await know_zone(*zone);
    if (!known) co_return problem_response(known.error());
  }
  std::function<Result<SiteChanges>()> work = [this, &wanted] {
    return parts_.store.replace_unreadable(*wanted);
  };
  auto done = co_await on(parts_.store_worker, std::move(work));
  if (!done) co_return problem_response(done.error());
  parts_.log.info("row_replaced", {{"table", wanted->table}, {"key", wanted->key}, {"column", wanted->column}});
  if (wanted->table == "site" && wanted->column == "token_sha256") {
    const auto hash = wire::decode<std::string>(wire::parse_json(wanted->text), [](const wire::Node& n) { return n.text(); });
    if (hash) sites_.set_token(wanted->key, *hash);
  }
  if (wanted->table == "blob") {
    auto loaded = co_await artifacts_.load_blobs();
    if (!loaded) co_return problem_response(loaded.error());
  }
  sites_.apply(*done);
  timetable_.notify();
  const value body{{"table", wanted->table}, {"key", wanted->key}, {"column", wanted->column}};
  co_return json_response(200, body);
}

// kInvalid where there is no such time zone.
Task<Result<>> AdminApi::know_zone(std::string name) {
  std::function<Result<>()> work = [this, &name]() -> Result<> {
    if (!parts_.zones) return {};
    if (auto zone = parts_.zones(name); !zone) return zone.error().with_context("time_zone");
    return {};
  };
  co_return co_await on(parts_.lists_worker, std::move(work));
}

Task<HttpResponse> AdminApi::renew_site_token(Call& call) {
  const std::string token = new_token();
  std::function<Result<>()> work = [this, &call, hash = sha256_hex(token)] {
    return parts_.store.set_site_token(call.args[0], hash);
  };
  auto done = co_await on(parts_.store_worker, std::move(work));
  if (!done) co_return problem_response(done.error());
  sites_.set_token(call.args[0], sha256_hex(token));
  parts_.log.info("site_token_renewed", {{"site", call.args[0]}});
  const value body{{"name", call.args[0]}, {"token", token}};
  co_return json_response(200, body);
}

Task<HttpResponse> AdminApi::resync_site(Call& call) {
  std::function<Result<>()> work = [this, &call] { return parts_.store.ask_resync(call.args[0]); };
  auto done = co_await on(parts_.store_worker, std::move(work));
  if (!done) co_return problem_response(done.error());
  const value body{{"name", call.args[0]}, {"resync", "asked with the next reports"}};
  co_return json_response(202, body);
}

Task<HttpResponse> AdminApi::renew_action_ids(Call& call) {
  auto wanted = wire::decode_id_renewal(call.body);
  if (!wanted) co_return problem_response(wanted.error());
  std::function<Result<SiteChanges>()> work = [this, &call, &wanted, now = parts_.clock.wall()] {
    return parts_.store.renew_action_ids(call.args[0], wanted->beyond_32_bits, now);
  };
  auto done = co_await on(parts_.store_worker, std::move(work));
  if (!done) co_return problem_response(done.error());
  sites_.apply(*done);
  parts_.log.info("action_ids_renewed", {{"site", call.args[0]},
                                         {"by", wanted->why.by},
                                         {"why", wanted->why.why},
                                         {"beyond_32_bits", wanted->beyond_32_bits}});
  co_return co_await show_site(call);
}

// --- devices ---

Task<HttpResponse> AdminApi::add_device(Call& call) {
  auto wanted = wire::decode_device(call.body);
  if (!wanted) co_return problem_response(wanted.error());
  const std::string token = new_token();
  const std::vector<wire::NewDevice> devices{*wanted};
  const std::vector<std::string> hashes{sha256_hex(token)};
  std::function<Result<Made>()> work = [this, &devices, &hashes, once = once(call),
                                        now = parts_.clock.wall()] {
    return parts_.store.add_devices(devices, hashes, now, once);
  };
  auto done = co_await on(parts_.store_worker, std::move(work));
  if (!done) co_return problem_response(done.error());
  sites_.apply(done->changed);
  timetable_.notify();  // a running rollout may take them
  std::function<Result<wire::DeviceView>()> show = [this, name = done->id] {
    return parts_.lists.device(name);
  };
  co_return co_await made<wire::DeviceView>(*done, "/api/v1/devices/" + done->id, token, std::move(show));
}

// All or none; answers with the tokens only, in the order of the request.
Task<HttpResponse> AdminApi::add_devices(Call& call) {
  auto wanted = wire::decode_devices(call.body);
  if (!wanted) co_return problem_response(wanted.error());
  if (wanted->empty()) co_return problem_response(400, "devices: at least one is needed");
  std::vector<std::string> tokens, hashes;
  for (std::size_t i = 0; i < wanted->size(); ++i) {
    tokens.push_back(new_token());
    hashes.push_back(sha256_hex(tokens.back()));
  }
  std::function<Result<Made>()> work = [this, &wanted, &hashes, once = once(call),
                                        now = parts_.clock.wall()] {
    return parts_.store.add_devices(*wanted, hashes, now, once);
  };
  auto done = co_await on(parts_.store_worker, std::move(work));
  if (!done) co_return problem_response(done.error());
  sites_.apply(done->changed);
  timetable_.notify();  // a running rollout may take them
  wire::json::array items;
  for (std::size_t i = 0; i < wanted->size(); ++i)
    items.push_back({{"name", (*wanted)[i].name}, {"token", done->replayed ? value{} : value(tokens[i])}});
  const value body{{"devices", std::move(items)}};
  HttpResponse out = json_response(done->replayed ? 200 : 201, body);
  if (done->replayed) out.headers.set("Idempotency-Replayed", "true");
  co_return out;
}

Task<HttpResponse> AdminApi::list_devices(Call& call) {
  auto query = page_query(call, core::kDeviceFields);
  if (!query) co_return problem_response(query.error());
  std::function<Result<wire::Page<wire::DeviceView>>()> work = [this, &query] {
    return parts_.lists.devices(*query);
  };
  co_return co_await listing<wire::DeviceView>(std::move(work));
}

Task<HttpResponse> AdminApi::show_device(Call& call) {
  std::function<Result<wire::DeviceView>()> work = [this, &call,
                                                    now = parts_.clock.wall()]() -> Result<wire::DeviceView> {
    DRAY_TRY(auto device, parts_.lists.device(call.args[0]));
    DRAY_TRY(const auto rate, parts_.lists.device_rate(device.name, now));
    device.rate = wire::RateView{rate, now};
    return device;
  };
  co_return co_await showing<wire::DeviceView>(std::move(work));
}

// PATCH: to another type.
Task<HttpResponse> AdminApi::change_device(Call& call) {
  auto wanted = wire::decode_device_patch(call.body);
  if (!wanted) co_return problem_response(wanted.error());
  std::function<Result<SiteChanges>()> work = [this, &call, &wanted, now = parts_.clock.wall()] {
    return parts_.store.move_device(call.args[0], wanted->type, plan_type, now);
  };
  auto done = co_await on(parts_.store_worker, std::move(work));
  if (!done) co_return problem_response(done.error());
  sites_.apply(*done);
  timetable_.notify();  // its jobs have other bytes now, and a running rollout may take it
  parts_.log.info("device_moved", {{"device", call.args[0]}, {"type", wanted->type}});
  co_return co_await show_device(call);
}

Task<HttpResponse> AdminApi::renew_device_token(Call& call) {
  const std::string token = new_token();
  std::function<Result<SiteChanges>()> work = [this, &call, hash = sha256_hex(token)] {
    return parts_.store.set_device_token(call.args[0], hash);
  };
  auto done = co_await on(parts_.store_worker, std::move(work));
  if (!done) co_return problem_response(done.error());
  sites_.apply(*done);
  const value body{{"name", call.args[0]}, {"token", token}};
  co_return json_response(200, body);
}

Task<HttpResponse> AdminApi::list_registered(Call& call) {
  auto query = page_query(call, {});
  if (!query) co_return problem_response(query.error());
  std::function<Result<wire::Page<wire::RegisteredView>>()> work = [this, &query] {
    return parts_.lists.registered(*query);
  };
  co_return co_await listing<wire::RegisteredView>(std::move(work));
}

}  // namespace dray::server
