#include "adapters/sqlite/server_rows.h"

#include <charconv>

namespace dray::adapters::rows {
namespace {

using wire::Node;
namespace json = boost::json;

json::array array_of(const std::vector<std::string>& items) {
  json::array out;
  for (const auto& item : items) out.emplace_back(item);
  return out;
}

template <class T, class F>
T read(const std::string& text, F f) {
  auto out = wire::decode<T>(wire::parse_json(text), f);
  return out ? std::move(*out) : T{};
}

std::vector<std::string> texts(const Node& node) {
  std::vector<std::string> out;
  node.each([&](const Node& n) { out.push_back(n.text()); });
  return out;
}

}  // namespace

void bind_time(Statement& statement, int index, const std::optional<WallTime>& time) {
  if (time)
    statement.bind(index, ms(*time));
  else
    statement.bind_null(index);
}

std::optional<WallTime> time_at(const Statement& statement, int column) {
  if (statement.is_null(column)) return {};
  return wall(statement.integer(column));
}

std::string doc(const std::vector<std::string>& items) { return wire::to_text(array_of(items)); }

std::string doc(const std::map<std::string, std::string>& items) {
  json::object out;
  for (const auto& [key, value] : items) out[key] = value;
  return wire::to_text(out);
}

std::string doc(const std::vector<core::Components>& items) {
  json::array out;
  for (const auto& item : items) out.push_back(array_of(item));
  return wire::to_text(out);
}

std::string doc_steps(const std::vector<core::Step>& steps) {
  json::array out;
  for (const auto& step : steps) {
    json::array one;
    for (const Sha256& sha : step) one.emplace_back(sha.hex());
    out.push_back(std::move(one));
  }
  return wire::to_text(out);
}

std::string doc(const core::RunningByComponent& running) {
  json::object out;
  for (const auto& [component, r] : running) out[component] = json::array{r.version, r.sha256};
  return wire::to_text(out);
}

std::string doc(const core::Intervals& intervals) { return wire::to_text(wire::encode_intervals(intervals)); }
std::string doc(const core::SiteLimits& limits) { return wire::to_text(wire::encode_limits(limits)); }

std::string doc(const wire::StorageReport& storage) {
  json::array artifacts;
  for (const auto& a : storage.artifacts)
    artifacts.push_back(json::array{a.sha256.hex(), a.bytes, a.verified});
  return wire::to_text(json::array{storage.used, storage.quota, std::move(artifacts)});
}

std::vector<std::string> strings(const std::string& text) {
  return read<std::vector<std::string>>(text, texts);
}

std::map<std::string, std::string> string_map(const std::string& text) {
  return read<std::map<std::string, std::string>>(text, [](const Node& node) {
    std::map<std::string, std::string> out;
    node.members([&](std::string_view key, const Node& n) { out[std::string{key}] = n.text(); });
    return out;
  });
}

std::vector<core::Components> string_lists(const std::string& text) {
  return read<std::vector<core::Components>>(text, [](const Node& node) {
    std::vector<core::Components> out;
    node.each([&](const Node& n) { out.push_back(texts(n)); });
    return out;
  });
}

std::vector<core::Step> steps(const std::string& text) {
  return read<std::vector<core::Step>>(text, [](const Node& node) {
    std::vector<core::Step> out;
    node.each([&](const Node& n) {
      core::Step step;
      n.each([&](const Node& sha) { step.push_back(sha.sha256()); });
      out.push_back(std::move(step));
    });
    return out;
  });
}

core::RunningByComponent running(const std::string& text) {
  return read<core::RunningByComponent>(text, [](const Node& node) {
    core::RunningByComponent out;
    node.members([&](std::string_view key, const Node& n) {
      const auto& pair = n.array(2);
      if (pair.size() == 2)
        out[std::string{key}] = {Node{pair[0], "version"}.text(), Node{pair[1], "sha256"}.text()};
    });
    return out;
  });
}

core::Intervals intervals(const std::string& text) {
  return read<core::Intervals>(text, wire::decode_intervals);
}
core::SiteLimits limits(const std::string& text) { return read<core::SiteLimits>(text, wire::decode_limits); }

std::optional<wire::StorageReport> storage(const std::string& text) {
  if (text.empty()) return {};
  return read<wire::StorageReport>(text, [](const Node& node) {
    wire::StorageReport out;
    const auto& parts = node.array(3);
    if (parts.size() != 3) return out;
    out.used = Node{parts[0], "used"}.size();
    out.quota = Node{parts[1], "quota"}.size();
    Node{parts[2], "artifacts"}.each([&](const Node& n) {
      const auto& a = n.array(3);
      if (a.size() == 3)
        out.artifacts.push_back(
            {Node{a[0], "sha256"}.sha256(), Node{a[1], "bytes"}.size(), Node{a[2], "verified"}.boolean()});
    });
    return out;
  });
}

std::optional<std::int64_t> rollout_number(std::string_view id) {
  if (!id.starts_with('r')) return {};
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(id.data() + 1, id.data() + id.size(), out);
  if (error != std::errc{} || end != id.data() + id.size() || out < 1) return {};
  return out;
}

std::optional<std::pair<std::int64_t, std::string>> job_key(std::string_view id) {
  const auto dash = id.find('-');
  if (dash == std::string_view::npos) return {};
  const auto number = rollout_number(id.substr(0, dash));
  if (!number) return {};
  return std::pair{*number, std::string{id.substr(dash + 1)}};
}

core::JobResult result_at(const Statement& row, int first) {
  core::JobResult out;
  out.state = row.text(first);
  out.reason = row.text(first + 1);
  out.sentence = row.text(first + 2);
  out.until = time_at(row, first + 3);
  out.update_at = time_at(row, first + 4);
  out.step = row.integer(first + 5);
  out.attempt = row.integer(first + 6);
  out.bytes = static_cast<std::uint64_t>(row.integer(first + 7));
  out.running = string_map(row.text(first + 8));
  out.late = row.integer(first + 9) != 0;
  out.cancel_id = row.text(first + 10);
  out.cancel_answer = row.text(first + 11);
  return out;
}

wire::NewDeviceType type_at(const Statement& row, int first) {
  wire::NewDeviceType out;
  core::DeviceType& type = out.type;
  type.name = row.text(first);
  out.client = core::parse_client(row.text(first + 1)).value_or(core::Client::kAny);
  type.components = strings(row.text(first + 2));
  type.order = string_lists(row.text(first + 3));
  type.ask = row.text(first + 4) == "confirmation" ? core::Ask::kConfirmation : core::Ask::kPoll;
  type.ends_on = row.text(first + 5) == "power_on" ? core::EndsOn::kPowerOn : core::EndsOn::kClosed;
  type.power_on_within = std::chrono::seconds{row.integer(first + 6)};
  type.probe = row.text(first + 7);
  type.parts = string_map(row.text(first + 8));
  return out;
}

core::Rollout rollout_at(const Statement& row, int first) {
  core::Rollout out;
  out.terms.delivery = row.text(first) == "push" ? core::Delivery::kPush : core::Delivery::kPull;
  out.terms.transmit_at = time_at(row, first + 1);
  out.terms.update_at = wall(row.integer(first + 2));
  out.terms.expires_at = wall(row.integer(first + 3));
  out.phase = core::phase_from(row.text(first + 4), row.text(first + 5), row.text(first + 6));
  return out;
}

std::optional<std::string> device_field(std::string_view field, const std::string& name,
                                        const std::string& site, const std::string& type,
                                        const std::string& state, const core::Attributes& attributes,
                                        const core::RunningByComponent& running) {
  if (field == "name") return name;
  if (field == "site") return site;
  if (field == "type") return type;
  if (field == "state") return state.empty() ? "idle" : state;
  if (field.starts_with("version.")) {
    const auto found = running.find(std::string{field.substr(8)});
    if (found != running.end()) return found->second.version;
  } else if (field.starts_with("attribute.")) {
    const auto found = attributes.find(std::string{field.substr(10)});
    if (found != attributes.end()) return found->second;
  }
  return {};
}

}  // namespace dray::adapters::rows
