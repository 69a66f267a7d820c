#include <algorithm>
#include <deque>
#include <map>

#include "sim/fleet/checks/checks.h"

namespace dray::sim::fleet {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostAnHour = 5;

// A body that ended comes over a WAN once, and again where bytes went bad on one of its sides: a few times, not for ever. Bodies
// that broke off do not count, nor the rest of one that is asked for: what its line swallowed is sent again.
class WanBytes final : public Check {
 public:
  using Check::Check;
  std::string_view name() const override { return "wan_bytes"; }

  void asked(const Call& call, const HttpRequest&) override {
    if (call.kind == Kind::kWanImage) running_.erase(call.x.client.node->name() + " " + call.image->file);
  }
  void answered(const Call& call, const HttpResponse& response) override {
    if (call.kind != Kind::kWanImage || (response.status != 200 && response.status != 206)) return;
    running_[call.x.client.node->name() + " " + call.image->file] = {response.status == 206 ? call.from() : 0, 0};
  }

  void sent(const Call& call, bool upload, std::uint64_t bytes) override {
    if (call.kind != Kind::kWanImage || upload) return;
    const std::string& to = call.x.client.node->name();
    const auto found = running_.find(to + " " + call.image->file);
    if (found == running_.end()) return;  // the text of a refusal
    Running& running = found->second;
    if (running.from > 0) return;
    const std::uint64_t due = call.image->bytes.size() - std::min<std::uint64_t>(running.from, call.image->bytes.size());
    const bool before = running.sent >= due;
    running.sent += bytes;
    if (before || running.sent < due) return;
    judged();
    std::deque<SteadyTime>& whole = whole_[to + " " + call.image->file];
    whole.push_back(scene_.world.now());
    while (scene_.world.now() - whole.front() > 1h) whole.pop_front();
    if (whole.size() > kMostAnHour)
      complain(to, "was sent all of " + call.image->file + " " + std::to_string(whole.size()) + " times within an hour");
  }

 private:
  struct Running {
    std::uint64_t from = 0, sent = 0;
  };
  std::map<std::string, Running> running_;  // client and file
  std::map<std::string, std::deque<SteadyTime>> whole_;
};

}  // namespace

std::unique_ptr<Check> make_wan_bytes(Scene& scene) { return std::make_unique<WanBytes>(scene); }

}  // namespace dray::sim::fleet
