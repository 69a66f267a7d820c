// What a request between the tiers is about, told from its line and its path.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "base/id.h"
#include "sim/exchange.h"
#include "sim/fleet/catalog.h"

namespace dray::sim::fleet {

enum class Kind {
  kOther,
  // gateway to server
  kPlan,
  kReports,
  kWanImage,
  // device to gateway
  kPoll,
  kConfigData,
  kConfirmation,  // the device's answer to the communication request
  kDeployment,
  kFeedback,
  kCancelFeedback,
  kLanImage,
  // people
  kAdmin,
  kLocal
};
inline constexpr std::size_t kKinds = static_cast<std::size_t>(Kind::kLocal) + 1;

// Who calls, as far as checks care: only what ours do is judged by all of them.
enum class Who { kOurs, kStranger, kTwinGateway, kDoubledDevice };

struct Call {
  Call(const Exchange& e, Kind k) : x{e}, kind{k} {}

  const Exchange& x;
  Kind kind;
  Who who = Who::kOurs;
  std::string gateway, device;  // whose it is, by the identity that it says; empty where it is nobody's
  ActionId action;
  const Image* image = nullptr;

  // Where the client wants a body to begin; by its own word, whatever was made of it on the way.
  std::uint64_t from() const;
};

// What a poll shows.
struct Shown {
  ActionId confirmation, deployment, cancel;
};
std::optional<Shown> shown_in(const std::string& poll_body);

// Tells nodes by what they are; the rest follows from paths.
class Switchboard {
 public:
  enum class Tier { kServer, kGateway, kDevice, kOperator };
  void add(const Node& node, Tier tier, Who who = Who::kOurs) { add(node, tier, who, node.name()); }
  // `identity`: who it says it is, where that is not its own name.
  void add(const Node& node, Tier tier, Who who, std::string identity) { nodes_[&node] = {tier, who, std::move(identity)}; }
  Tier tier(const Node& node) const { return nodes_.at(&node).tier; }
  Call call(const Exchange& exchange, const Catalog& catalog) const;

 private:
  void of_gateway(Call& call, const Catalog& catalog, const std::string& identity) const;
  void of_device(Call& call, const Catalog& catalog, const std::string& identity) const;
  struct Known {
    Tier tier{};
    Who who{};
    std::string identity;
  };
  std::unordered_map<const Node*, Known> nodes_;
};

}  // namespace dray::sim::fleet
