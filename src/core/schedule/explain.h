// Why a site does not fit, with its arithmetic, and what would make it fit; for people. Pure.
#pragma once

#include <string>
#include <string_view>

#include "core/schedule/planner.h"
#include "core/schedule/window.h"

namespace dray::core {

// "window_too_short", ...: the reason's machine word.
std::string_view word_of(Obstacle obstacle);
// "The transmission needs 3 h 10 min at 8 Mbit/s, the transfer windows before the expiry have 2 h; it would
// fit with windows 1 h 10 min longer, with 12.7 Mbit/s, or if it expired on Wed 2026-12-02 03:10
// Europe/Berlin." Local time of `zone`. What is said to help is rounded so that it does.
std::string sentence_of(const Misfit& misfit, const ZoneRules& zone);

std::string human_duration(Duration time);    // "3 h 10 min", rounded up to what is worth saying
std::string human_rate(BytesPerSecond rate);  // "8 Mbit/s"

}  // namespace dray::core
