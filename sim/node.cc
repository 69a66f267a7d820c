#include "sim/node.h"

#include <exception>
#include <utility>

#include "base/assert.h"

namespace dray::sim {
namespace {

constexpr Duration kSteadyAtBootMost{std::chrono::hours{24}};

}  // namespace

Node::Node(Events& events, Trace& trace, const SimRandom& world_random, std::string name,
           OnPowerLost on_power_lost, OnReady on_ready)
    : events_{events},
      trace_{trace},
      name_{std::move(name)},
      on_power_lost_{std::move(on_power_lost)},
      on_ready_{std::move(on_ready)},
      random_{world_random.fork(name_)},
      disk_{random_.fork("disk")},
      vfs_{disk_, random_.fork("vfs"),
           [this] { return kWallStart + events_.now().time_since_epoch() + wall_error_.by; }} {
  disk_.on_power_lost([this] { power_off(); });
}

Node::~Node() { bury({}); }

void Node::power_on() {
  DRAY_ASSERT(life_ == nullptr);
  const Life id = fnv1a(name_ + "/" + std::to_string(++boots_)) | 1;  // 0 is the world
  life_ = std::make_unique<Body>(events_, id, wall_error_, random_.up_to(kSteadyAtBootMost));
  wake();
  if (trace_.keeps()) trace_.note(events_.now(), name_, "power on, boot " + std::to_string(boots_));
  if (boot_) life_->program = boot_(*this);
}

void Node::power_off() {
  if (!up()) return;
  dying_ = true;
  disk_.freeze();
  if (trace_.keeps())
    trace_.note(events_.now(), name_, "power lost after write point " + std::to_string(disk_.ops()));
  on_power_lost_(*this);
}

void Node::bury(SimDisk::CrashOptions options) {
  if (life_ == nullptr) return;
  dying_ = true;
  disk_.freeze();
  events_.drop(life_->id);
  life_->context.shutdown();
  events_.drop(life_->id);  // what unwinding coroutines have asked for
  life_->program.reset();
  life_.reset();
  dying_ = false;
  disk_.crash(options);
}

Worker& Node::worker(const std::string& name) {
  auto it = life_->workers.find(name);
  if (it == life_->workers.end())
    it = life_->workers
             .try_emplace(name, events_, life_->id, random_.fork("worker " + name + std::to_string(boots_)))
             .first;
  return it->second;
}

Log Node::log(Level least) {
  if (!trace_.keeps()) return {};
  return Log{least, [this] { return kWallStart + events_.now().time_since_epoch() + wall_error_.by; },
             [this](Level, std::string_view line) {
               if (up()) trace_.note(events_.now(), name_, line);
             }};
}

void Node::spawn(Task<> task) {
  wake();
  asio::co_spawn(executor(), std::move(task), [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  });
}

void Node::wake() {
  if (!ready_) on_ready_(*this);
  ready_ = true;
}

bool Node::poll_one() {
  ready_ = false;
  return life_ != nullptr && life_->context.poll_one() > 0;
}

}  // namespace dray::sim
