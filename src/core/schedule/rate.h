// The estimate of a link's goodput: from server to gateway (the first transmission rate) or from gateway to
// one device (the second), from samples of real transfers (M5, M11). Pure; bytes per second.
//
// Kept per hour of the week, because lines have their busy hours: a histogram over logarithmic buckets, which
// keeps quantiles to a relative error at bounded memory (DDSketch: Masson, Rim, Lee, PVLDB 12, 2019). Old
// samples fade exponentially (as in Cormode et al., "Forward decay", ICDE 2009) with a half-life of four
// weeks: four visits of each hour. A sample weighs as long as it took, up to a full piece of five seconds, so
// the median is the rate that the link has half of the time, and a thousand tiny bodies do not outvote one
// real one.
//
// What our own cap held back is kept apart: it says what the cap was, not what the link can, and never pulls
// the link's own estimate down. It is used, marked `capped`, only where nothing else is known.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"

namespace dray::core {

inline constexpr std::chrono::hours kRateHalfLife{24 * 28};
inline constexpr int kRatePercentile = 10;  // `low`: nine tenths of the time the link is at least this quick
inline constexpr Duration kRatePiece{5'000};
inline constexpr int kHoursOfWeek = 168;

// 0 = Monday 00:00 to 01:00 UTC. UTC, because that is what docs/gateway-api.md shows ("hour_of_week": 45 at
// 21:40 UTC of a Tuesday); where a site changes its clocks, the neighbouring hours cover for it.
int hour_of_week(WallTime time);

struct RateSample {
  std::uint64_t bytes = 0;
  Duration took{0};
  WallTime at;          // its end
  bool capped = false;  // our own cap held it back
};

// What is known of one hour of the week: the content of a `rate` report.
struct HourRate {
  int hour = 0;
  std::uint64_t value = 0, low = 0;  // low <= value
  double samples = 0;                // as of `as_of`; fades from then on
  WallTime newest, as_of;
  bool capped = false;
  friend bool operator==(const HourRate&, const HourRate&) = default;
};

// The samples of one link. At most 2 x 168 cells of at most 160 buckets; a steady link fills two or three of
// a cell.
class RateHistory {
 public:
  struct Bucket {
    double weight = 0, log2_rate = 0;  // its mean
  };
  struct Cell {
    WallTime as_of, newest;  // weights are as of `as_of`
    double samples = 0;
    std::map<int, Bucket> buckets;
  };
  struct Key {
    int hour = 0;
    bool capped = false;
    friend auto operator<=>(const Key&, const Key&) = default;
  };

  // A sample without bytes or time says nothing and is ignored.
  void add(const RateSample& sample);
  // Every hour that something is known of, in order. Of an hour with samples of both sorts, the link's own.
  std::vector<HourRate> hours(WallTime now) const;
  std::optional<HourRate> hour(int hour, WallTime now) const;
  std::optional<WallTime> newest() const;

  // For the store. put() makes nonsense harmless: it drops what can not be.
  const std::map<Key, Cell>& cells() const { return cells_; }
  void put(Key key, Cell cell);

 private:
  std::map<Key, Cell> cells_;
};

// Where an estimate comes from.
enum class RateScope { kHour, kNeighbours, kWeek, kPrior };
// What a prior was made from, the best first.
enum class PriorOf { kTypeAtSite, kType, kSite, kSites, kNothing };
std::string_view to_string(RateScope scope);

struct LinkRate {
  std::uint64_t value = 0, low = 0;  // 0 < low <= value
  int percentile = kRatePercentile;  // of `low`
  double samples = 0;                // it stands on; 0 for a prior
  std::optional<WallTime> newest;    // nothing for a prior
  RateScope scope = RateScope::kPrior;
  bool assumed = true;  // never measured: the median of its siblings, or a guess
  bool capped = false;  // seen only under our own cap: the link can do at least this
  PriorOf prior = PriorOf::kNothing;
  std::int64_t prior_from = 0;  // siblings that were measured

  // 0: steady. 0.4: the low rate is two fifths below the value.
  double spread() const { return value == 0 ? 0 : 1 - static_cast<double>(low) / static_cast<double>(value); }
  friend bool operator==(const LinkRate&, const LinkRate&) = default;
};

// The estimate for an hour of the week: from that hour; where too little is known, from the two hours before
// and after; from the whole week, as where no hour is given; nothing where nothing is known any more. Capped
// hours count only where no other does.
std::optional<LinkRate> estimate_rate(std::span<const HourRate> hours, std::optional<int> hour, WallTime now);

// The estimate for what was never measured: the median of the siblings' values; low is the lower of their
// tenth percentile and half the median, since nobody knows how alike they are. At least one sibling.
LinkRate assume_rate(std::vector<std::uint64_t> siblings, PriorOf prior);
// The same where the siblings are at other sites: each site counts as one, by its own median, however many
// links it speaks of; the lowest of three and more does not count for the low percentile; and of one or two
// nobody can tell who is wrong, so they move the guess by ten times at most. What one site says never
// decides for another.
LinkRate assume_rate_of_sites(const std::map<std::int64_t, std::vector<std::uint64_t>>& siblings,
                              PriorOf prior);
// Without any: 1 Mbit/s over a WAN, 8 Mbit/s over a LAN. A slow guess costs an early start; a quick one, a
// window.
LinkRate guess_rate(bool wan);

// For people: "measured 14 min ago from 214 samples, under a cap", "assumed from 12 devices of the same
// type".
std::string describe_rate(const LinkRate& rate, WallTime now);
// "5.92 Mbit/s": links are spoken of in bits.
std::string human_rate(std::uint64_t bytes_per_second);

// What the planner asks for: one site at one time of the week.
struct SiteRates {
  LinkRate wan;
  std::map<std::string, LinkRate> devices;  // every device of the site
};

}  // namespace dray::core
