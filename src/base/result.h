// Result<T>: a T or an Error. Result<>: done or an Error.
//
//   Result<Plan> parse(std::string_view text);
//   auto plan = parse(text);
//   if (!plan) return plan.error().with_context("plan");
//   use(*plan);
//
// One alias, so that std::expected can take its place when the compiler has it.
#pragma once

#include <boost/system/result.hpp>
#include <stdexcept>

#include "base/error.h"

namespace dray {

template <class T = void>
using Result = boost::system::result<T, Error>;

// Found by ADL when value() is called on an error: a bug of the caller, hence an exception.
[[noreturn]] inline void throw_exception_from_error(const Error& error,
                                                    const boost::source_location& /*where*/) {
  throw std::logic_error("value() of a failed Result: " + error.message());
}

}  // namespace dray

// DRAY_TRY(auto size, file.read(..)): the value, or return the error. Expands to several statements.
#define DRAY_CONCAT_(a, b) a##b
#define DRAY_CONCAT(a, b) DRAY_CONCAT_(a, b)
#define DRAY_TRY_IMPL(result, decl, expr, ret) \
  auto result = (expr);                        \
  if (!result) ret result.error();             \
  decl = std::move(*result)
#define DRAY_TRY(decl, expr) DRAY_TRY_IMPL(DRAY_CONCAT(dray_try_, __COUNTER__), decl, expr, return)
#define DRAY_CO_TRY(decl, expr) DRAY_TRY_IMPL(DRAY_CONCAT(dray_try_, __COUNTER__), decl, expr, co_return)
// The same for Result<>: go on, or return the error.
#define DRAY_CHECK(expr) \
  if (auto dray_check = (expr); !dray_check) return dray_check.error()
#define DRAY_CO_CHECK(expr) \
  if (auto dray_check = (expr); !dray_check) co_return dray_check.error()
