#include "sim/world.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace dray::sim {
namespace {

constexpr int kStepsAtOneInstant = 200'000;

}  // namespace

World::World(std::uint64_t seed, Trace::Keep keep)
    : trace_{keep}, random_{seed}, network_{events_, trace_, random_.fork("network")} {}

World::~World() {
  for (auto& node : nodes_) node->bury({});
}

Node& World::add(std::string name) {
  nodes_.push_back(std::make_unique<Node>(
      events_, trace_, random_, std::move(name),
      [this](Node& node) {
        network_.forget(node);
        dying_.push_back(&node);
      },
      [this](Node& node) { ready_.push_back(&node); }));
  return *nodes_.back();
}

Node& World::node(std::string_view name) {
  const auto it =
      std::find_if(nodes_.begin(), nodes_.end(), [&](const auto& n) { return n->name() == name; });
  DRAY_ASSERT(it != nodes_.end());
  return **it;
}

void World::after(Duration delay, std::function<void()> act) {
  events_.at(events_.now() + delay, 0, std::move(act));
}

void World::bury_dying() {
  while (!dying_.empty()) {
    for (Node* node : std::exchange(dying_, {})) {
      node->bury(crash_options_);
      if (on_crashed_) on_crashed_(*node);
    }
  }
}

bool World::step() {
  std::swap(running_, ready_);  // their memory is used again and again
  random_.shuffle(running_);
  const bool any = !running_.empty();
  for (Node* node : running_) {
    if (node->poll_one()) node->wake();
    bury_dying();
    if (on_step_) on_step_();
  }
  running_.clear();
  return any;
}

Node* World::of(Life life) {
  if (life == 0) return nullptr;
  if (const auto known = lives_.find(life); known != lives_.end())
    return known->second->life() == life ? known->second : nullptr;
  for (auto& one : nodes_)
    if (one->life() == life) return lives_.emplace(life, one.get()).first->second;
  return nullptr;
}

Error World::stuck(ErrorCode code, const std::string& what) const {
  return Error{code, what + "; the last that happened:\n" + trace_.tail()};
}

Result<> World::run_until(const std::function<bool()>& done, Duration limit) {
  const SteadyTime deadline = events_.now() + limit;
  for (auto& node : nodes_) node->wake();  // a test may have posted from outside
  int steps = 0;
  for (;;) {
    bury_dying();
    if (done()) return {};
    if (step()) {
      if (++steps > kStepsAtOneInstant) return stuck(ErrorCode::kInternal, "time does not pass");
      continue;
    }
    const auto next = events_.next();
    if (!next) return stuck(ErrorCode::kInternal, "nothing is left that could happen");
    if (*next > deadline) return stuck(ErrorCode::kTimeout, "not done in time");
    if (*next > events_.now()) steps = 0;
    while (events_.next() == *next) {  // all of one instant, so that the seed orders the nodes
      const Life life = events_.fire();
      trace_.mix(static_cast<std::uint64_t>(next->time_since_epoch().count()), life);
      if (Node* node = of(life)) node->wake();
    }
  }
}

Result<> World::run_for(Duration time) {
  auto over = std::make_shared<bool>(false);  // the event may outlive a run that failed
  after(time, [over] { *over = true; });
  return run_until([over] { return *over; }, time);
}

}  // namespace dray::sim
