// Devices as the filter of a rollout sees them. Internal to the adapter.
#pragma once

#include <string>

#include "adapters/sqlite/server_rows.h"

namespace dray::adapters::rows {

// A device as filters see it.
struct Seen {
  std::int64_t id = 0, site_id = 0;
  std::string name, type, site, state;
  core::Attributes attributes;
  core::RunningByComponent running;
  std::vector<wire::Unreadable> unreadable = {};

  // What a device is must be known before it is updated: one that can't be read passes no filter.
  bool passes(const core::Filter& filter) const {
    return unreadable.empty() && core::passes(filter, [&](std::string_view field) {
      return device_field(field, name, site, type, state, attributes, running);
    });
  }
};
inline constexpr std::string_view kSeenColumns =
    "d.id, d.name, d.type, d.site_id, s.name, d.attributes, d.reported, d.running, j.state "
    "FROM device d JOIN site s ON s.id=d.site_id LEFT JOIN job j ON j.id=d.job_id ";

inline Seen seen_at(const Statement& row) {
  Seen out{row.integer(0), row.integer(3), row.text(1), row.text(2), row.text(4), row.text(8), {}, {}, {}};
  const RowReader read{"device", out.name, out.unreadable};
  out.attributes = read("attributes", string_map(row.text(5)));
  out.attributes.merge(read("reported", string_map(row.text(6))));  // the operator's word goes first
  out.running = read("running", running(row.text(7)));
  return out;
}

}  // namespace dray::adapters::rows
