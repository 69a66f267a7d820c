// How many lines of one kind a log may get: so many about one subject, and so many in all, within an hour. What is over
// that is counted. So no party outside (a device, a server, a stranger) can fill a disk with lines, however many names
// it uses, and a kind that is busy hides no other one: each has a budget of its own. Pure: time is given.
#pragma once

#include <limits>
#include <map>
#include <string>
#include <string_view>

#include "base/time.h"

namespace dray::core {

class LineBudget {
 public:
  struct Limits {
    static constexpr int kNoTotal = std::numeric_limits<int>::max();  // where the subjects are bounded by something else
    int of_one = 10;
    int of_all = 1'000;
    Duration within{3'600'000};  // from the first line
  };
  LineBudget() : LineBudget{Limits{}} {}
  explicit LineBudget(Limits limits) : limits_{limits} {}

  struct Answer {
    bool may = false;
    bool begins = false;  // the first one that is left out
    int left_out = 0;     // so many were left out within the time that is over
  };
  // A line about this subject is to be written.
  Answer ask(std::string_view subject, SteadyTime now);
  SteadyTime ends() const { return ends_; }  // then there is a new budget

 private:
  Limits limits_;
  SteadyTime ends_ = SteadyTime::min();
  int said_ = 0, left_out_ = 0;
  std::map<std::string, int, std::less<>> said_of_;  // at most of_all
};

}  // namespace dray::core
