#include "gateway/ddi/sending.h"

#include <algorithm>

namespace dray::gateway::ddi {

class Sending::Body : public Transfer {
 public:
  struct What {
    JobId job;
    DeviceId device;
    ActionId action;
    Sha256 sha;
    std::uint64_t offset = 0;
  };
  Body(std::shared_ptr<Sending*> owner, What what)
      : owner_{std::move(owner)},
        what_{std::move(what)},
        meter_{core::TransferMeter::kSending, (*owner_)->clock_.steady()} {}

  void on_sent(std::uint64_t total) override {
    if (*owner_ == nullptr || total <= sent_) return;
    Sending& owner = **owner_;
    owner.site_.link.lan += total - sent_;
    owner.bucket_.spend(total - sent_);
    sent_ = total;
    measured(meter_.progress(owner.clock_.steady(), total));
    owner.site_.bytes_sent(what_.job, what_.action, what_.sha, what_.offset, what_.offset + total);
  }

  void on_end(Result<> how) override {
    if (*owner_ == nullptr) return;
    Sending& owner = **owner_;
    if (!how && how.error().code() == ErrorCode::kCorrupt) owner.blobs_.doubt(what_.sha);  // the disk failed, not the device
    measured(meter_.end());
    owner.rates_.keep();
    std::erase_if(owner.running_, [this](const auto& entry) {
      const auto body = entry.second.lock();
      return !body || body.get() == this;
    });
    owner.site_.log().debug("body_ended", {{"job", what_.job.value()}, {"bytes", sent_}, {"how", how ? "all sent" : how.error().message()}});
    owner.site_.transfer_ended(what_.job);
  }

  std::uint64_t allowance(SteadyTime now) override {
    if (*owner_ == nullptr || stopped_) return 0;
    const std::uint64_t may = (*owner_)->allowance(now);
    if (may == 0) meter_.hold();
    return may;
  }
  bool stopped() const override { return stopped_; }

  void stop() { stopped_ = true; }
  const JobId& job() const { return what_.job; }

 private:
  void measured(const std::optional<core::RatePiece>& piece) {
    if (piece) (*owner_)->rates_.take(what_.device, *piece);
  }

  std::shared_ptr<Sending*> owner_;
  What what_;
  core::TransferMeter meter_;
  std::uint64_t sent_ = 0;
  bool stopped_ = false;
};

std::shared_ptr<Transfer> Sending::begin(const core::Job& job, const Sha256& sha, std::uint64_t offset) {
  Body::What what{job.terms.id, job.terms.device, job.action, sha, offset};
  auto body = std::make_shared<Body>(alive_, std::move(what));
  running_.emplace(job.action, body);
  site_.transfer_began(job.terms.id);
  return body;
}

void Sending::cut(ActionId action) {
  const auto [begin, end] = running_.equal_range(action);
  for (auto it = begin; it != end; ++it)
    if (const auto body = it->second.lock()) {
      body->stop();
      site_.transfer_cut(body->job());
    }
}

// What the cap of the LAN leaves, shared by the bodies that run: a quick device must not starve the others.
std::uint64_t Sending::allowance(SteadyTime now) {
  bucket_.set_rate(cap_at(site_.plan().plan().limits.lan, site_.now()), now);
  const std::uint64_t may = bucket_.allowance(now);
  if (may == core::TokenBucket::kUnlimited) return may;
  const std::uint64_t bodies = std::max<std::uint64_t>(1, running_.size());
  return (may + bodies - 1) / bodies;
}

}  // namespace dray::gateway::ddi
