// kill -9 of the real programs, at the moment when a machine changes its state: a program logs each change before it is
// saved, the test kills it (or another one) on that line and starts it again. Every run ends with the device updated, the
// artifact over the WAN once, and no attempt lost to the kill.
//
// All transitions at all three points (before the save, after it, after the actions) are shown in the simulator; here it is
// real processes, real files and sockets, once per state.
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>

#include "support/stack.h"

namespace dray::e2e {
namespace {

using testing_support::Process;
using testing_support::Stack;

constexpr std::chrono::seconds kLong{60};

enum class Who { kServer, kGateway, kAgent };
std::string name_of(Who who) { return who == Who::kServer ? "Server" : who == Who::kGateway ? "Gateway" : "Agent"; }

struct Case {
  Who victim;            // is killed
  Who speaker;           // whose log gives the cue
  std::string machine, phase;
};
void PrintTo(const Case& c, std::ostream* out) { *out << name_of(c.victim) << " at " << c.machine << " " << c.phase; }

std::string case_name(const testing::TestParamInfo<Case>& info) {
  return name_of(info.param.victim) + "_at_" + info.param.machine + "_" + info.param.phase;
}

std::string image(char fill) {
  std::string out(3 << 20, fill);
  for (std::size_t i = 0; i < out.size(); i += 4096) out[i] = static_cast<char>(i / 4096);
  return out;
}

class Kill : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    stack_.start_gateway(watch(Who::kGateway));
    stack_.make_type("board", {"os"});
    stack_.make_device("dev-1", "board", {"os"});
    stack_.start_device("dev-1", watch(Who::kAgent));
  }

  Process& process(Who who) {
    return who == Who::kServer ? stack_.server() : who == Who::kGateway ? stack_.gateway() : stack_.device("dev-1");
  }

  // Kills the victim on the first line that says "machine=.. .. to=phase". Called on the reader's thread; the victim is known
  // by then because everything runs before the rollout starts.
  Process::OnLine watch(Who who) {
    return [this, who](Process& speaker, const std::string& line) {
      const Case& c = GetParam();
      if (who != c.speaker || !armed_ || line.find("state_changed machine=" + c.machine + " ") == line.npos ||
          line.find(" to=" + c.phase + " ") == line.npos || killed_.exchange(true))
        return;
      const pid_t group = c.victim == c.speaker ? speaker.pid() : victim_pid_.load();
      ::kill(-group, SIGKILL);
    };
  }

  void restart(Who who) {
    if (who == Who::kServer) stack_.start_server();
    if (who == Who::kGateway) stack_.start_gateway();
    if (who == Who::kAgent) stack_.start_device("dev-1");
  }

  std::atomic<bool> armed_{false}, killed_{false};
  std::atomic<pid_t> victim_pid_{0};
  Stack stack_;
};

TEST_P(Kill, EndsUpdatedWithTheArtifactOverTheWanOnce) {
  const std::string bytes = image('n');
  const std::string sha = stack_.push_image("board", "os", "2", bytes);
  victim_pid_ = process(GetParam().victim).pid();
  armed_ = true;
  stack_.start_rollout("2", {sha});
  ASSERT_TRUE(process(GetParam().victim).wait(kLong).has_value()) << "the cue never came:\n" << process(GetParam().speaker).output();
  EXPECT_TRUE(killed_);
  restart(GetParam().victim);

  EXPECT_TRUE(stack_.wait_for_state("dev-1", "succeeded", kLong))
      << boost::json::serialize(stack_.device_view("dev-1")) << "\n" << stack_.gateway().output() << stack_.device("dev-1").output();
  EXPECT_TRUE(stack_.wait_for_versions("dev-1", {{"os", "2"}}, kLong));
  // A device that starts again with the old version after it announced its switch-over has, as its gateway sees it, rolled
  // back: that may count as an attempt, though no byte is sent again.
  const int attempts = GetParam().victim == Who::kAgent ? 2 : 1;
  EXPECT_LE(stack_.device_view("dev-1").at("job").at("attempt").to_number<int>(), attempts) << stack_.device("dev-1").output();
  // What was on its way when the process died may come again, never the whole file.
  EXPECT_LE(stack_.gateway_process().wan_bytes(), bytes.size() + bytes.size() / 2);
  EXPECT_LE(stack_.gateway_process().lan_bytes(), 2 * bytes.size() - bytes.size() / 8);
  const std::string active = testing_support::read_file(stack_.folder("devices/dev-1/data/device/current/os/image"));
  EXPECT_TRUE(active == bytes) << "the active slot holds " << active.size() << " bytes";
}

std::vector<Case> cases() {
  std::vector<Case> out;
  for (const char* phase : {"Asked", "Ready", "Transmitting", "Installing", "Succeeded"}) {
    out.push_back({Who::kGateway, Who::kGateway, "job", phase});
    out.push_back({Who::kServer, Who::kGateway, "job", phase});
  }
  for (const char* phase : {"offered", "downloading", "verifying", "announcing", "installing", "restarting", "verifying_boot", "committed"}) {
    out.push_back({Who::kAgent, Who::kAgent, "attempt", phase});
  }
  out.push_back({Who::kAgent, Who::kGateway, "job", "Transmitting"});
  out.push_back({Who::kGateway, Who::kAgent, "attempt", "downloading"});
  return out;
}

INSTANTIATE_TEST_SUITE_P(EveryState, Kill, testing::ValuesIn(cases()), case_name);

}  // namespace
}  // namespace dray::e2e
