// One named FIFO thread for what blocks: the product's Worker.
//
// run() is called on the loop and resumes there. The destructor lets everything that was posted run, then
// joins; it must go before the io_context. The queue's lock is held for a push or a pop only.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "ports/worker.h"

namespace dray::adapters {

enum class Priority { kNormal, kLow };  // kLow: nice 10, for work that may take the idle part of a core

class ThreadWorker : public Worker {
 public:
  // The name shows in `top -H`; the kernel keeps 15 characters of it.
  ThreadWorker(asio::io_context& io, std::string name, Priority priority = Priority::kNormal);
  ~ThreadWorker() override;
  ThreadWorker(const ThreadWorker&) = delete;
  ThreadWorker& operator=(const ThreadWorker&) = delete;

  Task<> run(std::function<void()> f) override;

 private:
  void push(std::function<void()> job);
  void work(const std::string& name, Priority priority);

  asio::io_context& io_;
  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<std::function<void()>> jobs_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace dray::adapters
