// A device that was entered under another type than its agent says, with the real programs: it gets nothing until people
// have said which of the two is right.
#include <gtest/gtest.h>

#include <functional>

#include "support/stack.h"

namespace dray::e2e {
namespace {

using namespace std::chrono_literals;
using testing_support::read_file;
using testing_support::Stack;
using testing_support::write_file;

class MistakenDevice : public testing::Test {
 protected:
  void SetUp() override {
    stack_.start_gateway();
    stack_.make_type("board", {"os"});
    stack_.make_device("dev-1", "board", {"os"});
    const std::string config = stack_.folder("devices/dev-1") + "/agent.toml";
    std::string text = read_file(config);
    text.replace(text.find("type = \"board\""), 14, "type = \"scale\"");
    write_file(config, text);
    stack_.start_device("dev-1");
    const std::string sha = stack_.push_image("board", "os", "2", kFirmware);
    stack_.start_rollout("2", {sha});
    ASSERT_TRUE(until([&] { return job("reason") == "type_differs" && device("reason") == "type_differs"; }));
    ASSERT_TRUE(until([&] { return stack_.gateway_process().stored() == 1; })) << "it is planned for all the same";
    EXPECT_NE(job("sentence").find("'scale', and is entered as 'board'"), std::string::npos) << job("sentence");
    EXPECT_EQ(running(), kFactory);
    EXPECT_EQ(stack_.device("dev-1").output().find("offer_answered"), std::string::npos) << "nor is it asked";
  }
  std::string running() const { return read_file(stack_.folder("devices/dev-1") + "/data/device/current/os/image"); }
  std::string device(const char* member) { return word(stack_.device_view("dev-1").at(member)); }
  std::string job(const char* member) {
    const auto view = stack_.device_view("dev-1");
    return view.at("job").is_null() ? std::string{} : word(view.at("job").at(member));
  }
  static std::string word(const boost::json::value& value) { return value.is_string() ? std::string{value.as_string()} : std::string{}; }
  static bool until(const std::function<bool()>& so) {
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (!so())
      if (std::chrono::steady_clock::now() > end) return false;
    return true;
  }

  static inline const std::string kFirmware = std::string(1000, 'x'), kFactory = "factory image of os";
  Stack stack_;
};

TEST_F(MistakenDevice, IsUpdatedWhenTheOtherNameIsAccepted) {
  stack_.ctl({"type", "set", "board", "--also-called", "scale"});
  EXPECT_TRUE(stack_.wait_for_state("dev-1", "succeeded", 60s)) << job("sentence");
  EXPECT_EQ(running(), kFirmware);
  EXPECT_EQ(device("reason"), "");
}

TEST_F(MistakenDevice, GetsWhatIsForItsTypeWhenItIsMovedThere) {
  stack_.make_type("scale", {"os"});
  stack_.ctl({"device", "set", "dev-1", "--type", "scale"});
  EXPECT_TRUE(stack_.wait_for_state("dev-1", "incompatible", 60s)) << job("sentence");
  EXPECT_EQ(device("type"), "scale");
  EXPECT_EQ(device("reason"), "");
  EXPECT_EQ(running(), kFactory) << "nothing of it was ever sent to it";
}

}  // namespace
}  // namespace dray::e2e
