// The background coroutines of a daemon: started here, asked to stop together, waited for together.
//
// A child must end soon after stop_signal() is requested. An exception that leaves a child is a bug: the
// process ends with its text. Loop thread only; children may outlive the group object (a simulated crash
// takes frames down in any order), not the io_context.
#pragma once

#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/redirect_error.hpp>
#include <cstdio>
#include <exception>
#include <memory>
#include <utility>

#include "base/assert.h"
#include "base/stop.h"
#include "ports/task.h"

namespace dray {

class TaskGroup {
 public:
  explicit TaskGroup(Executor executor) : executor_{executor}, shared_{std::make_shared<Shared>(executor)} {}
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // What children are given to wait with.
  Stop& stop_signal() { return stop_; }
  std::size_t running() const { return shared_->running; }

  void spawn(Task<> child) {
    ++shared_->running;
    asio::co_spawn(executor_, std::move(child), [shared = shared_](std::exception_ptr error) {
      if (error) fail(error);
      if (--shared->running == 0) shared->ended.cancel();
    });
  }

  void stop() { stop_.request(); }

  // Waits until no child runs. It does not stop them.
  Task<> join() {
    auto shared = shared_;
    while (shared->running > 0) {
      boost::system::error_code ignored;
      co_await shared->ended.async_receive(asio::redirect_error(kAwait, ignored));
    }
  }

 private:
  using Channel = asio::experimental::channel<Executor, void(boost::system::error_code)>;

  struct Shared {
    explicit Shared(Executor executor) : ended{executor} {}
    std::size_t running = 0;
    // Nothing is ever sent: a queue of waiters that the io_context owns. A timer that never expires would be one, too,
    // but brings a reactor, and with it a system call for each handler in the simulator.
    Channel ended;
  };

  [[noreturn]] static void fail(std::exception_ptr error) {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& e) {
      assertion_failed(e.what(), "a background coroutine", 0);
    } catch (...) {
      assertion_failed("unknown exception", "a background coroutine", 0);
    }
  }

  Executor executor_;
  std::shared_ptr<Shared> shared_;
  Stop stop_;
};

}  // namespace dray
