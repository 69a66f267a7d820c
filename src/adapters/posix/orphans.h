// Who gives its orphans a parent that asks for them: the first process of a container is given everybody's orphans, and
// what it does not ask for stays as a zombie for ever.
//
// Such a process is split in two. One goes on as the program, with no child but its own; the other stays behind, hands on
// the signals that ask for an end, and buries whoever ends. So no part of the program has to tell its own children from
// strangers.
#pragma once

#include <optional>

#include "base/result.h"

namespace dray::adapters {

// It is the first process there is, or orphans are given to it on demand (PR_SET_CHILD_SUBREAPER).
bool is_given_orphans();
// Splits. Nothing: this is the process that goes on; it has a process group of its own, and ends with the other one.
// Otherwise the status with which the program has ended (128 + signal where it was killed), to be returned.
// Before there is any thread, and anything that is open and must not be so twice.
Result<std::optional<int>> mind_orphans();

}  // namespace dray::adapters
