#include "sim/fleet/damage/damage.h"

#include <array>

#include "adapters/sqlite/gateway_store.h"

namespace dray::sim::fleet {
namespace {

namespace kind = gateway::kind;

constexpr std::array<std::string_view, 10> kKinds{kind::kPlan,   kind::kJob,  kind::kAction,   kind::kDevice,  kind::kDeferral,
                                                  kind::kReport, kind::kRate, kind::kArtifact, kind::kPartial, kind::kMeta};

std::string damaged(std::string text, SimRandom& random) {
  static constexpr std::string_view kShapes[] = {"", "{", "[]", "7", "null", "\"\"", "{}", R"({"phase":99,"v":2147483647})"};
  switch (random.uniform(4)) {
    case 0:  // the end was never written
      return text.substr(0, random.uniform(text.size() + 1) / 2);
    case 1:  // a sector of nothing
      return text.replace(random.uniform(text.size() + 1) / 2, 512, std::string(512, '\0'));
    case 2:  // other bytes
      return text.replace(random.uniform(text.size() + 1) / 2, 16, "\xff\xfe\x80\xc3\"}{");
    default:
      return std::string{kShapes[random.uniform(std::size(kShapes))]};
  }
}

}  // namespace

std::optional<Damaged> damage_document(Node& gateway, SimRandom& random) {
  if (gateway.up() || !gateway.disk().exists("gateway.db")) return {};
  auto store = adapters::GatewayStore::open({.path = "gateway.db", .vfs = gateway.vfs()});
  if (!store) return {};
  const auto all = (*store)->load();
  if (!all || all->empty()) return {};
  for (int tries = 0; tries < 8; ++tries) {
    const std::string_view wanted = kKinds[random.uniform(kKinds.size())];
    std::vector<const gateway::Document*> some;
    for (const auto& document : *all)
      if (document.kind == wanted) some.push_back(&document);
    if (some.empty()) continue;
    const gateway::Document& one = *some[random.uniform(some.size())];
    gateway::Writes writes;
    writes.push_back(gateway::Write::put(one.kind, one.id, damaged(one.text, random)));
    if (!(*store)->commit({std::move(writes)})) return {};
    return Damaged{one.kind, one.id};
  }
  return {};
}

}  // namespace dray::sim::fleet
