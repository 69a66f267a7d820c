// Group commit: what is to be saved is collected while the last save runs, then saved together, in order. What depends
// on a save (actions, HTTP answers) runs only after it is durable.
//
//   saves.add(std::move(write), [] { act(); });   // never blocks; all of one turn of the loop is one commit
//   auto saved = co_await saves.settled();        // everything added so far is durable
//   if (!saved) co_return unavailable();          // we are stopping: the answer must not leave
//
// A save that fails (disk full, I/O error) is repeated once a second until it works: nothing acts meanwhile, nothing is
// lost, and the log says it once. Loop thread only; outlives what waits for it.
#pragma once

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <functional>
#include <utility>
#include <vector>

#include "base/log.h"
#include "drive/signal.h"
#include "drive/task_group.h"
#include "ports/clock.h"

namespace dray {

template <class Write>
class GroupCommit {
 public:
  // All or nothing, durable when it returns. Called on the loop, never twice at a time.
  using Commit = std::function<Task<Result<>>(const std::vector<Write>&)>;

  GroupCommit(TaskGroup& tasks, Clock& clock, Log log, Commit commit)
      : tasks_{tasks}, clock_{clock}, log_{std::move(log)}, commit_{std::move(commit)} {}

  void add(Write write, std::function<void()> after = {}) {
    ++added_;
    waiting_.push_back(std::move(write));
    if (after) afters_.push_back(std::move(after));
    if (!running_) {
      running_ = true;
      tasks_.spawn(run());
    }
  }

  // Nothing is on its way to the disk.
  bool idle() const { return added_ == committed_; }
  // The last save did not work, and is tried again.
  bool failing() const { return failing_; }

  // Waits until everything added before the call is durable. kStopped: it is not, and will not be.
  Task<Result<>> settled() {
    const std::uint64_t mine = added_;
    while (committed_ < mine) {
      const auto generation = changed_.generation();
      if (tasks_.stop_signal().requested() && !running_) co_return Error{ErrorCode::kStopped, "stopping before the save"};
      co_await changed_.wait_past(generation, clock_, kSteadyMax, never_);
    }
    co_return Result<>{};
  }

 private:
  Task<> run() {
    // All that this turn of the loop adds goes into one commit: an event changes several documents, and a power cut
    // must not keep some of them. Started within a handler, this would run on at once.
    co_await asio::post(co_await asio::this_coro::executor, kAwait);
    while (!waiting_.empty()) {
      const std::vector<Write> batch = std::exchange(waiting_, {});
      const std::vector<std::function<void()>> afters = std::exchange(afters_, {});
      const bool done = co_await commit_until_done(batch);  // named: docs/decisions.md, "Coroutines and gcc 12"
      if (!done) break;
      committed_ += batch.size();
      for (const auto& after : afters) after();
      changed_.notify();
    }
    running_ = false;
    changed_.notify();
  }

  Task<bool> commit_until_done(const std::vector<Write>& batch) {
    bool said = false;
    for (;;) {
      const Result<> done = co_await commit_(batch);
      failing_ = !done;
      if (done) {
        if (said) log_.info("save_recovered");
        co_return true;
      }
      if (!said) log_.error("save_failed", {{"code", to_string(done.error().code())}, {"why", done.error().message()}});
      said = true;
      const auto slept = co_await clock_.sleep_until(clock_.steady() + std::chrono::seconds{1}, tasks_.stop_signal());
      if (!slept) co_return false;
    }
  }

  TaskGroup& tasks_;
  Clock& clock_;
  Log log_;
  Commit commit_;
  std::vector<Write> waiting_;
  std::vector<std::function<void()>> afters_;
  std::uint64_t added_ = 0, committed_ = 0;
  bool running_ = false, failing_ = false;
  Signal changed_;
  Stop never_;
};

}  // namespace dray
