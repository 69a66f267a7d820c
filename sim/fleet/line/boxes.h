// Portals, proxies and caches on the line between a gateway and its server, or between a device and its gateway: what
// hotel networks, mobile operators and companies put there. Each does one thing, for a while or, where a site or a device
// may well live behind it for ever, for good.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <string>

#include "sim/fleet/coverage/fault_kind.h"
#include "sim/fleet/hostile/numbers.h"
#include "sim/network.h"

namespace dray::sim::fleet {

enum class Box {
  kPortal,        // 200 and a page for whatever is asked, until somebody signs in
  kSyntaxFilter,  // 400 for each report, and for whatever a device sends, without a problem document
  kSizeFilter,    // 413 for the same where it is not tiny
  kOverloaded,    // 503 without Retry-After
  kStaleCache,    // 304 for each plan or poll that was asked for with an ETag, new or not
  // What a site can live behind:
  kWeakEtags,     // it packs and unpacks, so W/ stands before each ETag
  kPollsNotHeld,  // it strips Prefer: long polls are answered at once
  kNoParts,       // it knows no Range: 200 and all of a file where 206 was asked for
  kAlignedParts,  // its parts begin at its own blocks: 206 that begins earlier than was asked for
  // The other side itself, gone wrong:
  kAlwaysResync,  // each answer to reports asks for everything anew
  kAcksAhead,     // reports are acknowledged that were never sent, in an epoch that has never begun
  kHostileNumbers,  // some numbers of its reports are not what the gateway sent (hostile/numbers.h)
};
inline constexpr std::size_t kBoxes = static_cast<std::size_t>(Box::kHostileNumbers) + 1;

struct BoxKind {
  Box box;
  std::string_view name;  // of its share in a swarm
  FaultKind counted;
  bool may_stay;  // for good
  bool for_devices;  // may stand before a device, too
};
// All but kHostileNumbers, which is an incident of its own.
extern const std::array<BoxKind, kBoxes - 1> kBoxKinds;

class Boxes final : public Middlebox {
 public:
  Boxes(std::function<SteadyTime()> now, HostileNumbers& numbers) : now_{std::move(now)}, numbers_{numbers} {}

  // On the way from this gateway to the server, or from this device to its gateway, by its node's name; until then.
  void put(Box box, const std::string& client, SteadyTime until) { until_[client][static_cast<std::size_t>(box)] = until; }
  // What does not stay is taken away.
  void heal();

  std::optional<HttpResponse> instead(const Exchange& exchange, HttpRequest& request) override;
  void change(const Exchange& exchange, HttpResponse& response) override;

 private:
  using Untils = std::array<SteadyTime, kBoxes>;
  const Untils* on_line_of(const Exchange& exchange) const;  // null: none
  bool stands(const Untils& untils, Box box) const { return now_() < untils[static_cast<std::size_t>(box)]; }

  std::function<SteadyTime()> now_;
  HostileNumbers& numbers_;
  std::map<std::string, Untils, std::less<>> until_;
};

}  // namespace dray::sim::fleet
