// Something that is tried again and again while it fails: said in the log when it begins, and once more, with a count,
// when it is over; in between it is a sentence for its subject. Loop thread only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "base/text.h"

namespace dray {

class Trouble {
 public:
  // event: in the log, "poll_failed"; its end is "poll_failed_over". what: what is tried, as the beginning of a sentence.
  Trouble(std::string event, std::string what) : event_{std::move(event)}, what_{std::move(what)} {}

  void failed(const Log& log, std::string_view why) {
    why_ = clean_text(why, kLongestWhy);
    if (times_++ == 0) log.warn(event_, {{"what", what_}, {"why", why_}});
  }
  void over(const Log& log) {
    if (times_ == 0) return;
    log.info(event_ + "_over", {{"what", what_}, {"times", times_}, {"last", why_}});
    times_ = 0;
  }
  int times() const { return times_; }

  std::optional<std::string> sentence() const {
    if (times_ == 0) return {};
    return what_ + " has failed" + (times_ == 1 ? "" : " " + std::to_string(times_) + " times") + ": " + why_;
  }

 private:
  static constexpr std::size_t kLongestWhy = 512;
  std::string event_, what_, why_;
  int times_ = 0;
};

}  // namespace dray
