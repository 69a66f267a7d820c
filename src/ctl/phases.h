// A rollout's phases for people: what has succeeded and failed against what is needed, with a bar. Pure.
#pragma once

#include <string>

#include "wire/json.h"

namespace dray::ctl {

// One line a phase, from the API's rollout:
//   PHASE  STATE    PROGRESS                     SUCCEEDED            FAILED            THEN
//   1 Lab  running  [########x...........]  45%  9 of 20, needs 19    1, pauses at 2    soaks 36h
std::string render_phases(const boost::json::value& rollout);
// [########x...........]  45%: # has succeeded, x has failed, in judged devices.
std::string bar(std::int64_t succeeded, std::int64_t failed, std::int64_t judged);
// 90 -> "90s", 5400 -> "90min", 129600 -> "36h", 1209600 -> "14d": the largest unit that is exact.
std::string in_words(std::int64_t seconds);
// How a rollout has ended, as drayctl's exit status: 0 finished without a failure, 6 aborted or with
// failures.
int exit_status(const boost::json::value& rollout);

}  // namespace dray::ctl
