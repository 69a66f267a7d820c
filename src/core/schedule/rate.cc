#include "core/schedule/rate.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace dray::core {
namespace {

constexpr int kPerOctave = 4, kBuckets = 160;  // 1 B/s to 1 TB/s
constexpr double kLeastWeight = 0.05;          // of a sample, however short
constexpr double kForgotten = 0.02;            // samples: of a single one nothing is left after five months
constexpr double kEnough = 3;                  // samples: then an hour speaks for itself
constexpr int kNeighbours = 2;                 // hours on each side
constexpr double kDoubt = 1, kDoubtful = 0.7;  // one imagined slow sample: few samples show no spread
constexpr double kLowShare = 0.01 * kRatePercentile;

double fading(WallTime since, WallTime now) {
  if (now <= since) return 1;  // a clock that was set back makes nothing younger
  const double past = static_cast<double>(now.time_since_epoch().count()) -
                      static_cast<double>(since.time_since_epoch().count());
  const double lives = past / static_cast<double>(Duration{kRateHalfLife}.count());
  return std::exp2(-lives);
}

struct Mass {
  double at = 0, weight = 0;
};

// The smallest value with at least this share of the weight at or below it.
double quantile(std::vector<Mass> masses, double share) {
  std::sort(masses.begin(), masses.end(), [](const Mass& a, const Mass& b) { return a.at < b.at; });
  double sum = 0, seen = 0;
  for (const Mass& m : masses) sum += m.weight;
  for (const Mass& m : masses)
    if ((seen += m.weight) >= share * sum * (1 - 1e-9)) return m.at;
  return masses.empty() ? 0 : masses.back().at;
}

std::uint64_t whole(double rate) { return static_cast<std::uint64_t>(std::max(1.0, std::round(rate))); }

int distance(int a, int b) {
  const int d = std::abs(a - b);
  return std::min(d, kHoursOfWeek - d);
}

HourRate summary(int hour, bool capped, const RateHistory::Cell& cell, WallTime now) {
  std::vector<Mass> masses;
  for (const auto& [index, bucket] : cell.buckets) masses.push_back({bucket.log2_rate, bucket.weight});
  HourRate out{.hour = hour, .newest = cell.newest, .as_of = std::max(now, cell.as_of), .capped = capped};
  out.value = whole(std::exp2(quantile(masses, 0.5)));
  out.low = whole(std::exp2(quantile(std::move(masses), kLowShare)));
  out.samples = cell.samples * fading(cell.as_of, now);
  return out;
}

// Several hours as one: most of an hour's weight lies at its value, and as much at its low as puts it at the
// percentile again.
LinkRate merged(const std::vector<const HourRate*>& hours, RateScope scope, WallTime now) {
  std::vector<Mass> masses;
  LinkRate out;
  out.scope = scope;
  out.assumed = false;
  for (const HourRate* h : hours) {
    const double weight = h->samples * fading(h->as_of, now);
    out.samples += weight;
    out.newest = out.newest ? std::max(*out.newest, h->newest) : h->newest;
    out.capped = h->capped;
    const auto low = static_cast<double>(std::min(h->low, h->value));
    masses.push_back({low, weight * 2 * kLowShare});
    masses.push_back({static_cast<double>(h->value), weight * (1 - 2 * kLowShare)});
  }
  const double value = quantile(masses, 0.5);
  masses.push_back({value * kDoubtful, kDoubt});
  out.value = whole(value);
  out.low = std::min(out.value, whole(quantile(std::move(masses), kLowShare)));
  return out;
}

std::string ago(WallTime then, WallTime now) {
  // Apart: times from elsewhere may be far apart.
  const std::int64_t s = std::max<std::int64_t>(
      0, now.time_since_epoch().count() / 1000 - then.time_since_epoch().count() / 1000);
  if (s < 90) return std::to_string(s) + " s";
  if (s < 90 * 60) return std::to_string((s + 30) / 60) + " min";
  if (s < 36 * 3600) return std::to_string((s + 1800) / 3600) + " h";
  return std::to_string((s + 43'200) / 86'400) + " days";
}

std::string count_of(std::int64_t n, const char* one, const char* many) {
  return std::to_string(n) + " " + (n == 1 ? one : many);
}

}  // namespace

int hour_of_week(WallTime time) {
  using std::chrono::floor;
  const auto hours = floor<std::chrono::hours>(time).time_since_epoch().count();
  const std::int64_t since_monday = (hours + 3 * 24) % kHoursOfWeek;  // 1970-01-01 was a Thursday
  return static_cast<int>((since_monday + kHoursOfWeek) % kHoursOfWeek);
}

void RateHistory::add(const RateSample& sample) {
  if (sample.bytes == 0 || sample.took <= Duration{0}) return;
  const double rate = static_cast<double>(sample.bytes) * 1000 / static_cast<double>(sample.took.count());
  const double log2_rate = std::clamp(std::log2(rate), 0.0, (kBuckets - 1.0) / kPerOctave);
  const double pieces = static_cast<double>(sample.took.count()) / static_cast<double>(kRatePiece.count());
  const double weight = std::clamp(pieces, kLeastWeight, 1.0);
  Cell& cell = cells_[{hour_of_week(sample.at), sample.capped}];
  const double left = fading(cell.as_of, sample.at);
  for (auto& [index, bucket] : cell.buckets) bucket.weight *= left;
  std::erase_if(cell.buckets, [](const auto& entry) { return entry.second.weight < kLeastWeight / 100; });
  cell.samples = cell.samples * left + 1;
  cell.as_of = cell.buckets.empty() ? sample.at : std::max(cell.as_of, sample.at);
  cell.newest = cell.as_of;
  Bucket& bucket = cell.buckets[static_cast<int>(log2_rate * kPerOctave)];
  bucket.weight += weight;
  bucket.log2_rate += (log2_rate - bucket.log2_rate) * weight / bucket.weight;
}

std::optional<HourRate> RateHistory::hour(int hour, WallTime now) const {
  for (const bool capped : {false, true})
    if (const auto found = cells_.find({hour, capped});
        found != cells_.end() && !found->second.buckets.empty()) {
      HourRate out = summary(hour, capped, found->second, now);
      if (out.samples >= kForgotten) return out;
    }
  return {};
}

std::vector<HourRate> RateHistory::hours(WallTime now) const {
  std::vector<HourRate> out;
  for (const auto& [key, cell] : cells_) {
    if (!out.empty() && out.back().hour == key.hour) continue;
    if (const auto one = hour(key.hour, now)) out.push_back(*one);
  }
  return out;
}

std::optional<WallTime> RateHistory::newest() const {
  std::optional<WallTime> out;
  for (const auto& [key, cell] : cells_) out = out ? std::max(*out, cell.newest) : cell.newest;
  return out;
}

void RateHistory::put(Key key, Cell cell) {
  std::erase_if(cell.buckets, [](const auto& entry) {
    const auto& [index, bucket] = entry;
    return index < 0 || index >= kBuckets || !std::isfinite(bucket.weight) || bucket.weight <= 0 ||
           !(bucket.log2_rate >= 0 && bucket.log2_rate < static_cast<double>(kBuckets) / kPerOctave);
  });
  if (key.hour < 0 || key.hour >= kHoursOfWeek || cell.buckets.empty()) return;
  if (!(cell.samples >= 0) || !std::isfinite(cell.samples)) cell.samples = 1;
  cells_[key] = std::move(cell);
}

std::string_view to_string(RateScope scope) {
  switch (scope) {
    case RateScope::kHour:
      return "hour";
    case RateScope::kNeighbours:
      return "neighbours";
    case RateScope::kWeek:
      return "week";
    case RateScope::kPrior:
      return "prior";
  }
  return "prior";
}

std::optional<LinkRate> estimate_rate(std::span<const HourRate> hours, std::optional<int> hour,
                                      WallTime now) {
  for (const bool capped : {false, true}) {
    double known = 0;
    std::vector<const HourRate*> own, near, all;
    double in_own = 0, in_near = 0;
    for (const HourRate& h : hours) {
      const double weight = h.samples * fading(h.as_of, now);
      if (h.capped != capped || h.value == 0 || !(weight > 0)) continue;
      known += weight;
      all.push_back(&h);
      if (!hour || distance(h.hour, *hour) > kNeighbours) continue;
      in_near += weight;
      near.push_back(&h);
      if (h.hour != *hour) continue;
      in_own += weight;
      own.push_back(&h);
    }
    if (in_own >= kEnough) return merged(own, RateScope::kHour, now);
    if (in_near >= kEnough) return merged(near, RateScope::kNeighbours, now);
    if (known >= kForgotten) return merged(all, RateScope::kWeek, now);
  }
  return {};
}

LinkRate assume_rate(std::vector<std::uint64_t> siblings, PriorOf prior) {
  LinkRate out;
  std::sort(siblings.begin(), siblings.end());
  out.prior = prior;
  out.prior_from = static_cast<std::int64_t>(siblings.size());
  const std::size_t n = siblings.size();
  if (n == 0) return guess_rate(prior == PriorOf::kSites);
  out.value = std::max<std::uint64_t>(1, siblings[(n - 1) / 2]);
  out.low = std::max<std::uint64_t>(1, std::min(siblings[(n - 1) * kRatePercentile / 100], out.value / 2));
  return out;
}

LinkRate assume_rate_of_sites(const std::map<std::int64_t, std::vector<std::uint64_t>>& siblings,
                              PriorOf prior) {
  constexpr std::size_t kEnoughSites = 3;
  constexpr std::uint64_t kUnproven = 10;
  std::vector<std::uint64_t> each;
  std::int64_t links = 0;
  for (const auto& [site, rates] : siblings) {
    if (rates.empty()) continue;
    each.push_back(assume_rate(rates, prior).value);
    links += std::ssize(rates);
  }
  std::sort(each.begin(), each.end());
  const LinkRate guess = guess_rate(prior == PriorOf::kSites);
  if (each.empty()) return guess;
  if (each.size() < kEnoughSites)
    for (std::uint64_t& rate : each)
      rate = std::clamp(rate, guess.value / kUnproven, guess.value * kUnproven);
  LinkRate out = assume_rate(each, prior);
  if (each.size() >= kEnoughSites) {
    const std::size_t lowest = std::max<std::size_t>(1, (each.size() - 1) * kRatePercentile / 100);
    out.low = std::max<std::uint64_t>(1, std::min(each[lowest], out.value / 2));
  }
  out.prior_from = links;
  return out;
}

LinkRate guess_rate(bool wan) {
  LinkRate out;
  out.value = wan ? 125'000 : 1'000'000;
  out.low = out.value / 2;
  return out;
}

std::string describe_rate(const LinkRate& rate, WallTime now) {
  const std::int64_t n = rate.prior_from;
  if (rate.assumed) {
    switch (rate.prior) {
      case PriorOf::kTypeAtSite:
        return "assumed from " + count_of(n, "device", "devices") + " of the same type here";
      case PriorOf::kType:
        return "assumed from " + count_of(n, "device", "devices") + " of the same type";
      case PriorOf::kSite:
        return "assumed from " + count_of(n, "other device", "other devices") + " of the site";
      case PriorOf::kSites:
        return "assumed from " + count_of(n, "other site", "other sites");
      case PriorOf::kNothing:
        return "assumed: nothing like it was ever measured";
    }
  }
  const auto samples = std::max<std::int64_t>(1, std::llround(rate.samples));
  return "measured " + (rate.newest ? ago(*rate.newest, now) + " ago" : std::string{"once"}) + " from " +
         count_of(samples, "sample", "samples") + (rate.capped ? ", under a cap" : "");
}

std::string human_rate(std::uint64_t bytes_per_second) {
  static constexpr std::array kUnits{"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"};
  double value = static_cast<double>(bytes_per_second) * 8;
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  const int digits = value >= 99.95 || unit == 0 ? 0 : value >= 9.995 ? 1 : 2;
  char text[48];
  const int n = std::snprintf(text, sizeof text, "%.*f %s", digits, value, kUnits[unit]);
  return std::string(text, static_cast<std::size_t>(n));
}

}  // namespace dray::core
