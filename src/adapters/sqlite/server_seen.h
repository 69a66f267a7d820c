// Devices as the filter of a rollout sees them. Internal to the adapter.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "adapters/sqlite/server_rows.h"
#include "core/rollout/split.h"

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

inline core::Filter filter_or_nobody(const std::string& text) {  // it was looked at when the rollout was made
  auto parsed = filter_of(text);
  return parsed ? std::move(*parsed) : core::Filter{core::Any{}};  // nothing passes
}

// What the phases of a rollout look at of a device: the same whether it is made or only asked about.
class Phasing {
 public:
  explicit Phasing(const wire::NewRollout& rollout)
      : salt_{rollout.release_name + "/" + rollout.release_version} {
    for (std::size_t i = 0; i < rollout.phases.size(); ++i)
      if (const auto* passing = std::get_if<core::Passing>(&rollout.phases[i].share))
        filters_.emplace_back(i, filter_or_nobody(passing->filter));
  }
  core::Candidate candidate(const Seen& device, bool fits) const {
    core::Candidate out{core::place_in_queue(salt_, device.name), 0, fits};
    for (const auto& [phase, filter] : filters_)
      if (device.passes(filter)) out.passes |= std::uint64_t{1} << phase;
    return out;
  }

 private:
  std::string salt_;
  std::vector<std::pair<std::size_t, core::Filter>> filters_;
};

}  // namespace dray::adapters::rows
