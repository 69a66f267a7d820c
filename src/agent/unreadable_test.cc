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

const std::vector<std::string> kDamages{"", "{\"versi", "[1,2]", "{}", R"({"version":99,"all":"new"})", std::string(64, '\0')};

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
                                            ::testing::Range<std::size_t>(0, 6)));

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
