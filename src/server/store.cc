#include "server/store.h"

namespace dray::server {

void describe(const PlannedSite& planned, wire::SiteTimesView& out) {
  out.bytes = planned.basis.missing.count;
  out.rate = planned.basis.wan.count;
  out.planned_at = planned.at;
  out.transmit_at = planned.times.transmit_at;
  out.update_at = planned.times.update_at;
  out.fetched_at = planned.times.fetched_at;
  out.finish_at = planned.times.finish_at;
  out.misfit = planned.misfit;
  out.sentence = planned.sentence;
}

}  // namespace dray::server
