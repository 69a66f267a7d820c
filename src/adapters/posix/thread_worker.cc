#include "adapters/posix/thread_worker.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>

namespace dray::adapters {

ThreadWorker::ThreadWorker(asio::io_context& io, std::string name, Priority priority)
    : io_{io}, thread_{[this, name = std::move(name), priority] { work(name, priority); }} {}

ThreadWorker::~ThreadWorker() {
  {
    std::lock_guard lock{mutex_};
    ending_ = true;
  }
  more_.notify_one();
  thread_.join();
}

Task<> ThreadWorker::run(std::function<void()> f) {
  // The handler owns the waiting coroutine, and with it f and what f refers to, until f has run.
  auto initiate = [this, &f](auto handler) {
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    push([this, &f, shared, guard = asio::make_work_guard(io_)]() mutable {
      f();
      asio::post(io_.get_executor(), [shared = std::move(shared)] { std::move (*shared)(); });
    });
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(initiate, kAwait);
}

void ThreadWorker::push(std::function<void()> job) {
  {
    std::lock_guard lock{mutex_};
    jobs_.push_back(std::move(job));
  }
  more_.notify_one();
}

void ThreadWorker::work(const std::string& name, Priority priority) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
  // On Linux a nice value belongs to a thread; failing to lower it is no reason to stop.
  if (priority == Priority::kLow) (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 10);

  std::unique_lock lock{mutex_};
  while (true) {
    more_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
  }
}

}  // namespace dray::adapters
