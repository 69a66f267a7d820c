// A timer of the loop, on the executor that Task runs on.
#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <chrono>

#include "ports/task.h"

namespace dray::adapters {

using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Executor>;

}  // namespace dray::adapters
