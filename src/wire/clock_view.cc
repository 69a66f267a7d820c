#include "wire/clock_view.h"

namespace dray::wire {

std::string clock_sentence(const ClockView& view) {
  if (!view.leapt_for) return {};
  const auto apart = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::abs(view.machine - view.now));
  return "the machine's wall clock says " + to_rfc3339(view.machine) + ", " + say_span(apart) +
         (view.machine > view.now ? " ahead of" : " behind") + " the time that the server goes by (" + to_rfc3339(view.now) +
         "): set it right and let a time service keep it, or confirm it with 'drayctl clock confirm'";
}

json::object encode(const ClockView& view) {
  const bool leapt = view.leapt_for.has_value();
  json::object out{{"now", to_rfc3339(view.now)}, {"machine", to_rfc3339(view.machine)}};
  out["synchronised"] = view.synchronised;
  out["reason"] = leapt ? json::value("clock_leapt") : json::value();
  out["sentence"] = leapt ? json::value(clock_sentence(view)) : json::value();
  out["leapt_for"] = leapt ? json::value(view.leapt_for->count() / 1000) : json::value();
  return out;
}

}  // namespace dray::wire
