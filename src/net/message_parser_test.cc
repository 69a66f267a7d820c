// Bodies arrive in whatever pieces the network makes; what they mean does not depend on it.
#include "net/message_parser.h"

#include <gtest/gtest.h>

#include <string>

namespace dray::net {
namespace {

constexpr std::string_view kHead = "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";

struct Taken {
  std::string body;
  bool done = false;
  bool bad = false;
};

// As a connection does: what was not used stays, and more is added behind it. `cuts`: a bit for each place between
// two bytes; where it is set the first of them arrives alone.
Taken take_in_pieces(std::string_view wire, std::uint64_t cuts) {
  RequestParser parser;
  HttpRequest request{Method::kGet, ""};
  EXPECT_EQ(parser.parse_head(kHead, request), 0);
  Taken out;
  std::string waiting;
  for (std::size_t i = 0; i < wire.size(); ++i) {
    waiting += wire[i];
    if (i + 1 < wire.size() && (cuts >> (i % 64) & 1) == 0) continue;
    while (!out.done && !out.bad) {
      const BodyStep step = parser.parse_body(waiting);
      out.body += step.piece;
      out.done = step.done;
      out.bad = step.bad;
      waiting.erase(0, step.used);
      if (step.used == 0) break;
    }
  }
  return out;
}

TEST(MessageParser, AnEmptyBodyOfChunksIsTakenInAnyPieces) {
  const std::string_view wire = "0\r\n\r\n";
  for (std::uint64_t cuts = 0; cuts < 1U << (wire.size() - 1); ++cuts) {
    const Taken taken = take_in_pieces(wire, cuts);
    EXPECT_TRUE(taken.done && !taken.bad && taken.body.empty()) << cuts;
  }
}

TEST(MessageParser, ChunksExtensionsAndTrailersAreTakenInAnyPieces) {
  const std::string_view wire = "1\r\na\r\n2;b=c\r\nde\r\n0\r\n\r\n";
  for (std::uint64_t cuts = 0; cuts < 1U << (wire.size() - 1); cuts += 61) {
    const Taken taken = take_in_pieces(wire, cuts);
    ASSERT_TRUE(taken.done && !taken.bad) << cuts;
    ASSERT_EQ(taken.body, "ade") << cuts;
  }
  const std::string_view trailer = "000\r\nX: y\r\n\r\n";
  for (std::uint64_t cuts = 0; cuts < 1U << (trailer.size() - 1); ++cuts)
    ASSERT_TRUE(take_in_pieces(trailer, cuts).done) << cuts;
}

TEST(MessageParser, WhatCanNotBecomeAChunkIsBadAtOnce) {
  for (const std::string_view wire : {"zz\r\n", "\r\n\r\n", "0\r\nno colon\r\n\r\n"})
    for (const std::uint64_t cuts : {0ULL, ~0ULL, 0x5555555555555555ULL, 4ULL}) EXPECT_TRUE(take_in_pieces(wire, cuts).bad) << wire << cuts;
}

}  // namespace
}  // namespace dray::net
