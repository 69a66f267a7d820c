#include "compare.h"

#include <algorithm>
#include <cmath>

namespace dray::bench {

namespace {

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  auto n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

// How many values may be left out at each end so that the rest covers the median with >= 95 %: the number
// below it is binomial(n, 1/2).
std::size_t left_out(std::size_t n) {
  double below = 0, term = std::pow(0.5, static_cast<double>(n));
  for (std::size_t k = 0; k < n / 2; ++k) {
    below += term;
    if (2 * below > 0.05) return k;
    term *= static_cast<double>(n - k) / static_cast<double>(k + 1);
  }
  return 0;
}

}  // namespace

std::vector<Costs> measure(std::size_t rounds, const std::vector<std::function<double()>>& sides,
                           const std::function<void(std::size_t done)>& progress) {
  std::vector<Costs> out(sides.size());
  for (std::size_t round = 0; round <= rounds; ++round) {
    progress(round);
    for (std::size_t i = 0; i < sides.size(); ++i) {
      const std::size_t side = (i + round) % sides.size();
      const double cost = sides[side]();
      if (round > 0) out[side].push_back(cost);
    }
  }
  return out;
}

Ratio ratio_of(const Costs& ours, const Costs& peers) {
  Costs ratios;
  for (std::size_t i = 0; i < ours.size(); ++i) ratios.push_back(ours[i] / peers[i]);
  std::sort(ratios.begin(), ratios.end());
  const auto out = left_out(ratios.size());
  return {median(ratios), ratios[out], ratios[ratios.size() - 1 - out], median(ours), median(peers)};
}

}  // namespace dray::bench
