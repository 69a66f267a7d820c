#include "gateway/ddi/sending.h"

#include <algorithm>

namespace dray::gateway::ddi {

class Sending::Body : public Transfer {
 public:
  Body(std::shared_ptr<Sending*> owner, JobId job, ActionId action, Sha256 sha, std::uint64_t offset)
      : owner_{std::move(owner)}, job_{std::move(job)}, action_{action}, sha_{std::move(sha)}, offset_{offset} {}

  void on_sent(std::uint64_t total) override {
    if (*owner_ == nullptr || total <= sent_) return;
    Sending& owner = **owner_;
    owner.site_.link.lan += total - sent_;
    owner.level_ -= static_cast<double>(total - sent_);
    sent_ = total;
    owner.site_.bytes_sent(job_, action_, sha_, offset_, offset_ + total);
  }

  void on_end(Result<> how) override {
    if (*owner_ == nullptr) return;
    Sending& owner = **owner_;
    std::erase_if(owner.running_, [this](const auto& entry) {
      const auto body = entry.second.lock();
      return !body || body.get() == this;
    });
    owner.site_.log().debug("body_ended", {{"job", job_.value()}, {"bytes", sent_}, {"how", how ? "all sent" : how.error().message()}});
    if (owner.site_.slots().end(job_, owner.clock_.steady())) {
      owner.site_.slots().release(job_);
      owner.site_.slot_freed();
    }
  }

  std::uint64_t allowance(SteadyTime now) override {
    return *owner_ == nullptr || stopped_ ? 0 : (*owner_)->allowance(now);
  }
  bool stopped() const override { return stopped_; }

  void stop() { stopped_ = true; }
  const JobId& job() const { return job_; }

 private:
  std::shared_ptr<Sending*> owner_;
  JobId job_;
  ActionId action_;
  Sha256 sha_;
  std::uint64_t offset_ = 0, sent_ = 0;
  bool stopped_ = false;
};

std::shared_ptr<Transfer> Sending::begin(const JobId& job, ActionId action, const Sha256& sha, std::uint64_t offset) {
  auto body = std::make_shared<Body>(alive_, job, action, sha, offset);
  running_.emplace(action, body);
  site_.transfer_began(job);
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

// A token bucket over all bodies; a fifth of a second of burst.
std::uint64_t Sending::allowance(SteadyTime now) {
  std::uint64_t cap = 0;
  const WallTime wall = site_.now();
  for (const auto& limit : site_.plan().plan().limits.lan)
    if (limit.from <= wall && wall < limit.to && limit.rate > 0) cap = cap == 0 ? limit.rate : std::min(cap, limit.rate);
  if (cap == 0) return UINT64_MAX;
  const double rate = static_cast<double>(cap);
  level_ = std::min(rate / 5, level_ + static_cast<double>((now - filled_).count()) / 1000 * rate);
  filled_ = now;
  return level_ <= 0 ? 0 : static_cast<std::uint64_t>(level_);
}

}  // namespace dray::gateway::ddi
