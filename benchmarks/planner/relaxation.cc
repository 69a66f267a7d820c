#include "relaxation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace dray::bench {

namespace {

constexpr double kLittle = 1e-3;  // bytes

// Maximum flow by Dinic's algorithm, with capacities in bytes.
class Network {
 public:
  explicit Network(std::size_t nodes) : edges_of_(nodes), level_(nodes), next_(nodes) {}

  std::size_t add(std::size_t from, std::size_t to, double capacity) {
    edges_of_[from].push_back(edges_.size());
    edges_.push_back({to, capacity});
    edges_of_[to].push_back(edges_.size());
    edges_.push_back({from, 0});
    return edges_.size() - 2;
  }
  void widen(std::size_t edge, double capacity) { edges_[edge].left += capacity; }

  double more_flow(std::size_t source, std::size_t sink) {
    double sum = 0;
    while (find_levels(source, sink)) {
      std::fill(next_.begin(), next_.end(), 0);
      for (;;) {
        const double pushed = push(source, sink, std::numeric_limits<double>::infinity());
        if (pushed <= kLittle) break;
        sum += pushed;
      }
    }
    return sum;
  }

 private:
  struct Edge {
    std::size_t to;
    double left;
  };

  bool find_levels(std::size_t source, std::size_t sink) {
    std::fill(level_.begin(), level_.end(), -1);
    std::vector<std::size_t> queue{source};
    level_[source] = 0;
    for (std::size_t i = 0; i < queue.size(); ++i)
      for (const std::size_t e : edges_of_[queue[i]])
        if (edges_[e].left > kLittle && level_[edges_[e].to] < 0) {
          level_[edges_[e].to] = level_[queue[i]] + 1;
          queue.push_back(edges_[e].to);
        }
    return level_[sink] >= 0;
  }

  double push(std::size_t node, std::size_t sink, double most) {
    if (node == sink) return most;
    double sum = 0;
    for (std::size_t& i = next_[node]; i < edges_of_[node].size(); ++i) {
      const std::size_t e = edges_of_[node][i];
      if (edges_[e].left <= kLittle || level_[edges_[e].to] != level_[node] + 1) continue;
      const double pushed = push(edges_[e].to, sink, std::min(most - sum, edges_[e].left));
      edges_[e].left -= pushed;
      edges_[e ^ 1].left += pushed;
      sum += pushed;
      if (most - sum <= kLittle) break;  // this edge may carry more
    }
    return sum;
  }

  std::vector<Edge> edges_;
  std::vector<std::vector<std::size_t>> edges_of_;
  std::vector<int> level_;
  std::vector<std::size_t> next_;
};

// source -> class (closed at first) -> interval -> sink, for what may be sent before `end`.
struct Model {
  Network network;
  std::vector<std::size_t> doors;  // source -> class
  std::size_t source, sink;
};

Model model_of(const std::vector<SiteClass>& classes, double egress, double end) {
  std::vector<double> marks;
  for (const SiteClass& c : classes)
    for (const Span& s : c.permitted)
      for (const double mark : {s.from, s.to}) marks.push_back(std::min(mark, end));
  std::sort(marks.begin(), marks.end());
  marks.erase(std::unique(marks.begin(), marks.end(), [](double a, double b) { return b - a < 1e-6; }),
              marks.end());
  const std::size_t intervals = marks.empty() ? 0 : marks.size() - 1;

  Model m{Network{classes.size() + intervals + 2},
          {},
          classes.size() + intervals,
          classes.size() + intervals + 1};
  for (std::size_t k = 0; k < intervals; ++k)
    m.network.add(classes.size() + k, m.sink, egress * (marks[k + 1] - marks[k]));
  for (std::size_t c = 0; c < classes.size(); ++c) {
    m.doors.push_back(m.network.add(m.source, c, 0));
    for (const Span& s : classes[c].permitted) {
      auto k = static_cast<std::size_t>(std::lower_bound(marks.begin(), marks.end(), s.from - 1e-6) -
                                        marks.begin());
      for (; k < intervals && marks[k + 1] <= std::min(s.to, end) + 1e-6; ++k)
        m.network.add(c, classes.size() + k,
                      static_cast<double>(classes[c].sites) * classes[c].rate * (marks[k + 1] - marks[k]));
    }
  }
  return m;
}

bool all_by(const std::vector<SiteClass>& classes, double egress, double end) {
  Model m = model_of(classes, egress, end);
  double wanted = 0;
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const double bytes = static_cast<double>(classes[c].sites) * classes[c].bytes;
    m.network.widen(m.doors[c], bytes);
    wanted += bytes;
  }
  return m.network.more_flow(m.source, m.sink) >= wanted * (1 - 1e-9);
}

}  // namespace

double most_on_time(const std::vector<SiteClass>& classes, double egress) {
  Model m = model_of(classes, egress, std::numeric_limits<double>::infinity());
  std::vector<std::size_t> order(classes.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return classes[a].bytes < classes[b].bytes; });
  double sites = 0;
  for (const std::size_t c : order) {
    m.network.widen(m.doors[c], static_cast<double>(classes[c].sites) * classes[c].bytes);
    sites += m.network.more_flow(m.source, m.sink) / classes[c].bytes;
  }
  return sites;
}

double least_makespan(const std::vector<SiteClass>& classes, double egress) {
  double low = 0, high = 0;
  for (const SiteClass& c : classes)
    for (const Span& s : c.permitted) high = std::max(high, s.to);
  if (!all_by(classes, egress, high)) return -1;
  while (high - low > std::max(1.0, low * 0.001)) {
    const double middle = (low + high) / 2;
    (all_by(classes, egress, middle) ? high : low) = middle;
  }
  return low;
}

}  // namespace dray::bench
