// dray-agent, the program, under its supervisor, over real sockets, against a DDI server that is not ours and
// does what the test says. M1: stored and run; M16: broken transfers are repeated; M17: power-on report at
// every start.
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "adapters/posix/system_clock.h"
#include "agent/agent_testing.h"
#include "net/server.h"
#include "support/built.h"
#include "support/process.h"

namespace dray {
namespace {

using agent::testing::BodyFault;
using agent::testing::ScriptedDdi;
using agent::testing::TestPart;
using testing_support::built;
using testing_support::in_sources;
using testing_support::Process;
using testing_support::TempFolder;
using testing_support::write_file;

const std::string kProgram = built("dray-agent");

std::string image(std::string head, std::size_t size) {
  for (std::uint32_t x = 1; head.size() < size;)
    head += static_cast<char>((x = x * 1664525 + 1013904223) >> 24);
  return head;
}

class DrayAgent : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(http.listen("127.0.0.1", 0));
    server = std::make_unique<ScriptedDdi>("http://127.0.0.1:" + std::to_string(http.port()));
    door.inner = server.get();
    configure("");
    provision("os", "1", image("old", 5000));
  }
  void TearDown() override {
    device.reset();
    asio::co_spawn(io, http.stop(), asio::detached);
    io.restart();
    io.run_for(std::chrono::seconds{2});
  }

  void configure(const std::string& top, const std::string& installer = "kind = \"ab-dir\"\n") {
    write_file(folder / "token", "secret\n");
    ::chmod((folder / "token").c_str(), 0600);
    write_file(folder / "agent.toml",
               "id = \"dev-1\"\ndata = \"data\"\n" + top +
                   "[server]\nurl = \"http://127.0.0.1:" + std::to_string(http.port()) +
                   "\"\ntoken_file = \"token\"\n[poll]\nleast_s = 0.1\nworking_s = 0.1\nstart_jitter_s = "
                   "0\nretry_most_s = 1\n[installer]\n" +
                   installer);
  }
  void provision(const std::string& component, const std::string& version, const std::string& bytes) {
    write_file(folder / "payload", bytes);
    for (const std::string verb : {"download", "install", "commit"}) {
      Process::Options options;
      options.environment = {{"DRAY_COMPONENT", component},
                             {"DRAY_VERSION", version},
                             {"DRAY_PAYLOAD", folder / "payload"},
                             {"DRAY_SHA256", sha256_of(as_bytes(bytes)).hex()},
                             {"DRAY_SIZE", std::to_string(bytes.size())}};
      Process installer{{kProgram, "installer", "ab-dir", verb, "--config", folder / "agent.toml"},
                        std::move(options)};
      EXPECT_EQ(installer.wait(), 0) << verb << ": " << installer.output();
    }
  }
  void start() {
    device = std::make_unique<Process>(
        std::vector<std::string>{kProgram, "boot", "--config", folder / "agent.toml"});
  }

  // Of the program, while the agent runs: exit status and words.
  std::pair<int, std::string> command(std::vector<std::string> words) {
    words.insert(words.begin(), kProgram);
    words.insert(words.end(), {"--config", folder / "agent.toml"});
    Process process{words};
    const auto status = process.wait();
    return {status.value_or(-1), process.output()};
  }

  // Serves until it is so.
  bool until(const std::function<bool()>& done, std::chrono::seconds at_most = std::chrono::seconds{60}) {
    const auto end = std::chrono::steady_clock::now() + at_most;
    io.restart();
    while (!done() && std::chrono::steady_clock::now() < end) io.run_one_for(std::chrono::milliseconds{50});
    if (!done()) ADD_FAILURE() << (device ? device->output() : "");
    return done();
  }
  bool saw(const std::string& what) const {
    return std::find(server->feedback.begin(), server->feedback.end(), what) != server->feedback.end();
  }

  // The server's script is made after its port is known.
  struct Door final : HttpHandler {
    ScriptedDdi* inner = nullptr;
    std::vector<std::string> authorizations;
    Task<HttpResponse> handle(HttpRequest request, Stop& stop) override {
      authorizations.emplace_back(request.headers.get("Authorization"));
      co_return co_await inner->handle(std::move(request), stop);
    }
  };

