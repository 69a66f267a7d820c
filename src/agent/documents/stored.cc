#include "agent/documents/stored.h"

#include "wire/json.h"

namespace dray::agent {
namespace {

namespace json = wire::json;
using wire::Node;

constexpr std::int64_t kVersion = 1;  // of those that carry none, too

void check_version(const Node& record) {
  if (const auto version = record.maybe("version")) version->integer(1, kVersion);
}

std::string document(json::object members) {
  json::object out{{"version", kVersion}};
  for (auto& [key, value] : members) out[key] = std::move(value);
  return wire::to_text(out) + "\n";
}

json::object encode_stored(const Stored& s) {
  return {{"version", s.version}, {"sha256", s.sha256.hex()}, {"size", s.size}, {"good", s.good}};
}

Stored decode_stored(const Node& node) {
  return {node.at("version").text(), node.at("sha256").sha256(), node.at("size").size(),
          node.at("good").boolean()};
}

std::optional<Stored> maybe_stored(const Node& node, std::string_view name) {
  const auto found = node.maybe(name);
  return found ? std::optional{decode_stored(*found)} : std::nullopt;
}

}  // namespace

std::string encode_slot(const SlotRecord& slot) {
  json::object components;
  for (const auto& [component, stored] : slot) components[component] = encode_stored(stored);
  return document({{"components", std::move(components)}});
}

Result<SlotRecord> decode_slot(std::string_view text) {
  return wire::decode<SlotRecord>(wire::parse_json(text), [](const Node& root) {
    check_version(root);
    SlotRecord out;
    root.at("components").members([&](std::string_view component, const Node& stored) {
      out[std::string{component}] = decode_stored(stored);
    });
    return out;
  });
}

std::string encode_order(const OrderRecord& order) {
  return document({{"from", order.from}, {"to", order.to}});
}

Result<OrderRecord> decode_order(std::string_view text) {
  return wire::decode<OrderRecord>(wire::parse_json(text), [](const Node& root) {
    check_version(root);
    return OrderRecord{root.at("from").text(), root.at("to").text()};
  });
}

std::string encode_book(const FileBook& book) {
  json::object components;
  for (const auto& [component, entry] : book) {
    json::object e{{"switched", entry.switched}};
    if (entry.unknown) e["unknown"] = true;
    if (entry.now) e["now"] = encode_stored(*entry.now);
    if (entry.staged) e["staged"] = encode_stored(*entry.staged);
    if (entry.old) e["old"] = encode_stored(*entry.old);
    components[component] = std::move(e);
  }
  return document({{"components", std::move(components)}});
}

Result<FileBook> decode_book(std::string_view text) {
  return wire::decode<FileBook>(wire::parse_json(text), [](const Node& root) {
    FileBook out;
    // The first programs had the components themselves here.
    const bool versioned = root.maybe("version") && root.at("version").value().is_int64();
    if (versioned) check_version(root);
    const Node components = versioned ? root.at("components") : root;
    components.members([&](std::string_view component, const Node& e) {
      out[std::string{component}] = {maybe_stored(e, "now"), maybe_stored(e, "staged"), maybe_stored(e, "old"),
                                     e.at("switched").boolean(), e.maybe("unknown").has_value()};
    });
    return out;
  });
}

}  // namespace dray::agent
