#include "cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <span>

#include "adapters/posix/system_clock.h"
#include "base/text.h"
#include "ctl/times.h"

namespace dray::ctl {
namespace {

constexpr std::size_t kLongestShown = 200;  // bytes of an argument that is named

json::array strings(const std::vector<std::string>& items) {
  json::array out;
  for (const auto& item : items) out.emplace_back(item);
  return out;
}

json::object pairs(const std::vector<std::string>& items) {
  json::object out;
  for (const auto& item : items) {
    const auto equals = item.find('=');
    if (equals == item.npos) throw CLI::ValidationError(item, "must be KEY=VALUE");
    out[item.substr(0, equals)] = item.substr(equals + 1);
  }
  return out;
}

void add_artifact(CLI::App& app, Cli& cli) {
  CLI::App* group = app.add_subcommand("artifact", "files that devices get")->require_subcommand(1);
  CLI::App* push = group->add_subcommand("push", "upload a file and say what it is for; resumes where it was cut");
  auto o = keep<ArtifactPush>();
  push->add_option("file", o->file, "the file")->required()->check(CLI::ExistingFile);
  push->add_option("--name", o->name, "what to call it")->required();
  push->add_option("--component", o->component, "the part of the device that it updates, such as os")->required();
  push->add_option("--version", o->version, "exactly as devices report it")->required();
  push->add_option("--type", o->types, "device types it fits; may be repeated")->required();
  push->add_option("--file-name", o->as_file, "as devices see it; default: the file's own name");
  push->footer("Example: drayctl artifact push till-26.11.img --name till-image --component os --version 26.11 --type till-t3");
  push->callback([&cli, o] { cli.command = [o](Session& s) { return push_artifact(s, *o); }; });
  group->add_subcommand("list", "what is stored")->callback([&cli] {
    cli.command = [](Session& s) {
      return list_of(s, "/artifacts", {{"SHA256", "sha256"}, {"NAME", "name"}, {"COMPONENT", "component"}, {"VERSION", "version"}, {"TYPES", "device_types"}, {"BYTES", "size"}, {"STATE", "state"}});
    };
  });
}

void add_type(CLI::App& app, Cli& cli) {
  struct Options {
    std::string name, client = "dray", ask, ends_on, probe, bytes_from;
    std::vector<std::string> components, parts, also_called;
    bool one_by_one = false;
    std::int64_t power_on_within = 600;
  };
  CLI::App* group = app.add_subcommand("type", "device types: hardware model and installer")->require_subcommand(1);
  CLI::App* make = group->add_subcommand("create", "describe a device type");
  auto o = keep<Options>();
  make->add_option("name", o->name, "such as till-t3")->required();
  make->add_option("--component", o->components, "a separately updated part; may be repeated, in order")->required();
  make->add_flag("--one-by-one", o->one_by_one, "update the components one after the other, in the order given (default: together)");
  make->add_option("--client", o->client, "what runs on it: dray (our agent, which is asked before each update), swupdate, rauc, zephyr, hawkbit-rs, any")->capture_default_str();
  make->add_option("--ask", o->ask, "confirmation or poll; default by client");
  make->add_option("--ends-on", o->ends_on, "power_on or closed; default by client");
  make->add_option("--bytes-from", o->bytes_from, "gateway, or elsewhere: devices that have their bytes another way are taken at their word");
  make->add_option("--power-on-within", o->power_on_within, "seconds a restart may take")->capture_default_str();
  make->add_option("--probe", o->probe, "status probe command, run by the gateway");
  make->add_option("--part", o->parts, "COMPONENT=PART where the DDI name differs; may be repeated");
  make->callback([&cli, o] {
    json::object body{{"name", o->name}, {"components", strings(o->components)}, {"client", o->client}, {"power_on_within", o->power_on_within}};
    json::array order;
    if (o->one_by_one)
      for (const auto& c : o->components) order.push_back(strings({c}));
    else
      order.push_back(strings(o->components));
    body["order"] = std::move(order);
    if (!o->ask.empty()) body["ask"] = o->ask;
    if (!o->ends_on.empty()) body["ends_on"] = o->ends_on;
    if (!o->bytes_from.empty()) body["bytes_from"] = o->bytes_from;
    if (!o->probe.empty()) body["probe"] = o->probe;
    if (!o->parts.empty()) body["parts"] = pairs(o->parts);
    if (!o->also_called.empty()) body["also_called"] = strings(o->also_called);
    cli.command = [body](Session& s) {
      return create(s, "/device-types", body, {{"device type", "name"}, {"components", "components"}, {"order", "order"}, {"asks by", "ask"}, {"ends on", "ends_on"}}, {});
    };
  });
  make->add_option("--also-called", o->also_called, "another name that devices of it may say as their type; may be repeated");
  CLI::App* set = group->add_subcommand("set", "by what other names its devices may call a device type");
  set->add_option("name", o->name, "the device type")->required();
  set->add_option("--also-called", o->also_called,
                  "a name that devices of it say as their type (dray.type), where that is the same hardware; may be repeated: "
                  "these are all; none clears")
      ->required();
  set->footer("A device that says another type than the one it was entered under is held (type_differs).\n"
              "Example: drayctl type set till-t3 --also-called till-t3b");
  set->callback([&cli, o] {
    const bool none = o->also_called.size() == 1 && o->also_called[0] == "none";
    const json::object body{{"also_called", none ? json::array{} : strings(o->also_called)}};
    cli.command = [o, body](Session& s) {
      return change(s, "/device-types/" + encoded(o->name), body, {{"device type", "name"}, {"also called", "also_called"}});
    };
  });
  group->add_subcommand("list", "the device types")->callback([&cli] {
    cli.command = [](Session& s) { return list_of(s, "/device-types", {{"NAME", "name"}, {"COMPONENTS", "components"}, {"ASK", "ask"}, {"ENDS ON", "ends_on"}, {"CLIENT", "client"}, {"ALSO CALLED", "also_called"}}); };
  });
}

void add_site(CLI::App& app, Cli& cli) {
  struct Options {
    std::string name, zone = "UTC", token_file;
    std::int64_t concurrency = 3;
  };
  CLI::App* group = app.add_subcommand("site", "sites: one gateway and its devices")->require_subcommand(1);
  CLI::App* make = group->add_subcommand("create", "add a site; its gateway's token is shown once");
  auto o = keep<Options>();
  make->add_option("name", o->name, "such as berlin")->required();
  make->add_option("--time-zone", o->zone, "IANA time zone, such as Europe/Berlin")->capture_default_str();
  make->add_option("--concurrency", o->concurrency, "devices that may be sent to at once")->capture_default_str();
  make->add_option("--token-to", o->token_file, "write the gateway's token to this new file (mode 0600) instead of showing it; never overwrites one");
  make->callback([&cli, o] {
    json::object body{{"name", o->name}, {"time_zone", o->zone}, {"limits", {{"concurrency", o->concurrency}}}};
    cli.command = [o, body](Session& s) { return create(s, "/sites", body, {{"site", "name"}, {"time zone", "time_zone"}}, o->token_file); };
  });
  group->add_subcommand("list", "the sites")->callback([&cli] {
    cli.command = [](Session& s) { return list_of(s, "/sites", {{"NAME", "name"}, {"TIME ZONE", "time_zone"}, {"DEVICES", "devices"}, {"REVISION", "revision"}, {"CONTACT", "contact_at"}}); };
  });
}

const std::vector<Column> kDeviceColumns{{"NAME", "name"}, {"SITE", "site"}, {"TYPE", "type"}, {"RUNNING", "running"}, {"STATE", "state"}, {"REASON", "job.reason"}, {"SEEN", "seen_at"}};

void add_device(CLI::App& app, Cli& cli) {
  struct Options {
    std::string name, site, type, token_file, filter;
    std::vector<std::string> attributes;
  };
  CLI::App* group = app.add_subcommand("device", "devices")->require_subcommand(1);
  auto o = keep<Options>();
  CLI::App* make = group->add_subcommand("create", "add a device; its token is shown once");
  make->add_option("name", o->name, "such as till-014")->required();
  make->add_option("--site", o->site, "where it is")->required();
  make->add_option("--type", o->type, "its device type")->required();
  make->add_option("--attribute", o->attributes, "KEY=VALUE; may be repeated");
  make->add_option("--token-to", o->token_file, "write its token to this new file (mode 0600) instead of showing it; never overwrites one");
  make->callback([&cli, o] {
    json::object body{{"name", o->name}, {"site", o->site}, {"type", o->type}, {"attributes", pairs(o->attributes)}};
    cli.command = [o, body](Session& s) { return create(s, "/devices", body, {{"device", "name"}, {"site", "site"}, {"type", "type"}}, o->token_file); };
  });
  CLI::App* list = group->add_subcommand("list", "the devices");
  list->add_option("--filter", o->filter, "such as 'site=berlin and version.os!=26.11'");
  list->callback([&cli, o] {
    cli.command = [o](Session& s) { return list_of(s, "/devices" + (o->filter.empty() ? "" : "?filter=" + encoded(o->filter)), kDeviceColumns); };
  });
  CLI::App* set = group->add_subcommand("set", "move a device to another type; its open jobs get what their release has for that");
  set->add_option("name", o->name, "the device")->required();
  set->add_option("--type", o->type, "its device type from now on")->required();
  set->footer("An update that it has begun ends first. Example: drayctl device set till-014 --type till-t3");
  set->callback([&cli, o] {
    const json::object body{{"type", o->type}};
    cli.command = [o, body](Session& s) {
      return change(s, "/devices/" + encoded(o->name), body, {{"device", "name"}, {"site", "site"}, {"type", "type"}, {"state", "state"}});
    };
  });
  CLI::App* show = group->add_subcommand("show", "one device");
  show->add_option("name", o->name, "the device")->required();
  show->callback([&cli, o] {
    cli.command = [o](Session& s) {
      return show_one(s, "/devices/" + encoded(o->name),
                      {{"device", "name"}, {"site", "site"}, {"type", "type"}, {"held because", "sentence"}, {"running", "running"}, {"boot id", "boot_id"}, {"status", "status"}, {"seen", "seen_at"}, {"state", "state"},
                       {"rollout", "job.rollout"}, {"reason", "job.reason"}, {"why", "job.sentence"}, {"cause", "job.cause.sentence"}, {"drifted since", "job.drifted.since"}, {"until", "job.until"}, {"attempt", "job.attempt"}, {"rate", "rate"}, {"attributes", "attributes"}});
    };
  });
}

void add_release(CLI::App& app, Cli& cli) {
  struct Options {
    std::string name, version;
    std::vector<std::string> artifacts;
  };
  CLI::App* group = app.add_subcommand("release", "releases: named, versioned sets of artifacts")->require_subcommand(1);
  CLI::App* make = group->add_subcommand("create", "make a release of artifacts");
  auto o = keep<Options>();
  make->add_option("name", o->name, "such as till")->required();
  make->add_option("version", o->version, "such as 26.11")->required();
  make->add_option("artifacts", o->artifacts, "their SHA-256, in order")->required();
  make->callback([&cli, o] {
    json::object body{{"name", o->name}, {"version", o->version}, {"artifacts", strings(o->artifacts)}};
    cli.command = [body](Session& s) { return create(s, "/releases", body, {{"release", "release"}}, {}); };
  });
  group->add_subcommand("list", "the releases")->callback([&cli] {
    cli.command = [](Session& s) { return list_of(s, "/releases", {{"RELEASE", "release"}, {"CREATED", "created_at"}}); };
  });
}

void add_rollout(CLI::App& app, Cli& cli) {
  struct Options {
    std::string file, id, by, why, expires;
    std::int64_t every = 1, phase = 0;
    bool until_paused = false;
  };
  CLI::App* group = app.add_subcommand("rollout", "rollouts: a release for a set of devices")->require_subcommand(1);
  auto o = keep<Options>();
  CLI::App* make = group->add_subcommand("create", "start a rollout from a file (docs/rollout.sample.toml)");
  make->add_option("file", o->file, "TOML: release, filter, delivery, expires_at, ...")->required()->check(CLI::ExistingFile);
  make->callback([&cli, o] {
    cli.command = [o](Session& s) { return create_rollout(s, o->file); };
  });
  group->add_subcommand("list", "the rollouts")->callback([&cli] {
    cli.command = [](Session& s) { return list_of(s, "/rollouts", {{"ID", "id"}, {"RELEASE", "release"}, {"DELIVERY", "delivery"}, {"STATE", "state"}, {"PHASE", "phase"}, {"DEVICES", "devices"}, {"UPDATED", "succeeded"}, {"DRIFTED", "drifted"}, {"FAILED", "failed"}, {"PROGRESS", "sentence"}}); };
  });
  CLI::App* show = group->add_subcommand("show", "one rollout: its phases and its devices");
  show->add_option("id", o->id, "such as r12")->required();
  show->callback([&cli, o] { cli.command = [o](Session& s) { return show_rollout(s, o->id); }; });
  CLI::App* watch = group->add_subcommand("watch", "show it again whenever something changed, until it has ended");
  watch->add_option("id", o->id, "such as r12")->required();
  watch->add_option("--every", o->every, "seconds between two looks")->capture_default_str()->check(CLI::Range(1, 3600));
  watch->add_flag("--until-paused", o->until_paused, "end also where it is paused");
  watch->footer("Exit status: 0 every device is updated, 6 it was aborted, is paused, or devices failed.");
  watch->callback([&cli, o] { cli.command = [o](Session& s) { return watch_rollout(s, o->id, std::chrono::seconds{o->every}, o->until_paused); }; });

  const auto change = [&](const char* verb, const char* help) {
    CLI::App* sub = group->add_subcommand(verb, help);
    sub->add_option("id", o->id, "such as r12")->required();
    sub->add_option("--why", o->why, "the reason, for the record");
    return sub;
  };
  const auto post = [&cli, o](const char* verb) {
    json::object body{{"by", o->by}, {"why", o->why}};
    if (o->phase > 0) body["phase"] = o->phase;
    if (!o->expires.empty()) body["expires_at"] = o->expires;
    cli.command = [o, body, verb = std::string{verb}](Session& s) -> Task<Result<>> { return change_rollout(s, o->id, verb, body); };
  };
  CLI::App* approve = change("approve", "let the phase begin that waits for approval");
  approve->add_option("--by", o->by, "who approves; it is recorded")->required();
  approve->add_option("--phase", o->phase, "the phase that is meant: refused where another one waits")->check(CLI::Range(1, 50));
  approve->callback([post] { post("approve"); });
  CLI::App* pause = change("pause", "start no more devices; what has started ends");
  CLI::App* resume = change("resume", "go on; failures that there are count as accepted");
  CLI::App* abort = change("abort", "stop it: what has not started stays as it is, what has is cancelled");
  CLI::App* retry = change("retry-failed", "try failed, rolled back, expired and drifted devices once more");
  retry->add_option("--expires-at", o->expires, "another expiry for the rollout: RFC 3339, or +2h, +3d");
  for (const auto& [sub, verb] : {std::pair{pause, "pause"}, {resume, "resume"}, {abort, "abort"}, {retry, "retry-failed"}}) {
    sub->add_option("--by", o->by, "who asks");
    sub->callback([post, verb = verb] { post(verb); });
  }
}

void add_job(CLI::App& app, Cli& cli) {
  struct Options {
    std::string id, by, why;
  };
  CLI::App* group = app.add_subcommand("job", "one device's share of a rollout")->require_subcommand(1);
  auto o = keep<Options>();
  CLI::App* cancel = group->add_subcommand("cancel", "cancel it, up to the switch-over");
  cancel->add_option("id", o->id, "such as r12-till-014")->required();
  cancel->add_option("--by", o->by, "who asks");
  cancel->add_option("--why", o->why, "the reason, for the record");
  cancel->callback([&cli, o] {
    json::object body{{"by", o->by}, {"why", o->why}};
    cli.command = [o, body](Session& s) { return create(s, "/jobs/" + encoded(o->id) + "/cancel", body, {{"job", "id"}, {"state", "state"}, {"why", "sentence"}}, {}); };
  });
}

// What was typed goes into JSON and addresses, which are UTF-8: said here once, in words of the shell.
std::optional<std::string> odd_word(std::span<char* const> words) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string_view word{words[i]};
    if (const std::size_t at = valid_utf8(word); at < word.size())
      return "argument " + std::to_string(i) + ", '" + clean_text(word, kLongestShown) + "': byte " +
             std::to_string(at + 1) + " is not UTF-8 (is the terminal set to another character set?)";
  }
  return {};
}

}  // namespace