  TempFolder folder;
  asio::io_context io{1};
  adapters::SystemClock clock{io};
  Door door;
  net::HttpServer http{io, clock, Log{}, door};
  std::unique_ptr<ScriptedDdi> server;
  std::unique_ptr<Process> device;
  const TestPart new_os{"os", "2", image("new", 2'000'000)};
};

TEST_F(DrayAgent, M1_M17_InstallsRestartsItselfAndReportsPowerOnWithWhatRuns) {
  server->order(101, {new_os});
  start();
  ASSERT_TRUE(until([&] { return server->closed("success"); }));
  EXPECT_EQ(server->attributes["dray.version.os"], "2");
  EXPECT_EQ(server->attributes["dray.sha256.os"], sha256_of(as_bytes(new_os.bytes)).hex());
  ASSERT_EQ(server->boot_ids.size(), 2U);
  EXPECT_NE(server->boot_ids[0], server->boot_ids[1]);
  EXPECT_EQ(server->artifact_bytes, new_os.bytes.size());
  EXPECT_EQ(testing_support::read_file(folder / "data/device/current/os/image"), new_os.bytes);
  for (const std::string& sent : door.authorizations) EXPECT_EQ(sent, "TargetToken secret");
  device->signal(SIGTERM);
  EXPECT_EQ(device->wait(), 0);
}

