#include <algorithm>
#include <deque>

#include "sim/fleet/checks/checks.h"

namespace dray::sim::fleet {
namespace {

// How much of each image is safe and recorded on one machine, by the write points of its disk. What is safe
// counts as recorded when the record's file was synced so often that the record must have been in it: a commit
// that was on its way already, and a checkpoint, may come between. What began since the power came on needs no record;
// what was there before may end in bytes that nobody has vouched for.
class Kept {
 public:
  explicit Kept(int syncs) : syncs_{syncs} {}

  void safe(std::uint64_t bytes) {
    if (!older_) held_ = bytes;
    if (!waiting_.empty() && waiting_.back().bytes == bytes) return;
    waiting_.push_back({bytes, syncs_});
  }
  void gone() {
    waiting_.clear();
    recorded_ = held_ = 0;
    older_ = false;
  }
  void synced() {
    for (auto& one : waiting_) --one.left;
    while (!waiting_.empty() && waiting_.front().left <= 0) {
      recorded_ = waiting_.front().bytes;
      waiting_.pop_front();
    }
  }
  void crashed() {
    waiting_.clear();
    held_ = 0;
    older_ = true;
  }
  std::uint64_t known() const { return std::max(recorded_, held_); }

 private:
  struct Waiting {
    std::uint64_t bytes = 0;
    int left = 0;
  };
  int syncs_;
  std::uint64_t recorded_ = 0;
  std::uint64_t held_ = 0;  // safe, and begun since the power came on
  bool older_ = false;      // begun before
  std::deque<Waiting> waiting_;
};

// No byte of an image crosses a line that is safe and recorded on its other side, and none that is safe is given up for an
// answer that is not its image, so that it would have to cross again.
class Once : public Check {
 public:
  using Check::Check;

  void asked(const Call& call, const HttpRequest& request) override {
    if (call.kind != kind() || request.method != Method::kGet || call.x.was_late || call.x.echo) return;
    judged();
    const std::string& to = call.x.client.node->name();
    const auto& kept = kept_[to];
    const auto found = kept.find(call.image->sha256.hex());
    if (found == kept.end() || call.from() >= found->second.known()) return;
    complain(to, "asks for " + call.image->file + " from byte " + std::to_string(call.from()) + ", of which " +
                     std::to_string(found->second.known()) + " are safe here");
  }

  void wrote(Node& node, const std::string& op) override {
    if (!is_ours(node.name())) return;
    if (op == record_op()) {
      for (auto& [sha, kept] : kept_[node.name()]) kept.synced();
      return;
    }
    const std::string sha = sha_in(op);
    if (sha.empty()) return;
    const auto [at, fresh] = kept_[node.name()].try_emplace(sha, syncs());
    if (op.starts_with("sync ")) {
      at->second.safe(node.disk().whole_bytes(op.substr(5)));
    } else if (op.starts_with("unlink ") || op.starts_with("truncate ")) {
      if (op.starts_with("truncate ") && at->second.known() > 0)
        complain(node.name(), "gives up " + std::to_string(at->second.known()) + " safe bytes: " + op);
      at->second.gone();
    }
  }

  void crashed(Node& node) override {
    for (auto& [sha, kept] : kept_[node.name()]) kept.crashed();
  }
  void restored(Node& node) override { kept_.erase(node.name()); }

 protected:
  virtual Kind kind() const = 0;
  virtual bool is_ours(const std::string& node) const = 0;
  virtual std::string_view record_op() const = 0;
  virtual int syncs() const = 0;

 private:
  // Of "sync incoming/<sha>.part", "unlink blobs/<sha>", "sync spool/<sha>.part".
  static std::string sha_in(const std::string& op) {
    for (const std::string_view folder : {" incoming/", " blobs/", " spool/"}) {
      const auto at = op.find(folder);
      if (at != std::string::npos) return op.substr(at + folder.size(), 64);
    }
    return {};
  }

  std::map<std::string, std::map<std::string, Kept>> kept_;  // node -> SHA-256
};

class WanOnce final : public Once {
 public:
  using Once::Once;
  std::string_view name() const override { return "wan_once"; }

 protected:
  Kind kind() const override { return Kind::kWanImage; }
  bool is_ours(const std::string& node) const override { return scene_.told_time.contains(node); }
  std::string_view record_op() const override { return "sync gateway.db-wal"; }
  int syncs() const override { return 4; }
};

class LanOnce final : public Once {
 public:
  using Once::Once;
  std::string_view name() const override { return "lan_once"; }

 protected:
  Kind kind() const override { return Kind::kLanImage; }
  bool is_ours(const std::string& node) const override { return scene_.catalog.devices().contains(node); }
  std::string_view record_op() const override { return "rename state.json.new state.json"; }
  int syncs() const override { return 2; }
};

}  // namespace

std::unique_ptr<Check> make_wan_once(Scene& scene) { return std::make_unique<WanOnce>(scene); }
std::unique_ptr<Check> make_lan_once(Scene& scene) { return std::make_unique<LanOnce>(scene); }

}  // namespace dray::sim::fleet
