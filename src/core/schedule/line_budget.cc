#include "core/schedule/line_budget.h"

#include <utility>

namespace dray::core {

LineBudget::Answer LineBudget::ask(std::string_view subject, SteadyTime now) {
  Answer out;
  if (now >= ends_) {
    out.left_out = std::exchange(left_out_, 0);
    ends_ = now + limits_.within;
    said_ = 0;
    said_of_.clear();
  }
  const auto known = said_of_.find(subject);
  const int before = known == said_of_.end() ? 0 : known->second;
  out.may = said_ < limits_.of_all && before < limits_.of_one;
  if (!out.may) {
    out.begins = left_out_++ == 0;
    return out;
  }
  ++said_;
  if (known == said_of_.end())
    said_of_.emplace(subject, 1);
  else
    ++known->second;
  return out;
}

}  // namespace dray::core
