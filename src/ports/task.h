// Task<T>: a coroutine of the loop. Executor is a plain io_context executor in the product and in the
// simulator (one io_context per node there), so nothing is type-erased on hot paths.
//
// gcc 12 destroys aggregate and capturing-lambda temporaries inside a co_await expression twice
// (docs/decisions.md, "Coroutines and gcc 12"): name the value first and move it in.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/result.h"

namespace dray {

namespace asio = boost::asio;

using Executor = asio::io_context::executor_type;

template <class T = void>
using Task = asio::awaitable<T, Executor>;

// co_await asio::async_...(..., kAwait)
inline constexpr asio::use_awaitable_t<Executor> kAwait{};

}  // namespace dray
