// Something that is tried again and again while it fails: said in the log when it begins, and once more, with a count,
// when it is over; in between it is a sentence for its subject. What fails and works in turn is said a few times an hour.
// Loop thread only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "core/schedule/line_budget.h"
#include "ports/clock.h"

namespace dray {

class Trouble {
 public:
  // event: in the log, "poll_failed"; its end is "poll_failed_over". what: what is tried, as the beginning of a sentence.
  Trouble(std::string event, std::string what, const Clock& clock)
      : event_{std::move(event)}, what_{std::move(what)}, clock_{&clock} {}

  void failed(const Log& log, std::string_view why) {
    why_ = clean_text(why, kLongestWhy);
    if (times_++ > 0) return;
    const auto line = lines_.ask("", clock_->steady());
    said_ = line.may;
    if (line.left_out > 0) log.info(event_ + "_left_out", {{"what", what_}, {"count", line.left_out}});
    if (said_) log.warn(event_, {{"what", what_}, {"why", why_}});
  }
  void over(const Log& log) {
    if (times_ == 0) return;
    if (said_) log.info(event_ + "_over", {{"what", what_}, {"times", times_}, {"last", why_}});
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
  const Clock* clock_;
  core::LineBudget lines_;
  int times_ = 0;
  bool said_ = false;
};

}  // namespace dray
