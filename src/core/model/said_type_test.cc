#include "core/model/said_type.h"

#include <gtest/gtest.h>

namespace dray::core {
namespace {

DeviceType till() {
  DeviceType type;
  type.name = "till-t3";
  type.components = {"os"};
  type.also_called = {"till-t3b", "Kasse 3"};
  return type;
}

TEST(SaidType, AnotherNameIsAnotherType) {
  const auto other = other_type({{"dray.type", "scale-s2"}, {"rack", "7"}}, till());
  ASSERT_TRUE(other);
  EXPECT_EQ(*other, (OtherType{"scale-s2", "till-t3"}));
  const std::string sentence = sentence_of(*other);
  EXPECT_NE(sentence.find("'scale-s2'"), std::string::npos);
  EXPECT_NE(sentence.find("'till-t3'"), std::string::npos);
}

TEST(SaidType, ItsOwnNameAnAcceptedOneAndNoneAreNot) {
  EXPECT_FALSE(other_type({{"dray.type", "till-t3"}}, till()));
  EXPECT_FALSE(other_type({{"dray.type", "till-t3b"}}, till()));
  EXPECT_FALSE(other_type({{"dray.type", "Kasse 3"}}, till()));
  EXPECT_FALSE(other_type({{"dray.type", ""}}, till()));
  EXPECT_FALSE(other_type({{"type", "scale-s2"}}, till())) << "a client that is not ours";
  EXPECT_FALSE(other_type({}, till()));
}

TEST(SaidType, NamesAreComparedToTheLetter) {
  EXPECT_TRUE(other_type({{"dray.type", "Till-T3"}}, till()));
  EXPECT_TRUE(other_type({{"dray.type", "till-t3 "}}, till()));
  EXPECT_TRUE(other_type({{"dray.type", "till-t"}}, till()));
}

}  // namespace
}  // namespace dray::core
