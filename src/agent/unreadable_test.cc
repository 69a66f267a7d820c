// Records of the agent and its installers that can't be read: none locks a device out, and what older programs wrote is
// still read.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "adapters/posix/posix_disk.h"
#include "agent/agent_world_testing.h"
#include "agent/state.h"
#include "places.h"

namespace dray::agent {
namespace {

using namespace std::chrono_literals;
using namespace testing;  // NOLINT(google-build-using-namespace): the rig is what this file is about
namespace at = core::attempt;
namespace fs = std::filesystem;

const std::vector<std::string> kDamages{"", "{\"versi", "[1,2]", "{}", R"({"version":99,"all":"new"})", std::string(64, '\0'),
                                        std::string((1 << 20) + 1, ' ')};

class UnreadableRecords : public AgentTest {
 protected:
  // The device gets its update although this is in its records.
  void updates_with(const std::string& kind, const std::string& file, const std::string& text) {
    set_up(kind);
    if (const auto slash = file.rfind('/'); slash != std::string::npos) {
      ASSERT_TRUE(device.disk().make_dir(file.substr(0, slash)));
    }
    ASSERT_TRUE(replace_file(device.disk(), file, text));
    server.order(101, {new_os});
    device.power_on();
    EXPECT_TRUE(world.run_until([&] { return server.closed("success"); }, 30min)) << kind << " " << file << " " << text;
    EXPECT_EQ(server.attributes["dray.version.os"], "2");
  }
};

class UnreadableRecord : public UnreadableRecords,
                         public ::testing::WithParamInterface<std::tuple<std::pair<const char*, const char*>, std::size_t>> {};

TEST_P(UnreadableRecord, LocksNoDeviceOut) {
  const auto& [where, damage] = GetParam();
  updates_with(where.first, where.second, kDamages[damage]);
}

INSTANTIATE_TEST_SUITE_P(EachInEachWay, UnreadableRecord,
                         ::testing::Combine(::testing::Values(std::pair{"ab-dir", "state.json"}, std::pair{"ab-dir", "boot.json"},
                                                              std::pair{"ab-dir", "device/slots/0/metadata.json"},
                                                              std::pair{"ab-dir", "device/slots/1/metadata.json"},
                                                              std::pair{"ab-dir", "device/order.json"},
                                                              std::pair{"single-file", "device/single-file.json"}),
                                            ::testing::Range<std::size_t>(0, 7)));

// --- an installer's record while a version is on trial ---

class LostRecord : public ::testing::Test {
 protected:
  static constexpr std::string_view kDamage = "{\"versi";

  static Task<> call(Installer& installer, InstallerVerb verb, InstallerEnv env, std::optional<bool>& out) {
    Stop never;
    const auto answer = co_await installer.run(verb, std::move(env), never);
    out = answer && answer->exit == InstallerExit::kOk;
  }
  bool run(InstallerVerb verb, const std::string& version = "") {
    InstallerEnv env;
    env.order = {"os"};
    if (!version.empty()) {
      const std::string bytes = "image of " + version;
      EXPECT_TRUE(replace_file(node.disk(), "payload", bytes));
      env = {"os", version, sha256_of(as_bytes(bytes)), bytes.size(), "payload", {"os"}};
    }
    std::optional<bool> out;
    node.spawn(call(*installer, verb, std::move(env), out));
    EXPECT_TRUE(world.run_until([&] { return out.has_value(); }, 1min));
    return out.value_or(false);
  }
  void begin(const std::string& kind) {
    node.power_on();
    installer = make(kind, node.disk(), node.worker("bytes"));
    for (const char* version : {"1", "2"}) {
      EXPECT_TRUE(run(InstallerVerb::kDownload, version));
      EXPECT_TRUE(run(InstallerVerb::kInstall));
      if (version[0] == '1') {
        EXPECT_TRUE(run(InstallerVerb::kCommit));
      }
    }
  }
  void damage(const std::string& file) { EXPECT_TRUE(replace_file(node.disk(), file, kDamage)); }
  std::string text(const std::string& file) {
    const auto text = read_file(node.disk(), file, 1000);
    return text ? *text : "";
  }