std::optional<int> Cli::parse(int argc, char** argv) {
  if (const auto odd = odd_word({argv, argv + argc}))
    return std::fputs(("drayctl: " + *odd + "\n").c_str(), stderr), 2;
  CLI::App app{"Talks to a dray-server: what to update, where, when, and how it goes."};
  app.set_version_flag("--version", "drayctl " DRAY_VERSION);
  app.add_option("--server", server, "the server's address")->envname("DRAY_SERVER")->capture_default_str();
  app.add_option("--token-file", token_file, "file with the admin token (the server leaves it in its data folder)")->envname("DRAY_TOKEN_FILE");
  app.add_option("--gateway", gateway, "talk to a gateway's own API instead: jobs, deferrals, defer, withdraw, cancel, alone; works with the WAN down")->envname("DRAY_GATEWAY");
  app.add_flag("--json", as_json, "print the server's answers as JSON");
  app.require_subcommand(1);
  app.fallthrough();
  app.footer("Exit status: 0 done, 1 refused or failed, 2 wrong use, 6 what was watched ended badly. Every command has --help.");
  add_artifact(app, *this);
  add_type(app, *this);
  add_site(app, *this);
  add_device(app, *this);
  add_release(app, *this);
  add_rollout(app, *this);
  add_job(app, *this);
  add_planning(app, *this);
  add_server_wishes(app, *this);
  add_gateway_wishes(app, *this);
  add_gateways(app, *this);
  add_clock(app, *this);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const std::span words{argv, static_cast<std::size_t>(argc)};
  const bool given = std::any_of(words.begin(), words.end(), [](const char* word) { return std::string_view{word} == "--gateway" || std::string_view{word}.starts_with("--gateway="); });
  if (given && !at_gateway)
    return std::fputs("drayctl: this command talks to the server only, and --gateway is for jobs, deferrals, defer, withdraw, cancel and alone: leave it out\n", stderr), 2;
  if (at_gateway && gateway.empty()) return std::fputs("drayctl: this command needs --gateway URL\n", stderr), 2;
  return {};
}

}  // namespace dray::ctl