TEST_F(DrayAgent, M16_GoesOnWhereABrokenTransferStopped) {
  server->order(101, {new_os});
  int cuts = 0;
  std::vector<std::uint64_t> offsets;
  server->fault = [&](const std::string&, std::uint64_t from) {
    offsets.push_back(from);
    return cuts++ < 3 ? BodyFault{BodyFault::Kind::kCut, 400'000} : BodyFault{};
  };
  start();
  ASSERT_TRUE(until([&] { return server->closed("success"); }));
  ASSERT_EQ(offsets.size(), 4U);
  EXPECT_EQ(offsets[0], 0U);
  for (std::size_t i = 1; i < offsets.size(); ++i) EXPECT_GT(offsets[i], offsets[i - 1]);
}

TEST_F(DrayAgent, M17_ReportsPowerOnAtEveryStartAlsoWithoutAnUpdate) {
  for (std::size_t starts = 1; starts <= 3; ++starts) {
    start();
    ASSERT_TRUE(until([&] { return server->boot_ids.size() == starts; }));
    device->signal(SIGTERM);
    EXPECT_EQ(device->wait(), 0);
  }
  EXPECT_EQ(server->attributes["dray.version.os"], "1");
}

TEST_F(DrayAgent, SurvivesSigkillInTheMiddleOfATransferAndAtTheSwitch) {
  server->order(101, {new_os});
  int bodies = 0;
  server->fault = [&](const std::string&, std::uint64_t) {
    return bodies++ == 0 ? BodyFault{BodyFault::Kind::kCut, 700'000} : BodyFault{};
  };
  start();
  ASSERT_TRUE(until([&] { return bodies == 1; }));
  device.reset();  // SIGKILL to all of it
  bool killed = false;
  server->on_feedback = [&](const std::string&, const std::string& phase) {
    if (phase == "switching" && !killed) {
      killed = true;
      testing_support::kill_tree(device->pid());
    }
  };
  start();
  ASSERT_TRUE(until([&] { return killed; }));
  device.reset();
  start();
  ASSERT_TRUE(until([&] { return server->closed("success"); }));
  EXPECT_EQ(server->attributes["dray.version.os"], "2");
}

TEST_F(DrayAgent, InstallsNothingThatIsWrongTruncatedOrAnErrorPage) {
  for (const auto kind : {BodyFault::Kind::kWrongBytes, BodyFault::Kind::kShort, BodyFault::Kind::kMissing}) {
    server->feedback.clear();
    server->order(200 + static_cast<int>(kind), {new_os});
    server->fault = [kind](const std::string&, std::uint64_t) { return BodyFault{kind}; };
    if (!device) start();
    ASSERT_TRUE(until([&] { return server->closed("failure"); }));
    EXPECT_EQ(server->attributes["dray.version.os"], "1");
    EXPECT_EQ(server->boot_ids.size(), 1U);
  }
  // A page is somebody else's word: it fails nothing, and is asked past.
  int pages = 0;
  server->fault = [&](const std::string&, std::uint64_t) {
    return BodyFault{pages++ < 2 ? BodyFault::Kind::kErrorPage : BodyFault::Kind::kNone};
  };
  server->feedback.clear();
  server->order(301, {new_os});
  ASSERT_TRUE(until([&] { return server->closed("success"); }));
  EXPECT_GT(pages, 2);
  EXPECT_FALSE(server->closed("failure"));
}

TEST_F(DrayAgent, ObeysACancelBeforeTheSwitchOver) {
  server->order(101, {new_os});
  bool asked = false;
  server->fault = [&](const std::string&, std::uint64_t) {
    asked = true;
    return BodyFault{BodyFault::Kind::kBusy};
  };
  start();
  ASSERT_TRUE(until([&] { return asked; }));
  server->cancel();
  ASSERT_TRUE(until([&] { return saw("cancel closed success"); }));
  EXPECT_FALSE(saw("proceeding none switching"));
  EXPECT_EQ(server->boot_ids.size(), 1U);
}

TEST_F(DrayAgent, RejectsACancelAfterTheSwitchOver) {
  // The installer takes its time over the switch; that is when the cancel comes.
  const std::string script = folder / "installer";
  write_file(script, "#!/bin/sh\ncase $1 in installed) echo os=1;; install) cat " + (folder / "go") +
                         ";; needs-reboot) echo no;; esac\n");
  ::chmod(script.c_str(), 0700);
  ASSERT_EQ(::mkfifo((folder / "go").c_str(), 0600), 0);  // the switch waits for what is written to it
  configure("", "kind = \"exec\"\ncommand = [\"" + script + "\"]\n");
  server->order(101, {new_os});
  bool switching = false;
  server->on_feedback = [&](const std::string& execution, const std::string& phase) {
    if (phase == "switching") switching = true;
    if (execution == "rejected") write_file(folder / "go", "");
  };
  start();
  ASSERT_TRUE(until([&] { return switching && std::filesystem::exists(folder / "data/boot.json"); }));
  server->cancel();
  ASSERT_TRUE(until([&] { return saw("cancel rejected none"); }));
  ASSERT_TRUE(until([&] { return server->closed("failure"); }));  // this installer never runs anything but 1
  EXPECT_FALSE(saw("cancel closed success"));
}

TEST_F(DrayAgent, AnswersBusyWhileTheBusyFileIsThere) {
  write_file(folder / "data/busy", "sale in progress");
  server->ask_first = true;
  server->order(101, {new_os});
  start();
  ASSERT_TRUE(until([&] { return server->confirmations.size() >= 2; }));
  EXPECT_EQ(
      server->confirmations[0],
      R"({"confirmation":"denied","details":["sale in progress"],"dray":{"answer":"busy","why":"sale in progress"}})");
  EXPECT_EQ(server->artifact_bytes, 0U);
  std::filesystem::remove(folder / "data/busy");
  ASSERT_TRUE(until([&] { return server->closed("success"); }));
}

// M7, over the real socket
TEST_F(DrayAgent, ItsOperatorAnswersTheStandingQuestion) {
  configure("[ready]\nask_operator = true\nbusy_command = [\"/bin/true\"]\n");
  server->ask_first = true;
  server->order(101, {new_os});
  start();
  ASSERT_TRUE(until([&] { return device->wait_for("deferment_began", std::chrono::seconds{0}); }));
  EXPECT_TRUE(server->confirmations.empty());
  EXPECT_NE(command({"status"}).second.find("May this device be updated now?"), std::string::npos);
  EXPECT_EQ(command({"answer", "defer"}).first, 2);  // for how long?
  EXPECT_EQ(command({"answer", "maybe"}).first, 2);
  EXPECT_EQ(command({"answer", "ready"}), (std::pair<int, std::string>{0, "Noted: ready.\n"}));
  ASSERT_TRUE(until([&] { return server->closed("success"); }));
  EXPECT_EQ(server->confirmations.size(), 1U);
}

// M19, over the real socket: who asked is what the kernel says
TEST_F(DrayAgent, IsCancelledOnTheDeviceUpToTheSwitchOver) {
  configure("[ready]\nask_operator = true\n");
  server->ask_first = true;
  server->order(101, {new_os});
  start();
  ASSERT_TRUE(until([&] { return device->wait_for("deferment_began", std::chrono::seconds{0}); }));
  const auto [status, words] = command({"cancel", "--by", "ines", "--why", "not today"});
  EXPECT_EQ(status, 0) << words;
  ASSERT_TRUE(until([&] { return server->closed("failure"); }));
  EXPECT_TRUE(saw("canceled none"));
  const passwd* me = ::getpwuid(::getuid());
  EXPECT_NE(
      testing_support::read_file(folder / "data/state.json").find("ines (" + std::string{me->pw_name} + ")"),
      std::string::npos);
  EXPECT_EQ(command({"cancel"}).first, 1);  // nothing is left to cancel
  struct stat socket{};
  ASSERT_EQ(::stat((folder / "data/agent.sock").c_str(), &socket), 0);
  EXPECT_EQ(socket.st_mode & 0777, 0600U);
}

TEST_F(DrayAgent, AVersionWhoseProgramEndsFallsBackByItself) {
  configure(
      "run = [\"/bin/sh\", \"-c\", \"head -c 3 $DRAY_CURRENT/os/image | grep -q new && exit 7; exec sleep "
      "1000\"]\n");
  server->order(101, {new_os});
  start();
  ASSERT_TRUE(until([&] { return server->closed("failure"); }));
  EXPECT_EQ(server->attributes["dray.version.os"], "1");
  EXPECT_NE(server->sentences.back().find("its program ended with status 7"), std::string::npos)
      << server->sentences.back();
  EXPECT_GE(server->boot_ids.size(), 2U);
}

// A helper of the program hears no SIGTERM, and outlives it for longer than the agent waits.
TEST_F(DrayAgent, AVersionWhoseProgramEndsAndLeavesSomethingBehindFallsBackBeforeTheAgentStarts) {
  configure(
      "run = [\"/bin/sh\", \"-c\", \"head -c 3 $DRAY_CURRENT/os/image | grep -q new && { trap '' TERM; sleep 1000 & exit 7; }; "
      "exec sleep 1000\"]\n");
  server->order(101, {new_os});
  start();
  ASSERT_TRUE(until([&] { return server->closed("failure") || server->closed("success"); }));
  EXPECT_FALSE(server->closed("success"));
  EXPECT_EQ(server->attributes["dray.version.os"], "1");
  EXPECT_NE(server->sentences.back().find("its program ended with status 7"), std::string::npos) << server->sentences.back();
}

TEST_F(DrayAgent, ASecondOneOnTheSameDataIsRefused) {
  start();
  until([&] { return !server->boot_ids.empty(); });
  for (const char* command : {"boot", "run"}) {
    Process second{{kProgram, command, "--config", folder / "agent.toml"}};
    EXPECT_EQ(second.wait(), 1) << command;
    EXPECT_NE(second.output().find("in use by another process"), std::string::npos) << second.output();
  }
  Process verb{{kProgram, "installer", "ab-dir", "installed", "--config", folder / "agent.toml"}};
  EXPECT_EQ(verb.wait(), 0) << "an installer's verbs are for a running agent";
}

TEST_F(DrayAgent, TellsItsStatusAndChecksItsConfiguration) {
  server->order(101, {new_os});
  start();
  ASSERT_TRUE(until([&] { return server->closed("success"); }));
  Process status{{kProgram, "status", "--json", "--config", folder / "agent.toml"}};
  EXPECT_EQ(status.wait(), 0);
  EXPECT_NE(status.output().find("\"phase\":\"committed\""), std::string::npos) << status.output();
  Process check{{kProgram, "--check-config", "--config", folder / "agent.toml"}};
  EXPECT_EQ(check.wait(), 0) << check.output();
  write_file(
      folder / "bad.toml",
      "id = \"dev/1\"\ndata = \"d\"\npoll_s = 3\n[server]\nurl = \"gw\"\n[installer]\nkind = \"magic\"\n");
  Process bad{{kProgram, "--check-config", "--config", folder / "bad.toml"}};
  EXPECT_EQ(bad.wait(), 2);
  for (const char* line :
       {"bad.toml:1: id", "bad.toml:3: poll_s", "bad.toml:5: server.url", "bad.toml:7: installer.kind"})
    EXPECT_NE(bad.output().find(line), std::string::npos) << line << "\n" << bad.output();
}

// What is wrong with a command is said before its configuration is looked for.
TEST_F(DrayAgent, SaysWhatIsWrongWithItsWords) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> rows{
      {{"bogus"}, "\"bogus\" is no command"},
      {{"answer", "maybe"}, "must be one of ready, busy, defer, and \"maybe\" is not"},
      {{"answer"}, "must be one of ready, busy, defer"},
      {{"status", "please"}, "status takes no further words"},
      {{"installer", "magic", "info"}, "needs a kind"}};
  for (const auto& [words, wrong] : rows) {
    std::vector<std::string> command{kProgram};
    command.insert(command.end(), words.begin(), words.end());
    command.insert(command.end(), {std::string{"--config"}, std::string{folder / "missing.toml"}});
    Process process{command};
    EXPECT_EQ(process.wait(), 2) << words[0];
    EXPECT_NE(process.output().find(wrong), std::string::npos) << process.output();
    EXPECT_EQ(process.output().find("missing.toml"), std::string::npos) << process.output();
  }
  Process both{{kProgram, "answer", "defer", "--for", "2h", "--until", "2030-01-01T00:00:00Z", "--config", folder / "agent.toml"}};
  EXPECT_EQ(both.wait(), 2);
  EXPECT_NE(both.output().find("exclude each other"), std::string::npos) << both.output();
}

TEST_F(DrayAgent, CheckConfigLooksForTheProgramsThatItNames) {
  const auto check = [&](const std::string& command) {
    write_file(folder / "exec.toml", "id = \"dev-1\"\ndata = \"d\"\n[server]\nurl = \"http://gw\"\n[installer]\nkind = \"exec\"\ncommand = [\"" + command + "\"]\n");
    Process process{{kProgram, "--check-config", "--config", folder / "exec.toml"}};
    const int status = process.wait().value_or(-1);
    return std::to_string(status) + " " + process.output();
  };
  EXPECT_TRUE(check("sh").starts_with("0 "));
  EXPECT_TRUE(check("/bin/sh").starts_with("0 "));
  for (const char* missing : {"/nonexistent/installer", "no-such-program-of-ours", "/etc/passwd", "/etc"}) {
    const std::string said = check(missing);
    EXPECT_TRUE(said.starts_with("2 ")) << said;
    EXPECT_NE(said.find(std::string{"installer.command: "} + missing), std::string::npos) << said;
  }
}

TEST_F(DrayAgent, ATypeThatWouldBeCutOnItsWayIsRefused) {
  const auto check = [&](const std::string& type) {
    write_file(folder / "typed.toml", "id = \"dev-1\"\ntype = \"" + type + "\"\ndata = \"d\"\n[server]\nurl = \"http://gw\"\n[installer]\nkind = \"ab-dir\"\n");
    Process process{{kProgram, "--check-config", "--config", folder / "typed.toml"}};
    const int status = process.wait().value_or(-1);
    return std::to_string(status) + " " + process.output();
  };
  EXPECT_TRUE(check(std::string(128, 'x')).starts_with("0 "));
  for (const std::string& wrong : {std::string(129, 'x'), std::string{"a\\u0007b"}}) {
    const std::string said = check(wrong);
    EXPECT_TRUE(said.starts_with("2 ")) << said;
    EXPECT_NE(said.find("type: must have at most 128 characters"), std::string::npos) << said;
  }
}

TEST_F(DrayAgent, TheSampleConfigurationIsAccepted) {
  std::filesystem::copy_file(in_sources("docs/agent.sample.toml"),
                             folder / "sample.toml");
  Process check{{kProgram, "--check-config", "--config", folder / "sample.toml"}};
  EXPECT_EQ(check.wait(), 0) << check.output();
}

TEST_F(DrayAgent, ATokenThatOthersCanReadIsRefused) {
  ::chmod((folder / "token").c_str(), 0644);
  Process check{{kProgram, "--check-config", "--config", folder / "agent.toml"}};
  EXPECT_EQ(check.wait(), 2);
  EXPECT_NE(check.output().find("0600"), std::string::npos);
}

}  // namespace
}  // namespace dray
