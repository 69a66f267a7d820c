// The server's clock as the admin API shows it (docs/api.md, "The clock").
#pragma once

#include <optional>
#include <string>

#include "base/time.h"
#include "wire/json.h"

namespace dray::wire {

struct ClockView {
  WallTime now, machine;      // what the server goes by; what the wall clock of its machine says
  bool synchronised = false;  // the kernel of that machine says so
  std::optional<Duration> leapt_for;  // so long the wall clock is not followed; nothing: it is
};

// Of a clock that has leapt, for people and the log; empty where it has not.
std::string clock_sentence(const ClockView& view);
json::object encode(const ClockView& view);

}  // namespace dray::wire
