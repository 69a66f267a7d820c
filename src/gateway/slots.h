// Who may receive now, and who is shown the link to it: at most `concurrency` devices of a site at a time.
// Pure bookkeeping with time given; the site asks and acts. Loop thread only.
//
// A *transmission* runs from the first byte that a device asks for until its last body ends, or has stood
// still for kNoProgress. A client that can be told to come again (our agent: 503 + Retry-After) is served
// while fewer than `concurrency` run. A foreign client obeys no Retry-After, so it is shown its *link* only
// when it may fetch; what it fetches is always served and counts. A link is taken by a poll, so a device that
// is off takes none; it reserves no transmission; and one that is not used for two poll intervals is
// withdrawn. At most `concurrency` foreign devices have a link or receive.
//
// Whoever was told to wait stands in one *line*, agents and foreign devices alike: by rounds, in a round the
// higher priority first, then who has waited longest. Who has had its turn, used or not, stands in the next
// round: so every other device goes at most twice before one that waits, and no priority and no device that
// polls without ever fetching keeps it waiting for good. A place is kept for a device that polls rarely, but
// it holds up others only while the device is *present*: three poll intervals from its last poll (one may be
// lost).
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "core/update/job.h"

namespace dray::gateway {

// A device with the job that it receives for.
struct Receiver {
  JobId job;
  DeviceId device;
  int priority = 0;
  bool foreign = false;
};

class Slots {
 public:
  static constexpr Duration kNoProgress{60'000};  // a transmission that stands still is over

  struct Rules {
    std::size_t concurrency = 1;  // at least 1
    Duration poll{300'000};       // the interval that devices are told
    Duration unused() const { return 2 * poll; }
    Duration present() const { return 3 * poll; }
  };

  // --- transmissions ---
  std::size_t running() const { return runs_.size(); }
  bool may_begin(const Receiver& who, const Rules& rules) const;
  // It was told 503, and now stands in the line.
  void turned_away(const Receiver& who, SteadyTime now, const Rules& rules);
  void begin(const Receiver& who, SteadyTime now);
  void progress(const JobId& job, SteadyTime now);
  bool end(const JobId& job, SteadyTime now);  // a body ended; true: with it the transmission

  // --- links ---
  bool shows(const Receiver& who) const;  // its link: taken, or it receives
  struct Asked {
    bool shown = false;
    std::optional<DeviceId> withdrawn;  // whose unused link it got
  };
  // A foreign device polls; it stays until `until` where its poll is held. able: nothing but its turn keeps
  // it from fetching; else it only gets, or keeps, its place in the line.
  Asked ask(const Receiver& who, bool able, SteadyTime now, SteadyTime until, const Rules& rules);
  bool stands(const DeviceId& device) const { return links_.contains(device) || line_.contains(device); }
  // In the line: whether anything but its turn keeps it from fetching. True: nothing does any more.
  bool enable(const DeviceId& device, bool able);
  // It wants no link for now.
  bool leave(const DeviceId& device);
  // What it received is over: its transmission, link and place go. True: there were some.
  bool release(const JobId& job, const DeviceId& device);

  // --- what follows ---
  // What is before it; nothing where its link is shown, or would be by a poll now, or an agent would be
  // served.
  std::optional<core::Line> line_of(const Receiver& who, SteadyTime now, const Rules& rules) const;
  // It stands in the line, and its turn comes as soon as those that receive now, or have a link, are through.
  bool is_next(const DeviceId& device, SteadyTime now, const Rules& rules) const;
  // Foreign devices of the line that a poll now would give their link, the first in line first.
  std::vector<DeviceId> in_turn(SteadyTime now, const Rules& rules) const;
  // What has lasted too long ends: unused links, transmissions that stand still, the presence of those in
  // line.
  struct Swept {
    std::vector<DeviceId> lost;  // their link or transmission
    bool moved = false;          // others may have their turn by it
  };
  Swept sweep(SteadyTime now, const Rules& rules);
  SteadyTime next_sweep(const Rules& rules) const;

 private:
  struct Place {
    std::int64_t round = 0;
    std::int64_t priority = 0;  // negated: the lower goes first
    std::uint64_t number = 0;   // as they came
    friend auto operator<=>(const Place&, const Place&) = default;
  };
  struct Run {
    Receiver who;
    Place place;
    std::uint64_t began = 0;  // counted as those that come
    SteadyTime last;
    int bodies = 0;
  };
  struct Link {
    Receiver who;
    Place place;
    SteadyTime taken;
  };
  struct Waiting {
    Receiver who;
    Place place;
    SteadyTime until;  // present till then
    bool able = true, present = true;
  };

  Place place_of(const Receiver& who) const;
  Waiting& stand(const Receiver& who);
  bool has_turn(const Place& place, const DeviceId& device, SteadyTime now, const Rules& rules) const;
  std::size_t in_the_way(const Place& place, const DeviceId& device) const;
  std::size_t waiting_before(const Place& place, const DeviceId& device, SteadyTime now) const;
  std::size_t open_beside(const DeviceId& device) const;
  std::optional<DeviceId> withdraw_later(const Place& place, const Rules& rules);
  void had_turn(const DeviceId& device, const Place& place);

  std::map<JobId, Run> runs_;
  std::map<DeviceId, Link> links_;               // shown and not used yet
  std::map<DeviceId, Waiting> line_;             // in no order; their places have one
  std::map<DeviceId, std::int64_t> next_round_;  // of those that have had a turn: later ones than round_
  std::int64_t round_ = 0;                       // of the last turn
  std::uint64_t arrivals_ = 0;
};

}  // namespace dray::gateway