  sim::World world{1};
  sim::Node& node = world.add("dev");
  std::unique_ptr<Installer> installer;
};

TEST_F(LostRecord, OfASingleFileIsNoGroundToSayThatItIsBack) {
  begin("single-file");
  damage("device/single-file.json");
  EXPECT_FALSE(run(InstallerVerb::kRollback));
  EXPECT_TRUE(run(InstallerVerb::kCancel));
  EXPECT_EQ(text("device/single-file.json.bad"), kDamage);
  EXPECT_FALSE(run(InstallerVerb::kRollback)) << "nor after something was saved";
  EXPECT_EQ(text("device/os.img"), "image of 2");
  EXPECT_TRUE(run(InstallerVerb::kDownload, "3"));
  EXPECT_EQ(text("device/os.img.old"), "image of 1") << "what runs may be on trial";
  EXPECT_TRUE(run(InstallerVerb::kInstall));
  EXPECT_TRUE(run(InstallerVerb::kRollback));
  EXPECT_EQ(text("device/os.img"), "image of 1");
}

// Larger than any that we write: its beginning is kept.
TEST_F(LostRecord, ThatIsTooLargeIsKeptBesideUpToItsLimit) {
  begin("single-file");
  ASSERT_TRUE(replace_file(node.disk(), "device/single-file.json", std::string(3 << 20, 'x')));
  EXPECT_FALSE(run(InstallerVerb::kRollback));
  EXPECT_TRUE(run(InstallerVerb::kCommit));
  const auto kept = read_file(node.disk(), "device/single-file.json.bad", 2 << 20);
  ASSERT_TRUE(kept) << kept.error().message();
  EXPECT_EQ(*kept, std::string(1 << 20, 'x'));
  EXPECT_TRUE(run(InstallerVerb::kDownload, "3"));
}

TEST_F(LostRecord, OfASingleFileIsMendedByACommit) {
  begin("single-file");
  damage("device/single-file.json");
  EXPECT_TRUE(run(InstallerVerb::kCommit));
  EXPECT_TRUE(run(InstallerVerb::kRollback)) << "there is nothing to go back from";
  EXPECT_TRUE(run(InstallerVerb::kDownload, "3"));
  EXPECT_EQ(text("device/os.img.old"), "image of 2");
}

TEST_F(LostRecord, OfTwoSlotsIsKeptBeside) {
  begin("ab-dir");
  damage("device/order.json");
  EXPECT_FALSE(run(InstallerVerb::kRollback));
  damage("device/slots/0/metadata.json");
  damage("device/slots/1/metadata.json");
  EXPECT_TRUE(run(InstallerVerb::kDownload, "3"));
  EXPECT_EQ(text("device/order.json.bad"), kDamage);
  EXPECT_EQ(text("device/slots/0/metadata.json.bad") + text("device/slots/1/metadata.json.bad"), kDamage) << "of the one that is written";
}

TEST(BootRecordUnreadable, AVersionThatMayBeOnTrialIs) {
  const at::Order order{ActionId{101}, {{"os", "2", {}, "", 1, ""}}, false};
  for (const at::Phase& phase : {at::Phase{at::Installing{order, "b"}}, at::Phase{at::Installed{order, "b"}},
                                 at::Phase{at::Restarting{order, "b"}}, at::Phase{at::VerifyingBoot{order}}}) {
    const BootRecord record = presumed(at::Attempt{phase, {}, 0});
    EXPECT_EQ(record.trial, ActionId{101}) << at::phase_name(phase);
    EXPECT_EQ(record.starts, 0);
  }
  for (const at::Phase& phase : {at::Phase{at::Idle{}}, at::Phase{at::Downloading{order, 0}}, at::Phase{at::Failed{order, "w"}}})
    EXPECT_TRUE(presumed(at::Attempt{phase, {}, 0}) == BootRecord{}) << at::phase_name(phase);
}

// --- what older programs wrote: tests/formats ---

std::vector<fs::path> sets() {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator{std::string{DRAY_SOURCE_DIR} + "/tests/formats"})
    if (fs::exists(entry.path() / "agent")) out.push_back(entry.path() / "agent");
  return out;
}

std::string file_text(const fs::path& path) {
  std::ifstream in{path};
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(AgentFormats, EveryStateThatWasKeptIsUnderstood) {
  ASSERT_FALSE(sets().empty());
  for (const fs::path& set : sets()) {
    int states = 0;
    for (const auto& entry : fs::directory_iterator{set / "state"}) {
      const auto attempt = decode_state(file_text(entry.path()));
      ASSERT_TRUE(attempt) << entry.path() << ": " << attempt.error().message();
      EXPECT_EQ(at::phase_name(attempt->phase), entry.path().stem().string());
      EXPECT_EQ(*decode_state(encode_state(*attempt)), *attempt);
      ++states;
    }
    EXPECT_GE(states, 8) << set;
  }
}

TEST(AgentFormats, EachFolderThatWasKeptIsUnderstood) {
  for (const fs::path& set : sets())
    for (const char* device : {"till-1", "till-2"}) {
      adapters::PosixDisk disk{set / device};
      EXPECT_TRUE(load_state(disk)) << set << device;
      EXPECT_EQ(read_boot(disk).why, "") << set << device;
    }
}

}  // namespace
}  // namespace dray::agent
