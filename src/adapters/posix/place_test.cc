#include "adapters/posix/place.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/text.h"

namespace dray::adapters {
namespace {

namespace fs = std::filesystem;

class PlaceTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(temp_ / "data");
    put("etc/machine-id", "0123abcd\n");
    card("eth0", "02:00:00:00:00:01", "0", true);
    card("docker0", "02:00:00:00:00:02", "3", false);
    card("usb0", "02:00:00:00:00:03", "1", true);  // drawn by chance at each start
    put("proc/device-tree/serial-number", std::string{"10000000abcd"} + '\0');
  }
  void TearDown() override { fs::remove_all(temp_); }
  void put(const fs::path& file, const std::string& text) {
    fs::create_directories((temp_ / file).parent_path());
    std::ofstream{temp_ / file} << text;
  }
  void card(const std::string& name, const std::string& address, const std::string& kind, bool device) {
    const fs::path folder = fs::path{"sys/class/net"} / name;
    put(folder / "address", address + "\n");
    put(folder / "addr_assign_type", kind + "\n");
    if (device) put(folder / "device/vendor", "x\n");
  }
  core::Place look(const fs::path& folder) {
    const auto place = find_place(temp_ / folder, temp_);
    EXPECT_TRUE(place) << (place ? "" : place.error().message());
    return place ? *place : core::Place{};
  }
  const fs::path temp_ = testing::TempDir() + "dray_place_" + std::to_string(::getpid());
};

TEST_F(PlaceTest, HoldsTheMachineAndTheFolder) {
  const auto place = look("data");
  EXPECT_EQ(place.machine, "0123abcd");
  EXPECT_EQ(place.hardware, (std::set<std::string>{"mac 02:00:00:00:00:01", "serial-number 10000000abcd"}));
  EXPECT_TRUE(place.path.ends_with("/data"));
  EXPECT_TRUE(core::same_place(place, look("data")));
}

TEST_F(PlaceTest, AFolderWhoseNameIsNoTextIsKeptAsOne) {
  fs::create_directories(temp_ / "d\xfcta");
  fs::create_directories(temp_ / "d\xf6ta");
  const auto place = look("d\xfcta");
  EXPECT_TRUE(is_utf8(place.path)) << place.path;
  EXPECT_TRUE(place.path.ends_with("/d%FCta")) << place.path;
  EXPECT_NE(place.path, look("d\xf6ta").path);
}

TEST_F(PlaceTest, ACopiedFolderIsAnotherPlaceAndOneWhoseFilesWerePutBackIsNot) {
  put("data/gateway.db", "old");
  const auto place = look("data");
  fs::copy(temp_ / "data", temp_ / "copy", fs::copy_options::recursive);
  EXPECT_FALSE(core::same_place(place, look("copy")));
  fs::remove(temp_ / "data/gateway.db");
  fs::copy(temp_ / "copy/gateway.db", temp_ / "data/gateway.db");
  EXPECT_TRUE(core::same_place(place, look("data"))) << "a backup that is put back";
  fs::rename(temp_ / "data", temp_ / "moved");
  EXPECT_TRUE(core::same_place(place, look("moved")));
}

TEST_F(PlaceTest, ADiskInAnotherMachineIsAnotherPlace) {
  const auto place = look("data");
  put("etc/machine-id", "ffff\n");
  EXPECT_FALSE(core::same_place(place, look("data")));
  put("etc/machine-id", "0123abcd\n");  // a whole disk was cloned
  card("eth0", "02:00:00:00:00:99", "0", true);
  EXPECT_TRUE(core::same_place(place, look("data"))) << "another card in the same board";
  put("proc/device-tree/serial-number", "20000000abcd");
  EXPECT_FALSE(core::same_place(place, look("data")));
}

TEST_F(PlaceTest, WhatCanNotBeReadIsLeftOut) {
  const auto place = find_place(temp_ / "data", temp_ / "nowhere");
  ASSERT_TRUE(place);
  EXPECT_TRUE(place->machine.empty() && place->hardware.empty());
  EXPECT_FALSE(find_place(temp_ / "missing", temp_));
}

}  // namespace
}  // namespace dray::adapters
