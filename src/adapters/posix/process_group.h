// Whether anybody in a process group still does something.
#pragma once

#include <sys/types.h>

namespace dray::adapters {

// False: it is empty, or those in it have ended and a parent that does not ask for them keeps their names (zombies; no
// signal ends these, and no time). Children of ours in it that have ended are buried: call it only when the status of its
// leader is known. Where /proc can't be read, whoever is in it runs.
bool group_runs(pid_t group);

}  // namespace dray::adapters
