// Something that is tried again and again while it fails: said in the log when it begins, and once more, with a count,
// when it is over; in between it is a sentence for its subject. What fails and works in turn is said a few times an hour; what begins to fail
// when that is used up, and goes on failing, is said when the hour is over.
// Loop thread only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "core/schedule/line_budget.h"
#include "drive/line_limit.h"
#include "ports/clock.h"

namespace dray {

class Trouble {
 public:
  // event: in the log, "poll_failed"; its end is "poll_failed_over". what: what is tried, as the beginning of a sentence.
  Trouble(std::string event, std::string what, const Clock& clock)
      : event_{std::move(event)}, what_{std::move(what)}, clock_{&clock} {}

  void failed(const Log& log, std::string_view why) {
    why_ = clean_text(why, kLongestWhy);
    ++times_;
    if (said_ || (times_ > 1 && clock_->steady() < lines_.ends())) return;
    const auto line = lines_.ask("", clock_->steady());
    said_ = line.may;
    if (line.left_out > 0) log.info(event_ + "_left_out", {{"what", what_}, {"count", line.left_out}});
    if (line.begins) log.warn("line_left_out", {{"line", event_}, {"about", what_}, {"note", kLeftOutNote}});
    if (said_) log.warn(event_, {{"what", what_}, {"times", times_}, {"why", why_}});
  }
  void over(const Log& log) { end(log, "_over"); }
  // It is not tried any more, though it never worked.
  void given_up(const Log& log) { end(log, "_given_up"); }
  int times() const { return times_; }

  std::optional<std::string> sentence() const {
    if (times_ == 0) return {};
    return what_ + " has failed" + (times_ == 1 ? "" : " " + std::to_string(times_) + " times") + ": " + why_;
  }

 private:
  void end(const Log& log, std::string_view how) {
    if (times_ == 0) return;
    if (said_) log.info(event_ + std::string{how}, {{"what", what_}, {"times", times_}, {"last", why_}});
    times_ = 0;
    said_ = false;
  }

  static constexpr std::size_t kLongestWhy = 512;
  std::string event_, what_, why_;
  const Clock* clock_;
  core::LineBudget lines_;
  int times_ = 0;
  bool said_ = false;
};

}  // namespace dray
