// Which of several gateways with one site's token answers for the site. Pure; the server keeps the state and saves it
// before it acts on what came out.
//
// A gateway names its *instance* with every request: another machine, another disk or an empty data folder has another
// one. The instance that holds keeps the site for as long as it is heard. Another is let in where the one that holds
// has been silent for kSilent, or where an operator chooses. What calls without a name counts as one instance of its
// own, the unnamed one; it gives way to the first that has a name, which is that gateway's own newer version.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace dray::core {

inline constexpr std::chrono::minutes kSilent{10};
inline constexpr std::chrono::hours kReturnSaid{24};  // for how long it is said that a replaced one holds again
// One that is refused asks again within five minutes, and a plan is held for a minute at most: who was not heard for
// longer has ended, or can't reach us.
inline constexpr std::chrono::minutes kAsksWithin{6};
inline constexpr std::size_t kMostReplaced = 16, kMostWaiting = 4;
inline constexpr std::size_t kLongestInstance = 64;   // bytes of a name

enum class InstanceRole { kHolds, kWaits, kReplaced };

struct Instance {
  std::string name;                   // "": calls without a name
  InstanceRole role{};
  WallTime since;                     // in this role
  WallTime heard;                     // last
  std::optional<WallTime> refused{};  // when it was refused first, of calls without a silence between them
  bool returned = false;              // it holds, was replaced once, and was let in again by silence alone
  WallTime saved{};                   // `heard`, as it was saved last
  friend bool operator==(const Instance&, const Instance&) = default;
};

// How an instance is doing at `now`: "in_use" (it holds, and is heard), "silent" (it holds, and is not), "refused" (it
// asks, and another one holds), "ended" (it does not ask any more).
std::string_view presence(const Instance& instance, WallTime now);

struct Holding {
  std::vector<Instance> instances;  // one of them holds at most
  friend bool operator==(const Holding&, const Holding&) = default;
};

const Instance* holder(const Holding& holding);  // null: nobody has called yet

struct Called {
  bool holds = false;
  bool must_save = false;  // before it is answered: who holds has changed, an alarm begins, or goes on for a minute more
  bool is_news = false;    // who holds has changed, or an alarm begins
  Holding next;
};
// A call of `name` at `now`.
Called call_of(const Holding& holding, std::string_view name, WallTime now);

// The one that holds is there at `now`: a call of it is still being answered.
Holding heard_holder(Holding holding, WallTime now);
// We start: what we could not hear while we were down is nobody's silence.
Holding after_start(Holding holding, WallTime now);

// An operator's choice: `name` holds from now on; without a name the one that asks. kConflict: nobody else has asked
// within kSilent, several still ask and none was named, or the named one does not ask any more; kNotFound: no such
// instance.
Result<Holding> replaced_by(const Holding& holding, std::optional<std::string_view> name, WallTime now);

// More than one gateway is at work, or one that was replaced is back.
struct TwoGateways {
  std::string other;  // the one that is refused, of several one that still asks; where none is: the one that holds again
  bool returned = false;
  WallTime since, until;  // until: it ends by itself where nothing more is heard
  friend bool operator==(const TwoGateways&, const TwoGateways&) = default;
};
std::optional<TwoGateways> two_gateways(const Holding& holding, WallTime now);

// When a refused instance would be let in, if the one that holds fell silent now.
WallTime let_in_at(const Holding& holding);

std::string_view role_name(InstanceRole role);                       // "holds", "waits", "replaced"
std::optional<InstanceRole> parse_role(std::string_view text);
std::string shown_name(std::string_view instance);                   // for people: "unnamed" where it has no name
// 1 to kLongestInstance letters, digits, '-', '_', '.'
bool is_instance_name(std::string_view text);

}  // namespace dray::core
