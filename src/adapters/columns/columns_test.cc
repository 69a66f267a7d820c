#include "adapters/columns/columns.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "wire/odd_values_testing.h"

namespace dray::adapters::rows {
namespace {

template <class T>
void is_said(const Result<T>& read, const std::string& text) {
  if (read) return;
  EXPECT_TRUE(is_utf8(read.error().message())) << read.error().message();
  EXPECT_LE(read.error().message().size(), 1'000U) << "of " << text.size() << " bytes";
}

TEST(Columns, WhateverIsInThemTheErrorIsAShortText) {
  auto texts = wire::testing::odd_bytes();
  texts.insert(texts.end(), {"\xFF", "[\"Sat 00:00-24:00\x81", std::string(100'000, 'x'), std::string(1, '\0')});
  for (const std::string& text : texts) {
    is_said(client_of(text), text);
    is_said(ask_of(text), text);
    is_said(ends_on_of(text), text);
    is_said(delivery_of(text), text);
    is_said(fetch_of(text), text);
    is_said(state_of(text), text);
    is_said(before_pause_of(text), text);
    is_said(zone_of(text), text);
    is_said(name_or_none(text), text);
    is_said(filter_of(text), text);
    is_said(other_names(text), text);
    is_said(limits(text), text);
    is_said(windows(text), text);
    is_said(intervals(text), text);
    is_said(times::intervals(text), text);
  }
}

}  // namespace
}  // namespace dray::adapters::rows
