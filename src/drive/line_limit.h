// Log lines that somebody outside can cause (a device, a server, a stranger): each kind has a core::LineBudget. When the
// first one of an hour is left out the log says so, and how many there were when the first one after it comes.
//
//   if (lines_.may_say("power_on_reported", device)) log.info("power_on_reported", ...);
//
// Which lines go through it, and why the others need not: docs/fault-model.md. Loop thread only.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/text.h"
#include "core/schedule/line_budget.h"
#include "ports/clock.h"

namespace dray {

inline constexpr std::string_view kLeftOutNote = "it comes too often: more like it are counted, and the first one that comes after an hour tells how many";

class LineLimit {
 public:
  LineLimit(const Clock& clock, Log log, core::LineBudget::Limits limits = {})
      : clock_{clock}, log_{std::move(log)}, limits_{limits} {}

  // event: one of our own words. subject: whom the line is about, in whatever words; empty: nobody in particular.
  bool may_say(std::string_view event, std::string_view subject) {
    auto found = budgets_.find(event);
    if (found == budgets_.end()) found = budgets_.emplace(event, core::LineBudget{limits_}).first;
    const auto answer = found->second.ask(subject.substr(0, kLongestSubject), clock_.steady());
    if (answer.left_out > 0) log_.info("lines_left_out", {{"line", event}, {"count", answer.left_out}});
    if (answer.begins)
      log_.warn("line_left_out", {{"line", event}, {"about", clean_text(subject, kLongestSubject)},
                                  {"note", kLeftOutNote}});
    return answer.may;
  }

 private:
  static constexpr std::size_t kLongestSubject = 256;
  const Clock& clock_;
  Log log_;
  core::LineBudget::Limits limits_;
  std::map<std::string, core::LineBudget, std::less<>> budgets_;  // by event
};

}  // namespace dray
