#include "sim/events.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <memory>
#include <vector>

#include "base/assert.h"

namespace dray::sim {

Events::Id Events::at(SteadyTime when, Life life, std::function<void()> run) {
  const Id id{std::max(when, now_), ++sequence_};
  queue_.emplace(id, Event{life, std::move(run)});
  return id;
}

void Events::move(Id& id, SteadyTime when) {
  auto event = queue_.extract(id);
  if (event.empty()) return;
  id = Id{std::max(when, now_), ++sequence_};
  event.key() = id;
  queue_.insert(std::move(event));
}

void Events::drop(Life life) {
  std::vector<Event> dropped;  // first out of the queue, then destroyed: unwinding coroutines look into it
  for (auto it = queue_.begin(); it != queue_.end();) {
    if (it->second.life == life) {
      dropped.push_back(std::move(it->second));
      it = queue_.erase(it);
    } else {
      ++it;
    }
  }
}

std::optional<SteadyTime> Events::next() const {
  if (queue_.empty() || queue_.begin()->first.when == kSteadyMax) return {};
  return queue_.begin()->first.when;
}

Life Events::fire() {
  DRAY_ASSERT(next().has_value());
  auto event = queue_.extract(queue_.begin());
  now_ = event.key().when;
  const Life life = event.mapped().life;
  event.mapped().run();
  return life;
}

Task<bool> Wait::until(SteadyTime when) {
  auto start = [this, when](auto handler) {
    // Shared only because std::function must be copyable; the queue holds the one copy, then the context
    // does.
    auto held = std::make_shared<decltype(handler)>(std::move(handler));
    id_ = events_.at(ended_ ? events_.now() : when, life_, [this, held] {
      id_.reset();
      const auto executor = asio::get_associated_executor(*held);
      asio::post(executor, [this, held] { std::move (*held)(!ended_); });
    });
  };
  return asio::async_initiate<const asio::use_awaitable_t<Executor>, void(bool)>(std::move(start), kAwait);
}

void Wait::end() {
  if (ended_) return;
  ended_ = true;
  if (id_) events_.move(*id_, events_.now());
}

}  // namespace dray::sim
