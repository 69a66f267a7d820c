#include "wire/file_answer.h"

#include <gtest/gtest.h>

namespace dray::wire {
namespace {

const FileWish kWish{1'000, 400, "c1"};

TEST(FileAnswer, GoesOnBehindWhatIsHere) {
  struct Case {
    FileHead head;
    std::uint64_t skip;
  };
  for (const Case& one : {Case{{206, "\"c1\"", "bytes 400-999/1000", "600"}, 0},
                          Case{{206, "W/\"c1\"", "bytes 400-999/1000", "600"}, 0},
                          Case{{206, "\"c1\"", "bytes 400-999/*", {}}, 0},
                          Case{{206, {}, "bytes 400-999/1000", {}}, 0},
                          Case{{206, "\"c1\"", "bytes 256-999/1000", "744"}, 144},
                          Case{{206, "\"c1\"", "bytes 256-511/1000", "256"}, 144},
                          Case{{200, "\"c1\"", {}, "1000"}, 400},
                          Case{{200, "\"c1\"", {}, {}}, 400},
                          Case{{200, {}, {}, "1000"}, 400}}) {
    const auto skip = already_here(one.head, kWish);
    ASSERT_TRUE(skip) << skip.error().message();
    EXPECT_EQ(*skip, one.skip);
  }
}

TEST(FileAnswer, IsNotTakenForAnotherFileNorForNothing) {
  for (const FileHead& head : {FileHead{200, {}, {}, "26"},
                               FileHead{200, {}, {}, {}},
                               FileHead{200, "\"c1\"", {}, "26"},
                               FileHead{200, "\"c2\"", {}, "1000"},
                               FileHead{200, "c1", {}, "1000"},
                               FileHead{200, "\"c1\"", {}, "1000 0"},
                               FileHead{206, "\"c2\"", "bytes 400-999/1000", "600"},
                               FileHead{206, "\"c1\"", "bytes 400-999/1000", "599"},
                               FileHead{206, "\"c1\"", "bytes 400-999/1001", "600"},
                               FileHead{206, "\"c1\"", "bytes 401-999/1000", "599"},
                               FileHead{206, "\"c1\"", "bytes 400-1000/*", "601"},
                               FileHead{206, "\"c1\"", "bytes 0-399/1000", "400"},
                               FileHead{206, "\"c1\"", "bytes 999-400/1000", {}},
                               FileHead{206, "\"c1\"", "bytes -400/1000", {}},
                               FileHead{206, "\"c1\"", "bytes */1000", {}},
                               FileHead{206, "\"c1\"", "items 400-999/1000", {}},
                               FileHead{206, "\"c1\"", {}, "600"},
                               FileHead{206, {}, "bytes 400-999/*", {}}}) {
    EXPECT_FALSE(already_here(head, kWish)) << head.status << " " << head.tag.value_or("-") << " " << head.range.value_or("-") << " " << head.length.value_or("-");
  }
}

// A client of a server whose tags it does not know: length and range tell.
TEST(FileAnswer, WithoutAKnownTagAnyTagAndNoLengthWillDo) {
  const FileWish wish{1'000, 0, ""};
  EXPECT_TRUE(already_here({200, "\"whatever\"", {}, "1000"}, wish));
  EXPECT_TRUE(already_here({200, {}, {}, {}}, wish));
  EXPECT_FALSE(already_here({200, {}, {}, "999"}, wish));
}

TEST(FileAnswer, AnEmptyFileIsAllHere) {
  const auto skip = already_here({200, "\"c1\"", {}, "0"}, {0, 0, "c1"});
  ASSERT_TRUE(skip);
  EXPECT_EQ(*skip, 0U);
}

}  // namespace
}  // namespace dray::wire
