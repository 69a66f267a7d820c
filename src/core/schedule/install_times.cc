#include "core/schedule/install_times.h"

#include <algorithm>

#include "core/schedule/deferral.h"

namespace dray::core {
namespace {

constexpr std::size_t kInstallPercentile = 90;
constexpr std::size_t kEnoughSites = 3;
constexpr int kFarOff = 8;     // times more or less than the median of the sites
constexpr int kUnproven = 10;  // times more or less than the assumption, while sites are few

// Of one site; 0: it has said nothing that can be.
Duration estimate_of(std::vector<Duration> times) {
  std::erase_if(times, [](Duration took) { return !is_install_time(took); });
  if (times.empty()) return Duration{0};
  std::sort(times.begin(), times.end());
  return times[std::min(times.size() - 1, times.size() * kInstallPercentile / 100)];
}

Duration within_times(Duration took, Duration around, int times) {
  return std::clamp<Duration>(took, around / times, around * times);
}

}  // namespace

bool is_install_time(Duration took) { return took > Duration{0} && took <= kLongestInstall; }

InstallEstimates::InstallEstimates(const InstallTimes& times) {
  std::vector<Duration> sorted;
  for (const auto& [site, took] : times)
    if (const Duration own = estimate_of(took); own > Duration{0}) {
      each.emplace(site, own);
      sorted.push_back(own);
    }
  if (sorted.empty()) return;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  median = *middle;
}

bool InstallEstimates::enough() const { return each.size() >= kEnoughSites; }

Duration InstallEstimates::at(const std::string& site) const {
  if (median == Duration{0}) return kAssumedInstall;
  if (const auto own = each.find(site); own != each.end())
    return enough() ? within_times(own->second, median, kFarOff) : own->second;
  return enough() ? median : within_times(median, kAssumedInstall, kUnproven);
}

std::optional<FarOff> far_off(const InstallTimes& times, const std::string& site) {
  const InstallEstimates all{times};
  const auto own = all.each.find(site);
  if (own == all.each.end() || !all.enough()) return {};
  if (within_times(own->second, all.median, kFarOff) == own->second) return {};
  return FarOff{own->second, all.median};
}

std::vector<Duration> likely_times(const InstallTimes& times) {
  const InstallEstimates all{times};
  std::vector<Duration> out;
  for (const auto& [site, took] : times)
    for (const Duration one : took)
      if (is_install_time(one)) out.push_back(all.enough() ? within_times(one, all.median, kFarOff) : one);
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace dray::core
