#include "core/update/helps.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "places.h"

namespace dray::core {
namespace {

// The words of the table "Reasons" of docs/job.md.
std::set<std::string> documented() {
  std::ifstream in{std::string{DRAY_SOURCE_DIR} + "/docs/job.md"};
  std::set<std::string> out;
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("## ")) inside = line == "## Reasons";
    if (!inside || !line.starts_with("| ") || line.starts_with("| state")) continue;
    std::istringstream words{line.substr(line.find('|', 2) + 1)};
    for (std::string word; std::getline(words, word, ',');) {
      const auto first = word.find_first_not_of(" |"), last = word.find_last_not_of(" |");
      if (first != std::string::npos) out.insert(word.substr(first, last - first + 1));
    }
  }
  return out;
}

TEST(Helps, EveryDocumentedReasonSaysWhatWouldHaveToHappen) {
  const auto words = documented();
  EXPECT_GT(words.size(), 25U);
  for (const std::string& word : words) {
    if (word == "succeeded" || word == "late") continue;
    EXPECT_FALSE(what_helps(word).empty()) << word;
  }
  EXPECT_TRUE(what_helps("nonsense").empty());
}

}  // namespace
}  // namespace dray::core
