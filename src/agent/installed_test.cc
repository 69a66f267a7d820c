#include "agent/installed.h"

#include <gtest/gtest.h>

namespace dray::agent {
namespace {

const std::string kDigest(64, 'a');

TEST(Installed, AVersionMayHoldBlanksAndATabPartsItFromItsHash) {
  struct Case {
    std::string line, version, sha256;
  };
  for (const Case& one : {Case{"26.11", "26.11", ""},
                          Case{"26.11 " + kDigest, "26.11", kDigest},
                          Case{"26.11\t" + kDigest, "26.11", kDigest},
                          Case{"26.11\t" + kDigest + "\r", "26.11", kDigest},
                          Case{"26.11\r", "26.11", ""},
                          Case{"26.11 rc 1", "26.11 rc 1", ""},
                          Case{"26.11 rc 1 " + kDigest, "26.11 rc 1", kDigest},
                          Case{"26.11 rc 1\t" + kDigest, "26.11 rc 1", kDigest},
                          Case{"26.11 " + kDigest + "\r", "26.11", kDigest},
                          Case{"26.11 " + std::string(63, 'a'), "26.11 " + std::string(63, 'a'), ""},
                          Case{"26.11 " + std::string(64, 'A'), "26.11", kDigest},
                          Case{"2.0~rc1\tno hash", "2.0~rc1", ""},
                          Case{"26.11-\xCE\xB2", "26.11-\xCE\xB2", ""},
                          Case{kDigest, kDigest, ""},
                          Case{kDigest + " " + kDigest, kDigest, kDigest},
                          Case{" " + kDigest, kDigest, ""},
                          Case{"", "", ""},
                          Case{" \r", "", ""},
                          Case{"\t" + kDigest, "", kDigest}}) {
    const core::Running runs = installed_from(one.line);
    EXPECT_EQ(runs.version, one.version) << one.line;
    EXPECT_EQ(runs.sha256, one.sha256) << one.line;
  }
}

}  // namespace
}  // namespace dray::agent
