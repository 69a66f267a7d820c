// What no schedule can beat: the preemptive relaxation, computed without a line of the planner. Sites may
// send at any rate up to their own, be stopped and continued at any instant, and count in fractions; only the
// bytes, the permitted times and the egress bind. Sites of a class are alike, so a class is one node of the
// network: a solution may be averaged over the sites of a class without losing anything.
//
// That a preemptive schedule is a flow through (site) -> (elementary interval) is W. A. Horn, Some simple
// scheduling algorithms, Naval Research Logistics Quarterly 21 (1974), and for machines of different speed A.
// Federgruen and H. Groenevelt, Preemptive scheduling of uniform machines by ordinary network flow
// techniques, Management Science 32 (1986). What a network can carry from a set of sources is a polymatroid
// (N. Megiddo, Optimal flows in networks with multiple sources and sinks, Mathematical Programming 7, 1974),
// on which the greedy algorithm is optimal for linear weights (J. Edmonds, 1970): so taking the sites by
// size, the small ones first, gives the most fractional sites that can be on time.
#pragma once

#include <cstdint>
#include <vector>

namespace dray::bench {

struct Span {
  double from, to;  // seconds from now
};

struct SiteClass {
  std::int64_t sites = 1;
  double bytes = 0, rate = 0;   // of one site
  std::vector<Span> permitted;  // sorted, apart; up to the latest useful arrival
};

// At most so many sites (in fractions) can be served by their deadlines.
double most_on_time(const std::vector<SiteClass>& classes, double egress);
// No schedule that serves all of them ends earlier (seconds from now); negative where none can.
double least_makespan(const std::vector<SiteClass>& classes, double egress);

}  // namespace dray::bench
