#include "gateway/documents/stored.h"

#include "gateway/documents/format.h"

namespace dray::gateway::documents {

namespace json = wire::json;
using wire::Node;

std::string write_artifact(const ArtifactRecord& a) {
  return write({{"size", a.size},
                {"sha1", a.sha1},
                {"md5", a.md5},
                {"name", a.name},
                {"file", a.file_name},
                {"module_id", a.module_id},
                {"stored_at", time_value(a.stored_at)}});
}

Result<ArtifactRecord> read_artifact(std::string_view text) {
  return read<ArtifactRecord>(text, [](const Node& n) {
    ArtifactRecord a;
    a.size = n.at("size").size();
    a.sha1 = text_of(n, "sha1");
    a.md5 = text_of(n, "md5");
    a.name = text_of(n, "name");
    a.file_name = text_of(n, "file");
    a.module_id = n.at("module_id").integer();
    a.stored_at = time_of(n.at("stored_at"));
    return a;
  });
}

std::string write_partial(std::uint64_t safe) { return write({{"safe", safe}}); }

Result<std::uint64_t> read_partial(std::string_view text) {
  return read<std::uint64_t>(text, [](const Node& n) {
    return n.value().is_object() ? n.at("safe").size() : n.size();  // format 1: the number alone
  });
}

namespace {

using Cell = core::RateHistory::Cell;

json::object cell_value(const Cell& cell) {
  json::array buckets;
  for (const auto& [index, bucket] : cell.buckets)
    buckets.push_back(json::array{index, bucket.weight, bucket.log2_rate});
  return {{"as_of", time_value(cell.as_of)},
          {"newest", time_value(cell.newest)},
          {"samples", cell.samples},
          {"buckets", std::move(buckets)}};
}

Cell cell_of(const Node& n) {
  Cell cell;
  cell.as_of = time_of(n.at("as_of"));
  cell.newest = time_of(n.at("newest"));
  cell.samples = n.at("samples").number();
  n.at("buckets").each([&](const Node& b) {
    const json::array& three = b.array(3);
    if (three.size() != 3) b.refuse("needs bucket, weight and rate");
    const auto number = [&](std::size_t i) { return Node{three[i], b.path()}.number(); };
    cell.buckets[static_cast<int>(Node{three[0], b.path()}.integer(0, 1000))] = {number(1), number(2)};
  });
  return cell;
}

}  // namespace

std::string write_rate(const RateRecord& rate) {
  json::object out{{"hour", rate.hour}};
  if (rate.own) out["own"] = cell_value(*rate.own);
  if (rate.capped) out["capped"] = cell_value(*rate.capped);
  return write(std::move(out));
}

Result<RateRecord> read_rate(std::string_view text) {
  return read<RateRecord>(text, [](const Node& n) {
    RateRecord out;
    out.hour = static_cast<int>(n.at("hour").integer(0, core::kHoursOfWeek - 1));
    if (const auto cell = n.maybe("own")) out.own = cell_of(*cell);
    if (const auto cell = n.maybe("capped")) out.capped = cell_of(*cell);
    return out;
  });
}

}  // namespace dray::gateway::documents
