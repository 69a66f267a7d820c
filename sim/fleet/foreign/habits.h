// What a device that is not ours does differently from what one would wish. Each is fair: devices that do it exist.
#pragma once

#include <array>
#include <bitset>
#include <string>
#include <string_view>

#include "sim/fleet/swarm.h"

namespace dray::sim::fleet {

enum class Habit {
  kOddTexts,         // any bytes, any length, in details, attributes and our own member
  kOddNumbers,       // in progress, codes and times
  kOddVersions,      // reports versions with every printable sign
  kOtherBoots,       // boot ids A, B, A: two devices with one identity look like this
  kClosesUnfetched,  // says that it is done, and has not fetched a byte
  kRepeatsFeedback,  // each twice, the last three times
  kWrongActions,     // feedback to actions that are not its own, or not there
  kNeverFetches,     // though it is shown a link
  kPollsRarely,      // every few hours
  kOff,              // from some time on, for days
  kUnknownName,      // one that nobody registered, with bytes that are no UTF-8; let in by the site's token
};
inline constexpr std::array<std::string_view, 11> kHabits{
    "odd_texts",        "odd_numbers",   "odd_versions",  "other_boots",  "closes_unfetched", "repeats_feedback",
    "wrong_actions",    "never_fetches", "polls_rarely",  "off_for_days", "unknown_names"};
static_assert(static_cast<std::size_t>(Habit::kUnknownName) + 1 == kHabits.size());

class Habits {
 public:
  bool has(Habit habit) const { return bits_[static_cast<std::size_t>(habit)]; }
  bool none() const { return bits_.none(); }
  std::string describe() const {  // " odd_texts off_for_days"
    std::string out;
    for (std::size_t i = 0; i < kHabits.size(); ++i)
      if (bits_[i]) out += " " + std::string{kHabits[i]};
    return bits_.none() ? " it behaves" : out;
  }
  void add(Habit habit) { bits_.set(static_cast<std::size_t>(habit)); }

 private:
  std::bitset<kHabits.size()> bits_;
};

// One to three of those that this world has; none where it has none.
inline Habits draw_habits(const Swarm& swarm, SimRandom& random) {
  Habits out;
  for (std::uint64_t n = 1 + random.uniform(3); n > 0; --n) {
    const std::size_t one = random.uniform(kHabits.size());
    if (swarm.has(kHabits[one])) out.add(static_cast<Habit>(one));
  }
  return out;
}

}  // namespace dray::sim::fleet
