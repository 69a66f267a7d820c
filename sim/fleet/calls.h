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

struct Call {
  Call(const Exchange& e, Kind k) : x{e}, kind{k} {}

  const Exchange& x;
  Kind kind;
  std::string gateway, device;  // whose it is; empty where it is nobody's
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
  void add(const Node& node, Tier tier) { tiers_[&node] = tier; }
  Tier tier(const Node& node) const { return tiers_.at(&node); }
  Call call(const Exchange& exchange, const Catalog& catalog) const;

 private:
  void of_gateway(Call& call, const Catalog& catalog) const;
  void of_device(Call& call, const Catalog& catalog) const;
  std::unordered_map<const Node*, Tier> tiers_;
};

}  // namespace dray::sim::fleet
