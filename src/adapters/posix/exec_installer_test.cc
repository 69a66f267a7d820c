#include "adapters/posix/exec_installer.h"

#include <boost/asio/detached.hpp>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "adapters/posix/fd.h"
#include "adapters/posix/system_clock.h"

namespace dray::adapters {
namespace {

class ExecInstallerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "dray-exec-XXXXXX";
    folder = ::mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  Result<InstallerAnswer> ask(const std::string& script, InstallerVerb verb, InstallerEnv env = {}) {
    std::ofstream{folder / "installer"} << "#!/bin/sh\n" << script;
    ::chmod((folder / "installer").c_str(), 0700);
    ExecInstaller installer{io, clock, {{(folder / "installer").string()}, folder, limits}};
    std::optional<Result<InstallerAnswer>> out;
    asio::co_spawn(io, call(installer, verb, std::move(env), out), [](std::exception_ptr e) {
      if (e) std::rethrow_exception(e);
    });
    io.restart();
    io.run();
    return std::move(*out);
  }
  Task<> call(Installer& installer, InstallerVerb verb, InstallerEnv env,
              std::optional<Result<InstallerAnswer>>& out) {
    auto answer = co_await installer.run(verb, std::move(env), stop);
    out.emplace(std::move(answer));
  }

  std::filesystem::path folder;
  asio::io_context io;
  SystemClock clock{io};
  Stop stop;
  CommandLimits limits{Duration{20'000}, Duration{200}};
};

TEST_F(ExecInstallerTest, GivesTheVerbAndTheMetadataAndTakesValuesAndWords) {
  InstallerEnv env{"os", "2", *Sha256::parse(std::string(64, 'b')), 12, "spool/x.part", {"os", "app"}};
  const auto answer =
      ask("echo \"got=$1 $DRAY_COMPONENT $DRAY_VERSION $DRAY_SIZE $DRAY_ORDER\"; echo \"$DRAY_PAYLOAD\"",
          InstallerVerb::kDownload, env);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->exit, InstallerExit::kOk);
  EXPECT_EQ(answer->values.at("got"), "download os 2 12 os app");
  EXPECT_EQ(answer->words, (folder / "spool/x.part").string());
}

TEST_F(ExecInstallerTest, KnowsTheExitCodesAndWhatWasComplained) {
  EXPECT_EQ(ask("echo retry_after=60; exit 10", InstallerVerb::kReady)->exit, InstallerExit::kBusy);
  EXPECT_EQ(ask("echo retry_after=60; exit 10", InstallerVerb::kReady)->values.at("retry_after"), "60");
  EXPECT_EQ(ask("exit 3", InstallerVerb::kReady)->exit, InstallerExit::kRetryLater);
  const auto failed = ask("echo flash is worn out >&2; exit 7", InstallerVerb::kInstall);
  EXPECT_EQ(failed->exit, InstallerExit::kFailed);
  EXPECT_EQ(failed->words, "flash is worn out");
}

TEST_F(ExecInstallerTest, KeepsTheTailOfAFloodOnStandardError) {
  const auto answer = ask("i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); done; exit 1",
                          InstallerVerb::kInstall);
  ASSERT_LE(answer->words.size(), 10U * 1024);
  ASSERT_GE(answer->words.size(), 9U * 1024) << answer->words;
  EXPECT_TRUE(answer->words.ends_with("line 2999")) << answer->words.substr(answer->words.size() - 100);
}

// \374 is an "ü" in Latin-1; a flood of characters is cut at one.
TEST_F(ExecInstallerTest, WhatItPrintsBecomesText) {
  const auto said = ask(R"(printf 'os=1\3742 x\r\nf\374r \033[1mKunden\n\000\n')", InstallerVerb::kInstalled);
  ASSERT_TRUE(said);
  EXPECT_EQ(said->values.at("os"), "1\xEF\xBF\xBD" "2 x");
  EXPECT_EQ(said->words, "f\xEF\xBF\xBDr ␛[1mKunden\n␀");
  const auto failed = ask(R"(printf 'Flash m\374de\n' >&2; exit 1)", InstallerVerb::kInstall);
  EXPECT_EQ(failed->words, "Flash m\xEF\xBF\xBD" "de");
  const auto flood = ask("i=0; while [ $i -lt 3000 ]; do printf 'äöü' >&2; i=$((i+1)); done; exit 1", InstallerVerb::kInstall);
  EXPECT_EQ(flood->words.find("\xEF\xBF\xBD"), std::string::npos) << "its front is cut, and no character in half";
  EXPECT_LE(flood->words.size(), 10U * 1024);
}

TEST_F(ExecInstallerTest, TabsAndBlanksOfAVersionLineStay) {
  const auto said = ask(R"(printf 'os=2.0 rc 1\tabc\r\napp=7 8\n')", InstallerVerb::kInstalled);
  ASSERT_TRUE(said);
  EXPECT_EQ(said->values.at("os"), "2.0 rc 1\tabc");
  EXPECT_EQ(said->values.at("app"), "7 8");
}

TEST_F(ExecInstallerTest, AVerbThatHangsIsEndedWithItsChildren) {
  limits = {Duration{300}, Duration{200}};
  const std::string alive = (folder / "alive").string();  // has a writer while anything of the verb lives
  ASSERT_EQ(::mkfifo(alive.c_str(), 0600), 0);
  const Fd reader{::open(alive.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
  const auto answer = ask("trap '' TERM; exec 9>" + alive + "; echo hangs >&9; sleep 1000 & wait; sleep 1000",
                          InstallerVerb::kInstall);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), ErrorCode::kTimeout);
  std::array<char, 16> said{};
  EXPECT_EQ(::read(reader.get(), said.data(), said.size()), 6);
  pollfd ended{reader.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&ended, 1, 10'000), 1) << "something of it still runs";
  EXPECT_NE(ended.revents & POLLHUP, 0);
}

TEST_F(ExecInstallerTest, SaysWhatIsMissing) {
  ExecInstaller installer{io, clock, {{"/no/such/installer"}, folder, limits}};
  std::optional<Result<InstallerAnswer>> out;
  asio::co_spawn(io, call(installer, InstallerVerb::kInfo, {}, out), asio::detached);
  io.run();
  ASSERT_TRUE(out);
  EXPECT_EQ(out->error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace dray::adapters
