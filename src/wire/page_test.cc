#include "wire/page.h"

#include <gtest/gtest.h>

#include <string>

namespace dray::wire {
namespace {

TEST(Page, IsKnownByItsTypeAndItsBeginning) {
  for (const char* type : {"text/html", "text/html; charset=utf-8", "Text/HTML;x=1"}) {
    for (const char* page : {"<html>Please log in</html>", "<!DOCTYPE html><p>", "\xEF\xBB\xBF\r\n <HTML lang=en>", "<!-- portal --><html>", "<head><title>"})
      EXPECT_TRUE(is_page(type, page)) << type << page;
    for (const char* other : {"", " ", "ok", "{\"a\":1}", "<?xml version='1.0'?>", "<config/>", "<", "\x7f" "ELF"}) EXPECT_FALSE(is_page(type, other)) << other;
  }
  for (const char* type : {"", "text", "application/json", "application/octet-stream", "text/plain"}) EXPECT_FALSE(is_page(type, "<html>")) << type;
}

TEST(Page, ABeginningThatMayStillBecomeOneIsOpen) {
  for (const char* open : {"", "\xEF", "\xEF\xBB\xBF", " \r\n", "<", "<!", "<!DOC", " <Ht"}) EXPECT_EQ(beginning_of(open), Beginning::kOpen) << open;
  for (const char* other : {"a", "<?", "<!x", "\xEF\xBB\xBE", "<htm5"}) EXPECT_EQ(beginning_of(other), Beginning::kOther) << other;
}

}  // namespace
}  // namespace dray::wire
