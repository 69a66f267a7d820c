#include <algorithm>
#include <map>

#include "sim/fleet/checks/checks.h"

namespace dray::sim::fleet {
namespace {

using namespace std::chrono_literals;

// A program of ours ends where its power is cut or somebody stops it, and never by itself: not over what a device or a
// server said, nor over what is stored.
class StaysUp final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "stays_up"; }

  void crashed(Node&) override { judged(); }  // it is started again, over what is stored
  void ended_by_itself(Node& node, const Error& why) override {
    if (why.code() == ErrorCode::kExhausted) return;  // its disk is full; there is nothing it could do
    complain(node.name(), "ended by itself: " + why.message());
  }
};

// What a gateway reports is taken in the end, whatever is in it: the server refuses no batch again and again, because
// one entry of it would then stop those of all others.
class Taken final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "taken"; }

  void answered(const Call& call, const HttpResponse& response) override {
    if (call.kind != Kind::kReports || call.x.uploaded.size() <= kNothing) return;
    judged();
    Refused& refused = refused_[call.gateway];
    const bool for_its_words = response.status == 400 || response.status == 413 || response.status == 422;
    if (!for_its_words) {
      refused = {};
      return;
    }
    const SteadyTime now = scene_.world.now();
    if (refused.times++ == 0) refused.since = now;
    if (refused.times > 2 && now - refused.since > kLongest)
      complain(call.gateway, "has its reports refused with " + std::to_string(response.status) + " for " +
                                 std::to_string((now - refused.since) / 1min) + " min: nothing of its site is told");
  }

 private:
  static constexpr Duration kLongest{20 * 60'000};
  static constexpr std::size_t kNothing = 2;  // "[]", which a gateway may send to see whether anything is taken
  struct Refused {
    int times = 0;
    SteadyTime since;
  };
  std::map<std::string, Refused> refused_;
};

// A device of ours that asks for bytes which it may have is not made to wait for devices that fetch none.
class Served final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "served"; }
  bool heeds(Who) const override { return true; }  // whoever gets bytes is at work

  void answered(const Call& call, const HttpResponse& response) override {
    if (call.kind != Kind::kLanImage || call.who != Who::kOurs) return;
    judged();
    SteadyTime& since = waits_[call.device];
    if (response.status != 503) {
      since = {};
      return;
    }
    const SteadyTime now = scene_.world.now();
    if (since == SteadyTime{}) since = now;
    const SteadyTime idle = std::max(since, moved_[call.gateway]);
    if (now - idle > kLongest)
      complain(call.device, "is told to wait with " + call.image->file + " for " +
                                std::to_string((now - idle) / 1min) + " min, in which nobody at its site got a byte");
  }
  void sent(const Call& call, bool upload, std::uint64_t bytes) override {
    if (!upload && bytes > 0 && call.kind == Kind::kLanImage) moved_[call.gateway] = scene_.world.now();
  }
  void crashed(Node& node) override {
    moved_[node.name()] = scene_.world.now();
    waits_.erase(node.name());
  }

 private:
  static constexpr Duration kLongest{12 * 60'000};  // two poll intervals, and what lies between them
  std::map<std::string, SteadyTime> waits_;         // by device: since when it gets nothing but "later"
  std::map<std::string, SteadyTime> moved_;         // by gateway: when a device got bytes last
};

// The server answers one gateway for each site: another one only when that one has been silent.
class OneGateway final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "one_gateway"; }
  bool heeds(Who who) const override { return who == Who::kOurs || who == Who::kTwinGateway; }

  void answered(const Call& call, const HttpResponse& response) override {
    if (call.kind != Kind::kPlan && call.kind != Kind::kReports) return;
    if (response.status != 200 && response.status != 304) return;
    judged();
    const SteadyTime now = scene_.world.now();
    Served& last = served_[call.gateway];
    const Node* node = call.x.client.node;
    if (last.node != nullptr && last.node != node && now - last.at < kSilence)
      complain(call.gateway, node->name() + " is answered " + std::to_string((now - last.at) / 1s) + " s after " +
                                 last.node->name() + " was: two gateways of one site");
    last = {node, now};
  }

 private:
  // Ten minutes; what the server has noted of a gateway may be five minutes old where it has lost power since.
  static constexpr Duration kSilence{4 * 60'000};
  struct Served {
    const Node* node = nullptr;
    SteadyTime at;
  };
  std::map<std::string, Served> served_;
};

}  // namespace

std::unique_ptr<Check> make_one_gateway(Scene& scene) { return std::make_unique<OneGateway>(scene); }
std::unique_ptr<Check> make_stays_up(Scene& scene) { return std::make_unique<StaysUp>(scene); }
std::unique_ptr<Check> make_taken(Scene& scene) { return std::make_unique<Taken>(scene); }
std::unique_ptr<Check> make_served(Scene& scene) { return std::make_unique<Served>(scene); }

}  // namespace dray::sim::fleet
