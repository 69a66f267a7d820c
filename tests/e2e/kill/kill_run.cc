#include "e2e/kill/kill_run.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/time.h"
#include "support/ddi_device.h"
#include "support/stack.h"

namespace dray::e2e {
namespace {

using testing_support::Process;
using testing_support::Stack;
namespace json = boost::json;

constexpr std::chrono::seconds kLong{60};
constexpr const char* kDevice = "dev-1";
constexpr const char* kOld = "factory image of os";  // as Stack::make_device has it

std::string word_of(Who who) {
  return who == Who::kServer ? "Server" : who == Who::kGateway ? "Gateway" : "Agent";
}

std::string image() {
  std::string out(3 << 20, 'n');
  for (std::size_t i = 0; i < out.size(); i += 4096) out[i] = static_cast<char>(i / 4096);
  return out;
}

class Run {
 public:
  explicit Run(const Case& c) : case_{c}, trap_{c} {}

  void play() {
    prepare();
    const std::string sha = stack_.push_image("board", "os", "2", bytes_);
    trap_.aim(victim().pid());
    trap_.arm();
    id_ = stack_.start_rollout("2", {sha}, rollout_keys());
    on_the_way();
    for (std::size_t i = 0; i < case_.phases.size(); ++i) {
      ASSERT_TRUE(victim().wait(kLong).has_value()) << "no cue " << case_.phases[i] << ":\n"
                                                    << speaker().output();
      ASSERT_EQ(trap_.kills(), i + 1) << "it ended by itself:\n" << victim().output();
      if (i + 1 == case_.phases.size()) heal();
      start(case_.victim);
    }
    if (case_.way == Way::kDeferred) start(Who::kAgent);
    check();
  }

 private:
  bool holds() const { return case_.way == Way::kCancelled || case_.way == Way::kExpires; }
  bool installer_fails() const {
    return case_.way == Way::kDownloadFails || case_.way == Way::kOneTryFails || case_.way == Way::kUnhealthy;
  }
  std::string at_device(const std::string& name) const { return stack_.folder("devices/dev-1/" + name); }
  std::string busy_file() const { return at_device("data/busy"); }

  void prepare() {
    stack_.start_gateway(trap_.watch(Who::kGateway));
    // A device that is not asked first holds with all bytes in place, before its switch-over.
    stack_.make_type("board", {"os"}, false,
                     holds() ? std::vector<std::string>{"--ask", "poll"} : std::vector<std::string>{});
    stack_.make_device(kDevice, "board", {"os"}, case_.way == Way::kWaits ? "[ready]\nwhile_busy = \"wait\"\nbusy_retry_s = 1\n" : "");
    if (installer_fails()) stack_.make_device_moody(kDevice);
    if (case_.way == Way::kDownloadFails || case_.way == Way::kOneTryFails)
      testing_support::write_file(at_device("fail-download"), "");
    if (case_.way == Way::kUnhealthy) testing_support::write_file(at_device("fail-verify"), "");
    if (case_.way == Way::kBusyAtFirst || case_.way == Way::kWaits || holds())
      testing_support::write_file(busy_file(), "retry_after=1\nin use\n");
    if (case_.way != Way::kDeferred) start(Who::kAgent);
  }

  std::string rollout_keys() const {
    const std::string expires = case_.way == Way::kExpires ? "+4s" : "+1h";
    return "delivery = \"pull\"\nupdate_at = \"now\"\nexpires_at = \"" + expires + "\"\n" +
           (case_.way == Way::kOneTryFails ? "retry_limit = 1\n" : "");
  }

  // What somebody does before the kill. An answer may be lost with the program that is killed meanwhile.
  void on_the_way() {
    try {
      if (case_.way == Way::kDeferred) {
        ASSERT_TRUE(stack_.gateway().wait_for("to=Asked", kLong));
        const auto until =
            std::chrono::floor<Duration>(std::chrono::system_clock::now()) + std::chrono::seconds{2};
        const std::string wish =
            R"({"device":"dev-1","until":")" + to_rfc3339(until) + R"(","by":"ines","why":"stocktaking"})";
        testing_support::http("POST", stack_.gateway_process().local_url() + "/api/v1/deferrals",
                              {{"Content-Type", "application/json"}}, wish);
      }
      if (case_.way == Way::kCancelled) {
        ASSERT_TRUE(stack_.device(kDevice).wait_for("to=holding", kLong));
        stack_.ctl({"job", "cancel", id_ + "-" + kDevice, "--by", "ines", "--why", "not now"});
      }
    } catch (const std::runtime_error&) {
    }
  }

