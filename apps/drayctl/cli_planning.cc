// The commands that say when sites may be used, what times follow from that, and what puts a site right.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli.h"

namespace dray::ctl {
namespace {

void add_site_set(CLI::App& sites, Cli& cli) {
  auto o = std::make_shared<SiteChange>();
  CLI::App* set = sites.add_subcommand("set", "when a site may be used; only what is given changes");
  set->add_option("name", o->name, "the site")->required();
  set->add_option("--time-zone", o->time_zone,
                  "IANA time zone, such as Europe/Berlin: windows are its local time");
  set->add_option("--transfer-window", o->transfer,
                  "when its WAN may be used: 'Mon-Fri 22:00-05:00'; may be repeated; none = always");
  set->add_option("--update-window", o->update,
                  "when its devices may be interrupted; may be repeated; none = always");
  set->add_option(
      "--black-out", o->black_outs,
      "dates without any window: 2026-12-24 or 2026-12-24..2027-01-02; may be repeated; none clears");
  set->add_option("--concurrency", o->concurrency, "devices that may be sent to at once")
      ->check(CLI::Range(1, 10'000));
  set->footer(
      "Example: drayctl site set berlin --transfer-window 'Mon-Fri 22:00-05:00' --transfer-window 'Sat,Sun "
      "00:00-24:00' --update-window 02:00-05:00");
  set->callback([&cli, o] { cli.command = [o](Session& s) { return set_site(s, *o); }; });
}

void add_site_show(CLI::App& sites, Cli& cli) {
  auto name = std::make_shared<std::string>();
  CLI::App* show = sites.add_subcommand(
      "show", "one site: when it may be used, its limits, its storage, and what its WAN carries");
  show->add_option("name", *name, "the site")->required();
  show->callback([&cli, name] { cli.command = [name](Session& s) { return show_site(s, *name); }; });
}

void add_site_resync(CLI::App& sites, Cli& cli) {
  auto name = std::make_shared<std::string>();
  CLI::App* resync = sites.add_subcommand(
      "resync", "let its gateway tell the state of everything again; it is asked with the answer to its next report");
  resync->add_option("name", *name, "the site")->required();
  resync->footer("Needed where drayctl site why names a row that gateways tell (row_unreadable).");
  resync->callback([&cli, name] {
    cli.command = [name](Session& s) {
      return create(s, "/sites/" + encoded(*name) + "/resync", boost::json::object{}, {{"site", "name"}, {"resync", "resync"}}, {});
    };
  });
}

void add_site_action_ids(CLI::App& sites, Cli& cli) {
  struct Renewal {
    std::string site, by, why;
    bool wide = false;
  };
  auto ids = std::make_shared<Renewal>();
  CLI::App* renew = sites.add_subcommand(
      "action-ids", "give a site a million new action ids now, and let the next epoch of its gateway begin at once");
  renew->add_option("name", ids->site, "the site")->required();
  renew->add_option("--by", ids->by, "who asks");
  renew->add_option("--why", ids->why, "the reason, for the record");
  renew->add_flag("--beyond-32-bits", ids->wide,
                  "allow ids that some clients can not keep; only where all devices of the site take 64 bits");
  renew->footer("Needed where drayctl site why says epoch_waits or action_ids_exhausted, and the cause is found: a "
                "gateway that loses its data at each start, or two with one token.");
  renew->callback([&cli, ids] {
    boost::json::object body{{"by", ids->by}, {"why", ids->why}, {"beyond_32_bits", ids->wide}};
    cli.command = [ids, body](Session& s) {
      return create(s, "/sites/" + encoded(ids->site) + "/action-ids", body,
                    {{"site", "name"}, {"state", "state"}, {"reason", "reason"}, {"why", "sentence"}}, {});
    };
  });
}

void add_row(CLI::App& app, Cli& cli) {
  CLI::App* rows = app.add_subcommand("row", "rows of the server's database that can't be read");
  rows->require_subcommand(1);
  auto row = std::make_shared<RowWish>();
  CLI::App* replace = rows->add_subcommand(
      "replace", "gives a column that can't be read a new value; `site why` names it, docs/formats-server.md has its form");
  replace->add_option("table", row->table, "such as site")->required();
  replace->add_option("key", row->key, "such as berlin")->required();
  replace->add_option("column", row->column, "such as update_windows")->required();
  replace->add_option("value", row->value, "JSON, such as '[\"02:00-05:00\"]'")->required();
  replace->callback([&cli, row] { cli.command = [row](Session& s) { return replace_row(s, *row); }; });
}

void add_rollout_plan(CLI::App& rollouts, Cli& cli) {
  auto wish = std::make_shared<PlanWish>();
  CLI::App* plan = rollouts.add_subcommand(
      "plan", "what the rollout of a file would do at each site, before anything starts: bytes, times, and what "
              "does not fit");
  plan->add_option("file", wish->file, "as for rollout create")->required()->check(CLI::ExistingFile);
  auto* simulate = plan->add_flag("--simulate", wish->simulate,
                                  "play it many times with the fleet's measured rates, install times and failures, "
                                  "and say when it may end");
  plan->add_option("--runs", wish->runs, "how often each site is played")
      ->check(CLI::Range(1, 1'000))
      ->capture_default_str()
      ->needs(simulate);
  plan->add_option("--sites", wish->sites, "play at most so many sites, the last ones of the plan among them; 0: all")
      ->capture_default_str()
      ->needs(simulate);
  plan->footer("Exit status: 0 every site fits, 6 some do not.");
  plan->callback([&cli, wish] { cli.command = [wish](Session& s) { return plan_rollout(s, *wish); }; });
}

void add_rollout_sites(CLI::App& rollouts, Cli& cli) {
  auto id = std::make_shared<std::string>();
  CLI::App* times = rollouts.add_subcommand("sites", "the times of a rollout at each site, and what does not fit");
  times->add_option("id", *id, "such as r12")->required();
  times->callback([&cli, id] { cli.command = [id](Session& s) { return show_sites(s, *id); }; });
}

}  // namespace

void add_planning(CLI::App& app, Cli& cli) {
  CLI::App& sites = *app.get_subcommand("site");
  add_site_set(sites, cli);
  add_site_show(sites, cli);
  add_site_resync(sites, cli);
  add_site_action_ids(sites, cli);
  add_row(app, cli);
  CLI::App& rollouts = *app.get_subcommand("rollout");
  add_rollout_plan(rollouts, cli);
  add_rollout_sites(rollouts, cli);
}

}  // namespace dray::ctl
