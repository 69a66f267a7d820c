// hawkBit DDI v1 as a device sees it: what a server's answers mean, and what a device says. docs/ddi.md has
// the contract. Works for any DDI server: everything that is ours ("dray" members) is optional in both
// directions.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/update/attempt.h"

namespace dray::wire::client {

// GET of the base resource. Links are absolute and opaque; of the three orders at most one is there.
struct PollAnswer {
  std::optional<std::chrono::seconds> sleep;                  // none or malformed: the caller's own
  std::string config_data, deployment, cancel, confirmation;  // hrefs, empty where the link is not shown
  std::string probe;  // of our own gateway only: it would like to know what the link can do
};
Result<PollAnswer> decode_poll(std::string_view text);

// The chunks' parts are translated: what the server calls a part is a component of ours. Parts that are not
// in the map keep their name. A chunk without exactly one artifact is kInvalid, so is one without an address
// or a size.
using ComponentOfPart = std::map<std::string, std::string>;
struct Deployment {
  core::attempt::Order order;
  bool fetch = true;  // false: "download": "skip"
};
Result<Deployment> decode_deployment(std::string_view text, const ComponentOfPart& components);

// The action that is to stop.
Result<ActionId> decode_cancel(std::string_view text);
// ".../confirmationBase/123?c=-21" -> 123; for links whose body is not needed.
Result<ActionId> action_in_link(std::string_view href);

// PUT configData: merged into what the server knows, or all that there is. Keys and values are cleaned and cut to 128
// characters.
enum class ConfigMode { kMerge, kReplace };
std::string encode_config_data(const std::map<std::string, std::string>& data, ConfigMode mode = ConfigMode::kMerge);
// The same with what any hawkBit server takes: signs that it does not know become '?'.
std::map<std::string, std::string> plain_attributes(const std::map<std::string, std::string>& data);

// What a device says about an action. `dray`: our addition, left out where empty.
struct FeedbackBody {
  std::string execution;          // "proceeding", "downloaded", "closed", "canceled", "rejected"
  std::string finished = "none";  // "success", "failure"
  std::string sentence;           // each of its lines becomes a message
  std::map<std::string, std::string>
      dray;  // {"phase": "switching" or "verifying"}, {"answer": "cancelled", "by": .., "why": ..}
};
std::string encode_feedback(ActionId action, const FeedbackBody& body);
// Without words of people and programs: for a server that refuses them.
FeedbackBody reduced(FeedbackBody body);

// The response to a communication request. retry_after: of busy and defer, where known.
struct Confirmation {
  bool confirmed = true;
  std::string answer;  // "busy", "defer", "refuse"
  std::optional<std::chrono::seconds> retry_after;
  std::string why;
};
std::string encode_confirmation(const Confirmation& confirmation);
Confirmation reduced(Confirmation confirmation);

}  // namespace dray::wire::client
