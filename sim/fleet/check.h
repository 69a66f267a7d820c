// Checks: what must never be seen in a simulated fleet. Each is a class of its own in checks/, with a name; the
// fault model (docs/fault-model.md) says what each means.
//
// A check is told what really happens: requests, answers and bodies on the lines, write points of disks, what a
// device would start. It may look at the operator's truth (Catalog) and, where it compares the two, at the
// server's database; never at what a program believes.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/store.h"
#include "sim/fleet/calls.h"
#include "sim/fleet/damage/damage.h"
#include "sim/fleet/damage/rows.h"
#include "sim/world.h"

namespace dray::sim::fleet {

struct Violation {
  std::string check, subject, what;
};

// What a device would start now. images: component -> what it is, null: bytes that nobody made.
struct Active {
  bool slot = false;
  std::map<std::string, const Image*> images;
  friend bool operator==(const Active&, const Active&) = default;
};

class Scene {
 public:
  Scene(World& w, Catalog& c) : world{w}, catalog{c} {}

  World& world;
  Catalog& catalog;
  std::map<std::string, Active> active;          // by device
  std::map<std::string, SteadyTime> told_time;   // when the server has told each gateway the time since its start
  std::function<server::Lists*()> lists;         // of the running server; null while there is none
  std::optional<Violation> violation;            // the first
  std::map<std::string, std::uint64_t> worked;   // check -> how often it had something to judge

  WallTime now() const { return world.true_time(); }
  // The first one stands; where one check is asked for by name, only its.
  void complain(std::string check, std::string subject, std::string what);
  std::string only;
  // Until then its own clock counts, which may be anything.
  bool goes_by_own_clock(const std::string& gateway) const;
};

// Clocks are corrected to two seconds, and some of what was sent before an edge is still on its way.
inline constexpr Duration kTolerance{5'000};

class Check {
 public:
  explicit Check(Scene& scene) : scene_{scene} {}
  virtual ~Check() = default;
  virtual std::string_view name() const = 0;
  // Whose calls and disks it judges.
  virtual bool heeds(Who who) const { return who == Who::kOurs; }

  virtual void asked(const Call&, const HttpRequest&) {}      // has reached the server of the line
  virtual void answered(const Call&, const HttpResponse&) {}  // by the handler, before anything of it is sent
  virtual void shown(const Call&, const Shown&) {}            // a poll was answered with a body
  virtual void sent(const Call&, bool /*upload*/, std::uint64_t /*bytes*/) {}
  virtual void wrote(Node&, const std::string& /*op*/) {}     // a write point, as it happens
  virtual void looked(const std::string& /*device*/, const Active& /*before*/, const Active& /*now*/) {}
  virtual void kept_from_server(const Call&) {}  // somebody on the line answered instead
  virtual void crashed(Node&) {}
  virtual void ended_by_itself(Node&, const Error&) {}
  virtual void restored(Node&) {}  // its disk is an older one
  virtual void damaged(Node& gateway, const Damaged& /*document*/) { restored(gateway); }
  virtual void row_damaged(const DamagedRow&) {}  // of the server's database, while it has no power
  virtual void step() {}           // after each handler
  virtual void ended() {}

 protected:
  void complain(const std::string& subject, const std::string& what) {
    scene_.complain(std::string{name()}, subject, what);
  }
  // A check that never has anything to judge proves nothing: the fleet's own test looks at these.
  void judged() { ++scene_.worked[std::string{name()}]; }

  Scene& scene_;
};

using Checks = std::vector<std::unique_ptr<Check>>;
Checks all_checks(Scene& scene);

}  // namespace dray::sim::fleet
