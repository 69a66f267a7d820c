// The commands about the server's clock.
#include <CLI/CLI.hpp>

#include "cli.h"

namespace dray::ctl {
namespace {

const std::vector<Column> kClockFields{{"the server goes by", "now"}, {"its machine's clock", "machine"}, {"synchronised", "synchronised"},
                                       {"reason", "reason"},          {"why", "sentence"},                {"leapt for (s)", "leapt_for"}};

}  // namespace

void add_clock(CLI::App& app, Cli& cli) {
  struct Options {
    std::string by, why;
  };
  CLI::App* group = app.add_subcommand("clock", "the time that the server goes by")->require_subcommand(1);
  group->add_subcommand("show", "what it is, and whether the wall clock of its machine has leapt")->callback([&cli] {
    cli.command = [](Session& s) { return show_one(s, "/clock", kClockFields); };
  });
  auto o = keep<Options>();
  CLI::App* confirm = group->add_subcommand("confirm", "say that the wall clock of the server's machine is right, where it has leapt");
  confirm->add_option("--by", o->by, "who says so");
  confirm->add_option("--why", o->why, "the reason, for the record");
  confirm->footer("Plans, expiries and every gateway go by that time at once: an expiry that it passes ends what it is about for good.");
  confirm->callback([&cli, o] {
    cli.command = [body = json::object{{"by", o->by}, {"why", o->why}}](Session& s) { return create(s, "/clock/confirm", body, kClockFields, {}); };
  });
}

}  // namespace dray::ctl