  void heal() {
    if (case_.way == Way::kOneTryFails || holds()) return;
    for (const auto& file : {busy_file(), at_device("fail-download"), at_device("fail-verify")})
      std::filesystem::remove(file);
  }

  Process& process(Who who) {
    return who == Who::kServer    ? stack_.server()
           : who == Who::kGateway ? stack_.gateway()
                                  : stack_.device(kDevice);
  }
  Process& victim() { return process(case_.victim); }
  Process& speaker() { return process(case_.speaker); }
  void start(Who who) {
    if (who == Who::kServer) stack_.start_server();
    if (who == Who::kGateway) stack_.start_gateway(trap_.watch(who));
    if (who == Who::kAgent) stack_.start_device(kDevice, trap_.watch(who));
  }

  std::string wanted_state() const {
    return case_.way == Way::kOneTryFails ? "failed"
           : case_.way == Way::kCancelled ? "cancelled"
           : case_.way == Way::kExpires   ? "expired"
                                          : "succeeded";
  }

  void check() {
    const bool updated = wanted_state() == "succeeded";
    EXPECT_TRUE(stack_.wait_for_state(kDevice, wanted_state(), kLong))
        << json::serialize(stack_.device_view(kDevice)) << "\n"
        << stack_.gateway().output() << stack_.device(kDevice).output();
    EXPECT_TRUE(stack_.wait_for_versions(kDevice, {{"os", updated ? "2" : "1"}}, kLong));
    EXPECT_EQ(stack_.device_view(kDevice).at("job").at("state").as_string(), wanted_state())
        << "a result stays";
    const std::string active = testing_support::read_file(at_device("data/device/current/os/image"));
    EXPECT_TRUE(active == (updated ? bytes_ : kOld)) << "the active slot holds " << active.size() << " bytes";
    check_attempts();
    check_bytes();
  }

  // A kill is no attempt, nor is what fails over it. But a device that starts again with the old version
  // after it announced its switch-over has, as its gateway sees it, rolled back: that may count, though no
  // byte is sent again.
  void check_attempts() {
    const int attempt = stack_.device_view(kDevice).at("job").at("attempt").to_number<int>();
    const bool fails = case_.way == Way::kDownloadFails || case_.way == Way::kUnhealthy;
    const bool told_before = case_.victim == Who::kServer || case_.phases.back() == "rolled_back";
    EXPECT_GE(attempt, fails && told_before ? 2 : 1)
        << stack_.gateway().output() << stack_.device(kDevice).output();
    if (!fails) {
      EXPECT_LE(attempt, case_.victim == Who::kAgent ? 2 : 1) << stack_.device(kDevice).output();
    }
  }

  // What was on its way when a process died may come again, never the whole file; what was whole does not
  // come again.
  void check_bytes() {
    auto& gateway = stack_.gateway_process();
    EXPECT_LE(gateway.wan_bytes(), bytes_.size() + bytes_.size() / 2);
    EXPECT_LE(gateway.lan_bytes(), 2 * bytes_.size() - bytes_.size() / 8);
    const std::string& cue = case_.phases.back();
    const bool stored = cue != "Planned" && cue != "Asked" && cue != "Deferred" && cue != "Ready";
    if (case_.victim == Who::kGateway && case_.machine == "job" && stored && case_.way != Way::kExpires) {
      EXPECT_EQ(gateway.wan_bytes(), bytes_.size()) << "it had it all when it was killed";
    }
  }

  const Case& case_;
  Trap trap_;
  Stack stack_;
  const std::string bytes_ = image();
  std::string id_;
};

}  // namespace

void PrintTo(const Case& c, std::ostream* out) { *out << name_of(c); }

std::string name_of(const Case& c) {
  std::string out = word_of(c.victim) + "_at_" + c.machine;
  for (const std::string& phase : c.phases) out += "_" + phase;
  return out;
}

Process::OnLine Trap::watch(Who who) {
  return [this, who](Process& speaker, const std::string& line) {
    if (who != case_.speaker || !armed_ || kills_ == case_.phases.size() || speaker.pid() == dead_) return;
    if (line.find("state_changed machine=" + case_.machine + " ") == line.npos ||
        line.find(" to=" + case_.phases[kills_] + " ") == line.npos)
      return;
    ++kills_;
    dead_ = case_.victim == case_.speaker ? speaker.pid() : victim_.load();
    testing_support::kill_tree(dead_);
  };
}

void play_with_everything(const Case& c) {
  Run run{c};
  run.play();
}

}  // namespace dray::e2e
