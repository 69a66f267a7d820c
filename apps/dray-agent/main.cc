// dray-agent: updates the software of this device.
#include <cstdio>
#include <cstring>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "adapters/posix/orphans.h"
#include "base/text.h"
#include "device.h"

namespace {

constexpr const char* kHelp = R"(dray-agent: updates the software of this device.

usage: dray-agent COMMAND [--config FILE]

  run                     the agent: polls its server, fetches, installs, restarts, reports
  boot                    the supervisor: what the device starts first; starts the agent and the active version's
                          program, leaves a version that does not come up
  status [--json]         what the agent is doing, from its state document
  answer ready|busy|defer the operator's answer to the question that status shows, or a word beforehand;
                          --for 2h or --until TIME (defer needs one of them), --why TEXT
  cancel                  cancels the update, up to its switch-over; --by WHO --why TEXT
  installer KIND VERB     a built-in installer (ab-dir, single-file) as an executable; see docs/installers.md

  --config FILE           /etc/dray/agent.toml where left out; docs/agent.sample.toml has every key
  --check-config          read the configuration, say what is wrong with it, and end
  --version, --help
)";

struct Arguments {
  std::string config = "/etc/dray/agent.toml";
  std::vector<std::string> words;
  bool json = false, check = false;
  dray::apps::LocalWish wish;
};

// The value of "--name VALUE" or "--name=VALUE".
bool take_value(int argc, char** argv, int& i, std::string_view name, std::string& out) {
  const std::string_view word = argv[i];
  if (word == name && i + 1 < argc) return out = argv[++i], true;
  if (!word.starts_with(name) || word.size() <= name.size() || word[name.size()] != '=') return false;
  return out = word.substr(name.size() + 1), true;
}

bool needs_value(std::string_view word) {
  return word == "--config" || word == "--for" || word == "--until" || word == "--by" || word == "--why";
}

// Nothing: said what was wrong.
std::optional<Arguments> parse(int argc, char** argv) {
  Arguments out;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (take_value(argc, argv, i, "--config", out.config) ||
        take_value(argc, argv, i, "--for", out.wish.span) ||
        take_value(argc, argv, i, "--until", out.wish.until) ||
        take_value(argc, argv, i, "--by", out.wish.by) || take_value(argc, argv, i, "--why", out.wish.why))
      continue;
    if (word == "--json")
      out.json = true;
    else if (word == "--check-config")
      out.check = true;
    else if (word.starts_with("-")) {
      std::fprintf(stderr, needs_value(word) ? "dray-agent: %s needs a value; try --help\n" : "dray-agent: %s is no option; try --help\n", word.c_str());
      return {};
    } else
      out.words.push_back(word);
  }
  return out;
}

// "run", "boot": what starts other people's programs. Nothing: this process goes on.
std::optional<int> leave_orphans_to_another() {
  if (!dray::adapters::is_given_orphans()) return {};
  const auto split = dray::adapters::mind_orphans();
  if (split) return *split;
  std::fprintf(stderr, "dray-agent: %s\n", split.error().message().c_str());
  return 1;
}

// A deferral needs a time, and a "ready" has none.
std::optional<std::string> objection_to_time(const std::string& answer, const dray::apps::LocalWish& wish) {
  const bool timed = !wish.span.empty() || !wish.until.empty();
  if (answer == "defer" && !timed) return "answer defer: needs --for, such as --for 2h, or --until TIME";
  if (answer == "ready" && timed) return "answer ready: takes no --for and no --until; it is good for this update";
  return {};
}

// What is wrong with the words, before anything is read; nothing: all is well.
std::optional<std::string> objection(const std::vector<std::string>& words, const dray::apps::LocalWish& wish) {
  if (words.empty()) return "which command? try --help";
  const std::string& command = words[0];
  const auto rest = [&](std::size_t n) { return words.size() == n + 1; };
  if (command == "run" || command == "boot" || command == "status" || command == "cancel") {
    if (rest(0)) return {};
    return command + " takes no further words, and \"" + words[1] + "\" is one";
  }
  if (command == "answer") {
    const bool known = rest(1) && (words[1] == "ready" || words[1] == "busy" || words[1] == "defer");
    if (known) return objection_to_time(words[1], wish);
    return "answer: must be one of ready, busy, defer" + (words.size() > 1 ? ", and \"" + words.back() + "\" is not" : std::string{});
  }
  if (command == "installer") {
    if (rest(2) && (words[1] == "ab-dir" || words[1] == "single-file")) return {};
    return "installer: needs a kind (ab-dir or single-file) and a verb; see docs/installers.md";
  }
  return "\"" + command + "\" is no command; try --help";
}

int dispatch(const Arguments& arguments, const dray::apps::AgentConfig& config, char** argv) {
  const auto& words = arguments.words;
  const std::string& command = words[0];
  if (command == "run" || command == "boot") {
    if (const auto ended = leave_orphans_to_another()) return *ended;
    return command == "run" ? dray::apps::run_agent(config) : dray::apps::supervise(config, argv);
  }
  if (command == "status") return dray::apps::print_status(config, arguments.json);
  if (command == "installer") return dray::apps::run_verb(config, words[1], words[2]);
  dray::apps::LocalWish wish = arguments.wish;
  wish.command = command;
  if (command == "answer") wish.answer = words[1];
  return dray::apps::ask_agent(config, wish);
}

int check_config(const Arguments& arguments, const dray::apps::AgentConfig& config) {
  const auto commands = dray::apps::check_commands(config);
  if (commands) return std::printf("%s: fine\n", arguments.config.c_str()), 0;
  std::fprintf(stderr, "%s: %s\n", arguments.config.c_str(), commands.error().message().c_str());
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 2 && std::strcmp(argv[1], dray::apps::kProgramCommand) == 0)
    return dray::apps::become_program(argv + 2);
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--help") == 0 || std::strcmp(argv[i], "-h") == 0)
      return std::fputs(kHelp, stdout), 0;
    if (std::strcmp(argv[i], "--version") == 0) return std::printf("dray-agent %s\n", DRAY_VERSION), 0;
  }
  const auto arguments = parse(argc, argv);
  if (!arguments) return 2;
  if (!arguments->check || !arguments->words.empty())
    if (const auto wrong = objection(arguments->words, arguments->wish)) {
      if (arguments->words.empty()) std::fputs(kHelp, stderr);
      std::fprintf(stderr, "dray-agent: %s\n", dray::clean_text(*wrong, 400).c_str());
      return 2;
    }
  const auto config = dray::apps::load_config(arguments->config);
  if (!config) {
    std::fprintf(stderr, "%s\n", config.error().message().c_str());
    return 2;
  }
  if (arguments->check) return check_config(*arguments, *config);
  try {
    return dispatch(*arguments, *config, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "dray-agent: %s\n", error.what());
    return 1;
  }
}
