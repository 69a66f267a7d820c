// One simulated machine: a name, a disk, a battery-backed clock, and, while it has power, one life: an
// io_context, clocks, workers and the program that a boot function builds.
//
// Losing power is what a real cut is: the disk freezes at once, nothing leaves the machine any more; when the
// handler that runs has returned, the life's events are dropped, its context and program destroyed, and the
// disk decides what it kept. No handler outlives its context.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "ports/task.h"
#include "sim/clock.h"
#include "sim/disk.h"
#include "sim/events.h"
#include "sim/random.h"
#include "sim/trace.h"
#include "sim/vfs.h"
#include "sim/worker.h"

namespace dray::sim {

class Node {
 public:
  // Builds the program and starts it (spawn()); what it returns is the program, destroyed with the life.
  using Boot = std::function<std::shared_ptr<void>(Node&)>;
  using OnPowerLost = std::function<void(Node&)>;
  using OnReady = std::function<void(Node&)>;

  Node(Events& events, Trace& trace, const SimRandom& world_random, std::string name,
       OnPowerLost on_power_lost, OnReady on_ready);
  ~Node();

  const std::string& name() const { return name_; }
  SimDisk& disk() { return disk_; }
  const std::string& vfs() const { return vfs_.name(); }
  SimRandom& random() { return random_; }
  void set_wall_error(Duration error, bool synchronised = true) { wall_error_ = {error, synchronised}; }
  Duration wall_error() const { return wall_error_.by; }
  void set_program(Boot boot) { boot_ = std::move(boot); }

  bool up() const { return life_ != nullptr && !dying_; }
  Life life() const { return life_ != nullptr ? life_->id : 0; }  // 0: none
  int boots() const { return boots_; }
  void power_on();
  void power_off();  // from anywhere, also in the middle of a handler or a disk operation

  // Only while up, and good for this life.
  SimClock& clock() { return life_->clock; }
  Worker& worker(const std::string& name);
  // What Date of this node's answers says: its wall clock, or this one, which lives as long as its program.
  void say_time_by(const Clock& clock) { life_->says = &clock; }
  WallTime said_time() const { return life_->says != nullptr ? life_->says->wall() : life_->clock.wall(); }
  Executor executor() { return life_->context.get_executor(); }
  Log log(Level least = Level::kDebug);
  void spawn(Task<> task);  // an exception out of it ends the run

  // For the world. Runs at most one handler; false: none was ready.
  bool poll_one();
  // May have a handler to run: OnReady is called once until poll_one() has found none.
  void wake();
  void bury(SimDisk::CrashOptions options);

 private:
  struct Context : asio::io_context {
    Context() : asio::io_context{1} {}
    using asio::execution_context::shutdown;  // destroys handlers, keeps the context itself
  };
  struct Body {  // what one life owns; the program goes first
    Body(Events& events, Life life, const WallError& wall_error, Duration steady_at_boot)
        : id{life}, clock{events, life, wall_error, steady_at_boot} {}
    Life id;
    Context context;
    asio::executor_work_guard<Executor> work{context.get_executor()};
    SimClock clock;
    const Clock* says = nullptr;
    std::map<std::string, SimWorker> workers;
    std::shared_ptr<void> program;
  };

  Events& events_;
  Trace& trace_;
  std::string name_;
  OnPowerLost on_power_lost_;
  OnReady on_ready_;
  bool ready_ = false;
  SimRandom random_;
  SimDisk disk_;
  WallError wall_error_;
  Vfs vfs_;
  Boot boot_;
  int boots_ = 0;
  bool dying_ = false;
  std::unique_ptr<Body> life_;
};

}  // namespace dray::sim
