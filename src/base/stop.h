// Stop: "please end", passed down by reference to everything that waits. One loop thread, no locks.
//
// A Stop may have a parent: it is requested as soon as the parent is. Hooks run once, in the order they were
// added, from request(); a hook added after the request runs at once.
#pragma once

#include <functional>
#include <list>
#include <utility>

namespace dray {

class Stop {
 public:
  Stop() = default;
  explicit Stop(Stop& parent) : link_{parent, [this] { request(); }} {}
  Stop(const Stop&) = delete;
  Stop& operator=(const Stop&) = delete;
  ~Stop() {  // a simulated crash takes frames down in any order
    for (auto& hook : hooks_) *hook.second = nullptr;
  }

  bool requested() const { return requested_; }
  void request() {
    if (requested_) return;
    requested_ = true;
    while (!hooks_.empty()) {  // a hook may remove others
      auto hook = std::move(hooks_.front());
      hooks_.pop_front();
      *hook.second = nullptr;
      hook.first();
    }
  }

  // Runs f when the Stop is requested; taken back when the Hook goes.
  class Hook {
   public:
    Hook() = default;
    Hook(Stop& stop, std::function<void()> f) {
      if (stop.requested_) {
        f();
        return;
      }
      stop_ = &stop;
      where_ = stop.hooks_.insert(stop.hooks_.end(), {std::move(f), &stop_});
    }
    Hook(const Hook&) = delete;
    Hook& operator=(const Hook&) = delete;
    ~Hook() {
      if (stop_ != nullptr) stop_->hooks_.erase(where_);
    }

   private:
    friend class Stop;
    Stop* stop_ = nullptr;  // null: ran, or nothing to take back
    std::list<std::pair<std::function<void()>, Stop**>>::iterator where_;
  };

 private:
  bool requested_ = false;
  std::list<std::pair<std::function<void()>, Stop**>> hooks_;
  Hook link_;
};

}  // namespace dray
