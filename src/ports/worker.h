// A named FIFO thread for what blocks. `run` returns to the loop when f has run; f of one Worker never
// overlap. Simulator: a virtual delay, then inline.
//
// f must not throw and must not touch loop state. Name the std::function before co_await (task.h).
#pragma once

#include <functional>
#include <optional>

#include "ports/task.h"

namespace dray {

struct Worker {
  virtual ~Worker() = default;
  virtual Task<> run(std::function<void()> f) = 0;
};

// auto size = co_await on(worker, std::move(f)), for an f that returns a value. f is a std::function, named
// by the caller: a lambda temporary in a co_await expression is what gcc 12 gets wrong.
template <class T>
Task<T> on(Worker& worker, std::function<T()> f) {
  std::optional<T> out;
  std::function<void()> call = [&out, &f] { out.emplace(f()); };
  co_await worker.run(std::move(call));
  co_return std::move(*out);
}

}  // namespace dray
