// The commands that put something off or say why it waits: over the server, and with --gateway over the
// site's own API.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli.h"

namespace dray::ctl {
namespace {

void add_time(CLI::App& command, DeferWish& wish) {
  command.add_option("--until", wish.until, "until when, such as 2026-11-24T23:00:00Z");
  command.add_option("--for", wish.span, "or for how long from now: 45m, 2h, 1d");
  command.add_option("--by", wish.by, "who asks");
  command.add_option("--why", wish.why, "the reason, for the record");
  command.add_flag("--accept-expiry", wish.accept_expiry, "also where it leaves no time before the expiry");
}

void add_defer(CLI::App& group, Cli& cli, const char* what) {
  auto o = keep<DeferWish>();
  const bool site = std::string_view{what} == "site";
  CLI::App* defer = group.add_subcommand("defer", site ? "put off what has not begun at a whole site"
                                                       : "put off what has not begun on a device");
  defer->add_option("name", site ? o->site : o->device, site ? "the site" : "the device")->required();
  defer->add_option("--rollout", o->rollout, "of this rollout only, such as r12");
  add_time(*defer, *o);
  defer->callback([&cli, o] { cli.command = [o](Session& s) { return defer_at_server(s, *o); }; });
}

void add_why(CLI::App& group, Cli& cli, const char* what, Task<Result<>> (*command)(Session&, std::string)) {
  auto name = keep<std::string>();
  CLI::App* why = group.add_subcommand("why", "what it waits for, until when, and what would have to happen");
  why->add_option("name", *name, what)->required();
  why->callback(
      [&cli, name, command] { cli.command = [name, command](Session& s) { return command(s, *name); }; });
}

}  // namespace

void add_server_wishes(CLI::App& app, Cli& cli) {
  add_defer(*app.get_subcommand("device"), cli, "device");
  add_defer(*app.get_subcommand("site"), cli, "site");
  add_why(*app.get_subcommand("device"), cli, "the device", why_device);
  add_why(*app.get_subcommand("site"), cli, "the site", why_site);
  add_why(*app.get_subcommand("rollout"), cli, "such as r12", why_rollout);
  add_why(*app.get_subcommand("job"), cli, "such as r12-till-014", why_job);

  CLI::App* group = app.add_subcommand("deferral", "what was put off, at the server and at the sites")
                        ->require_subcommand(1);
  auto all = keep<bool>();
  CLI::App* list = group->add_subcommand("list", "the deferrals that stand");
  list->add_flag("--all", *all, "also those that are over");
  list->callback([&cli, all] { cli.command = [all](Session& s) { return deferrals_at_server(s, *all); }; });
  auto id = keep<std::string>();
  CLI::App* withdraw =
      group->add_subcommand("withdraw", "end one of the server's; the update falls back to its planned time");
  withdraw->add_option("id", *id, "such as d5; behind -- where it begins with a dash")->required();
  withdraw->callback([&cli, id] { cli.command = [id](Session& s) { return withdraw_deferral(s, *id); }; });
}

void add_gateways(CLI::App& app, Cli& cli) {
  struct Options {
    std::string site, instance, by, why;
  };
  CLI::App* group = app.add_subcommand("gateway", "the gateways that call with a site's token")->require_subcommand(1);
  auto o = keep<Options>();
  CLI::App* list = group->add_subcommand("list", "which of them is in_use, which are refused, and which have ended; heard when");
  list->add_option("site", o->site, "the site")->required();
  list->callback([&cli, o] { cli.command = [o](Session& s) { return list_gateways(s, o->site); }; });
  CLI::App* replace = group->add_subcommand(
      "replace", "let the other gateway that asks answer for the site at once, instead of the one that does");
  replace->add_option("site", o->site, "the site")->required();
  replace->add_option("--instance", o->instance, "which one, where several ask (drayctl gateway list)");
  replace->add_option("--by", o->by, "who asks");
  replace->add_option("--why", o->why, "the reason, for the record");
  replace->footer("It is not needed where the old gateway is switched off: after 10 minutes of silence the new one is let in by itself.");
  replace->callback([&cli, o] {
    json::object body{{"by", o->by}, {"why", o->why}};
    if (!o->instance.empty()) body["instance"] = o->instance;
    cli.command = [o, body](Session& s) {
      return create(s, "/sites/" + encoded(o->site) + "/gateway/replace", body, {{"site", "name"}, {"gateways", "gateways"}, {"state", "state"}, {"why", "sentence"}}, {});
    };
  });
}

void add_gateway_wishes(CLI::App& app, Cli& cli) {
  const auto at_site = [&cli](Command command) {
    cli.at_gateway = true;
    cli.command = std::move(command);
  };
  app.add_subcommand("jobs", "with --gateway: the jobs of its site")->callback([at_site] {
    at_site(jobs_at_gateway);
  });
  auto all = keep<bool>();
  CLI::App* deferrals = app.add_subcommand("deferrals", "with --gateway: what is put off at its site");
  deferrals->add_flag("--all", *all, "also what is over");
  deferrals->callback([at_site, all] { at_site([all](Session& s) { return deferrals_at_gateway(s, *all); }); });

  auto wish = keep<DeferWish>();
  CLI::App* defer = app.add_subcommand("defer", "with --gateway: put off a device, or the whole site");
  defer->add_option("--device", wish->device, "the device; default: all");
  defer->add_option("--assignment", wish->rollout, "such as r12-berlin; default: all");
  add_time(*defer, *wish);
  defer->callback([at_site, wish] { at_site([wish](Session& s) { return defer_at_gateway(s, *wish); }); });

  struct Alone {
    std::string device, by, why;
  };
  auto one = keep<Alone>();
  CLI::App* alone = app.add_subcommand("alone", "with --gateway: say that one agent calls as this device, where two seemed to");
  alone->add_option("device", one->device, "the device")->required();
  alone->add_option("--by", one->by, "who says so");
  alone->add_option("--why", one->why, "the reason, for the record");
  alone->callback([at_site, one] {
    json::object body{{"by", one->by}, {"why", one->why}};
    at_site([one, body](Session& s) {
      return create(s, "/devices/" + encoded(one->device) + "/alone", body, {{"device", "device"}}, {});
    });
  });

  auto id = keep<std::string>();
  CLI::App* withdraw =
      app.add_subcommand("withdraw", "with --gateway: end a deferral that was asked for there");
  withdraw->add_option("id", *id, "as \"drayctl --gateway URL deferrals\" shows it, such as l4Kq81xZ0aB; behind -- where it begins with a dash")
      ->required();
  withdraw->callback([at_site, id] { at_site([id](Session& s) { return withdraw_deferral(s, *id); }); });

  struct Options {
    std::string job, by, why;
  };
  auto o = keep<Options>();
  CLI::App* cancel = app.add_subcommand("cancel", "with --gateway: cancel a job, up to its switch-over");
  cancel->add_option("job", o->job, "such as r12-till-014")->required();
  cancel->add_option("--by", o->by, "who asks");
  cancel->add_option("--why", o->why, "the reason, for the record");
  cancel->callback([at_site, o] {
    json::object body{{"by", o->by}, {"why", o->why}};
    at_site([o, body](Session& s) {
      return create(s, "/jobs/" + encoded(o->job) + "/cancel", body, {{"job", "job"}, {"cancel", "id"}}, {});
    });
  });
}

}  // namespace dray::ctl
