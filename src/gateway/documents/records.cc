#include "gateway/documents/records.h"

#include <charconv>
#include <limits>

#include "core/identity/holder.h"
#include "gateway/documents/format.h"

namespace dray::gateway::documents {

namespace json = wire::json;
using wire::Node;

std::string write_deferral(const core::Deferral& d) {
  return write({{"device", d.device.value()},
                {"assignment", d.assignment.value()},
                {"until", time_value(d.until)},
                {"by", d.by},
                {"why", d.why}});
}

Result<core::Deferral> read_deferral(const std::string& id, std::string_view text) {
  return read<core::Deferral>(text, [&](const Node& n) {
    return core::Deferral{id,
                          DeviceId{text_of(n, "device")},
                          AssignmentId{text_of(n, "assignment")},
                          time_of(n.at("until")),
                          text_of(n, "by"),
                          text_of(n, "why")};
  });
}

std::string write_history(const ActionHistory& h) {
  json::array messages;
  for (const auto& m : h.messages) messages.emplace_back(m);
  json::object out{{"entries", h.entries}, {"status", h.status}, {"messages", std::move(messages)}};
  if (!h.words.empty()) out["words"] = h.words;
  if (h.failed_after) out["failed_after"] = true;
  return write(std::move(out));
}

Result<ActionHistory> read_history(std::string_view text) {
  return read<ActionHistory>(text, [](const Node& n) {
    ActionHistory h;
    h.entries = static_cast<int>(n.at("entries").integer(0, std::numeric_limits<int>::max()));
    h.status = text_of(n, "status");
    n.at("messages").each([&](const Node& m) { h.messages.push_back(m.text(kLongestText)); });
    if (const auto words = n.maybe("words")) h.words = words->text(kLongestText);
    if (const auto failed = n.maybe("failed_after")) h.failed_after = failed->boolean();
    return h;
  });
}

Result<ActionId> action_of(std::string_view id) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (error == std::errc{} && end == id.data() + id.size() && number > 0) return ActionId{number};
  return Error{ErrorCode::kInvalid, "'" + std::string{id.substr(0, 40)} + "' is no action id"};
}

std::string write_counters(const Counters& c) {
  json::object out{{"epoch", c.last.epoch},
                   {"seq", c.last.seq},
                   {"acknowledged", c.acknowledged.seq},
                   {"last_action", c.last_action},
                   {"action_floor", c.action_floor}};
  if (c.lost) out["lost"] = true;
  return write(std::move(out));
}

Result<Counters> read_counters(std::string_view text) {
  return read<Counters>(text, [](const Node& n) {
    Counters c;
    c.last = {n.at("epoch").integer(0), n.at("seq").integer(0, kMostSeq)};
    const auto acknowledged = n.maybe("acknowledged");
    c.acknowledged = {c.last.epoch, acknowledged ? acknowledged->integer(0) : 0};
    c.last_action = n.at("last_action").integer(0);
    c.action_floor = n.at("action_floor").integer(0);
    if (const auto lost = n.maybe("lost")) c.lost = lost->boolean();
    return c;
  });
}

std::string write_sent_before(const std::set<Sha256>& artifacts) {
  json::array list;
  for (const Sha256& sha : artifacts) list.emplace_back(sha.hex());
  return write({{"artifacts", std::move(list)}});
}

Result<std::set<Sha256>> read_sent_before(std::string_view text) {
  return read<std::set<Sha256>>(text, [](const Node& n) {
    std::set<Sha256> out;
    n.at("artifacts").each([&](const Node& sha) { out.insert(sha.sha256()); });
    return out;
  });
}

std::string write_withdrawn(const Withdrawn& withdrawn) {
  json::array list;
  for (const auto& [id, until] : withdrawn) list.push_back(json::object{{"id", id}, {"until", time_value(until)}});
  return write({{"deferrals", std::move(list)}});
}

Result<Withdrawn> read_withdrawn(std::string_view text) {
  return read<Withdrawn>(text, [](const Node& n) {
    Withdrawn out;
    n.at("deferrals").each([&](const Node& one) { out[text_of(one, "id")] = time_of(one.at("until")); });
    return out;
  });
}

std::string write_clock(WallTime floor) { return write({{"floor", time_value(floor)}}); }

Result<WallTime> read_clock(std::string_view text) {
  return read<WallTime>(text, [](const Node& n) {
    const WallTime floor = time_of(n.at("floor"));
    if (floor == kWallMax) n.at("floor").refuse("is no time that a clock can show");
    return floor;
  });
}

std::string write_link(const LinkBytes& b) {
  return write({{"wan", b.wan}, {"wan_control", b.wan_control}, {"lan", b.lan}});
}

Result<LinkBytes> read_link(std::string_view text) {
  return read<LinkBytes>(text, [](const Node& n) {
    return LinkBytes{n.at("wan").size(), n.at("wan_control").size(), n.at("lan").size()};
  });
}

std::string write_aside(const Aside& aside) {
  return write({{"report", aside.report}, {"why", aside.why}, {"at", to_rfc3339(aside.at)}});
}

Result<Aside> read_aside(std::string_view text) {
  constexpr std::size_t kLongestAside = 9 << 20;  // a report of any length that may be sent
  return read<Aside>(text, [](const Node& n) {
    return Aside{n.at("report").text(kLongestAside), n.at("why").text(), n.at("at").time()};
  });
}

namespace {

json::object place_value(const core::Place& place) {
  json::array hardware;
  for (const std::string& part : place.hardware) hardware.emplace_back(part);
  return {{"machine", place.machine},
          {"hardware", std::move(hardware)},
          {"path", place.path},
          {"device", std::to_string(place.device)},  // 64 bits: more than a number of JSON holds
          {"inode", std::to_string(place.inode)}};
}

core::Place instance_place(const Node& n) {
  core::Place out;
  out.machine = n.at("machine").text();
  n.at("hardware").each([&](const Node& part) { out.hardware.insert(part.text()); }, 64);
  out.path = text_of(n, "path");
  out.device = std::strtoull(n.at("device").text().c_str(), nullptr, 10);
  out.inode = std::strtoull(n.at("inode").text().c_str(), nullptr, 10);
  return out;
}

}  // namespace

std::string write_instance(const InstanceRecord& instance) {
  return write({{"name", instance.name},
                {"place", place_value(instance.place)},
                {"fresh_epoch", instance.fresh_epoch},
                {"refused_since", maybe_time_value(instance.refused_since)}});
}

Result<InstanceRecord> read_instance(std::string_view text) {
  return read<InstanceRecord>(text, [](const Node& n) {
    InstanceRecord out{n.at("name").text(core::kLongestInstance), instance_place(n.at("place")),
                       n.at("fresh_epoch").boolean(), {}};
    if (!core::is_instance_name(out.name)) n.at("name").refuse("is no name of an instance");
    out.refused_since = maybe_time_of(n, "refused_since");
    return out;
  });
}

}  // namespace dray::gateway::documents
