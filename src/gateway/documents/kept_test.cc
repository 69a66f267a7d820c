#include "gateway/documents/kept.h"

#include <gtest/gtest.h>

namespace dray::gateway::documents {
namespace {

// The store, as far as this is about it.
struct Shelf {
  std::map<std::string, std::string> texts;
  void take(const Writes& writes) {
    for (const Write& one : writes) {
      EXPECT_EQ(one.kind, kind::kUnreadable);
      if (one.text)
        texts[one.id] = *one.text;
      else
        EXPECT_EQ(texts.erase(one.id), 1u) << one.id;
    }
  }
  std::size_t of(const std::string& kind) const {
    return static_cast<std::size_t>(std::count_if(texts.begin(), texts.end(), [&](const auto& one) { return one.first.starts_with(kind + "/"); }));
  }
  bool has(const std::string& kind, const std::string& id) const {
    return std::any_of(texts.begin(), texts.end(), [&](const auto& one) { return one.first.starts_with(kind + "/") && one.first.ends_with("/" + id); });
  }
  // One start that finds these.
  std::map<std::string, std::size_t> start(const std::vector<Document>& unreadable, bool stays = false) {
    Kept kept;
    for (const auto& [id, text] : texts) kept.restore({std::string{kind::kUnreadable}, id, text});
    for (const Document& one : unreadable) kept.add(one, stays);
    take(kept.writes());
    return kept.dropped();
  }
};

std::vector<Document> many(const std::string& kind, std::size_t from, std::size_t count) {
  std::vector<Document> out;
  for (std::size_t i = from; i < from + count; ++i) out.push_back({kind, "s" + std::to_string(i), "damaged " + std::to_string(i)});
  return out;
}

TEST(Kept, TheNewestStayAndItIsSaidHowManyWent) {
  Shelf shelf;
  EXPECT_TRUE(shelf.start(many("report", 5'000, kMostKept)).empty());
  const auto dropped = shelf.start(many("report", 0, 3));  // names that sort before the others
  EXPECT_EQ(dropped, (std::map<std::string, std::size_t>{{"report", 3}}));
  EXPECT_EQ(shelf.of("report"), kMostKept);
  for (const char* id : {"s0", "s1", "s2"}) EXPECT_TRUE(shelf.has("report", id)) << id;
  EXPECT_FALSE(shelf.has("report", "s5000"));
  EXPECT_TRUE(shelf.has("report", "s5999"));
}

TEST(Kept, NoKindPushesOutAnother) {
  Shelf shelf;
  shelf.start({{"job", "r1-till-1", "job"}, {"deferral", "l1", "deferral"}});
  auto all = many("report", 0, 3 * kMostKept);
  all.push_back({"device", "till-1", "device"});
  EXPECT_EQ(shelf.start(all), (std::map<std::string, std::size_t>{{"report", 2 * kMostKept}}));
  EXPECT_TRUE(shelf.has("job", "r1-till-1"));
  EXPECT_TRUE(shelf.has("deferral", "l1"));
  EXPECT_TRUE(shelf.has("device", "till-1"));
  EXPECT_EQ(shelf.of("report"), kMostKept);
}

TEST(Kept, WhatHoldsAndIsFoundAtEachStartIsKeptOnce) {
  Shelf shelf;
  for (int i = 0; i < 5; ++i) shelf.start({{"job", "a/b/c", "job"}});
  EXPECT_EQ(shelf.texts, (std::map<std::string, std::string>{{"job/000000000001/a/b/c", "job"}}));
  shelf.start({{"job", "a/b/c", "damaged anew"}});
  EXPECT_EQ(shelf.texts, (std::map<std::string, std::string>{{"job/000000000002/a/b/c", "damaged anew"}}));
}

TEST(Kept, MoreThanAreKeptOfWhatStaysInItsPlaceSettleAtTheFirstStart) {
  Shelf shelf;
  const auto all = many("job", 0, kMostKept + 500);
  EXPECT_TRUE(shelf.start(all, true).empty());
  EXPECT_EQ(shelf.of("job"), kMostKept);
  const auto first = shelf.texts;
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(shelf.start(all, true).empty());
  EXPECT_EQ(shelf.texts, first) << "nothing is written again";
}

TEST(Kept, WhatAnOlderProgramKeptIsTheOldest) {
  Shelf shelf;
  shelf.texts = {{"rate/wan/45", "old"}, {"rate/lan/till-1/7", "older"}, {"rate", "no id"}};
  shelf.start({{"rate", "wan/46", "new"}});
  EXPECT_EQ(shelf.texts.size(), 4u);
  EXPECT_TRUE(shelf.texts.contains("rate/wan/45"));
  EXPECT_EQ(shelf.start(many("rate", 0, kMostKept)).at("rate"), 4u);
  EXPECT_FALSE(shelf.texts.contains("rate/wan/45"));
}

}  // namespace
}  // namespace dray::gateway::documents
