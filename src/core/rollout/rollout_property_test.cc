// Thousands of random histories of one rollout: a fleet that does anything, and operators who ask for
// anything.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "core/rollout/rollout.h"
#include "core/rollout/split.h"

namespace dray::core {
namespace {

struct Member {
  std::size_t phase = 0;
  JobState state = JobState::kScheduled;
  std::int64_t attempt = 1;
};

// RC_ASSERT takes expressions apart, and its || and && do not stop early: such conditions stand in
// parentheses.
class AnyHistory {
 public:
  explicit AnyHistory(std::uint32_t seed) {
    std::vector<PhaseTerms> phases;
    const std::size_t n = 1 + seed % 4;
    for (std::size_t i = 0; i < n; ++i) {
      PhaseTerms p;
      const std::uint32_t bits = seed >> (4 + 5 * i);
      if ((bits & 1U) != 0) p.success = Percent{6000};
      if ((bits & 2U) != 0)
        p.failure = (bits & 4U) != 0 ? Threshold{DeviceCount{2}} : Threshold{Percent{2000}};
      if ((bits & 9U) == 9U) p.on_failure = OnFailure::kAbort;
      if ((bits & 16U) != 0) p.soak = std::chrono::seconds{300};
      if ((bits & 12U) == 12U) p.approval = true;
      phases.push_back(p);
    }
    for (std::size_t i = 0; i < 8 * n; ++i) devices_.push_back({i % n, JobState::kScheduled, 1});
    RolloutTerms terms{Delivery::kPull, {}, at_, at_ + std::chrono::hours{24}};
    if ((seed & 0x80000000U) != 0) {
      terms.delivery = Delivery::kPush;
      terms.transmit_at = at_ + std::chrono::minutes{10};
    }
    take(make_rollout(terms, phases, at_));
  }

  void play(std::uint32_t n) {
    at_ += std::chrono::seconds{(n >> 8) % 97};
    Member& d = devices_[(n >> 16) % devices_.size()];
    switch (n % 24) {
      case 0:
        return apply(PauseAsked{"ines", ""});
      case 1:
      case 2:
        return resume();
      case 3:
        return apply(ApproveAsked{"kim", "", {}});
      case 4:
        return n % 97 == 0 ? apply(AbortAsked{"ines", ""}) : apply(TimePassed{});
      case 5:
        return retry(n);
      case 6:
        return join();
      case 7:
        return n % 5 == 0 ? cancel(d) : apply(TimePassed{});
      case 8:
        at_ += std::chrono::minutes{n % 120};
        return apply(TimePassed{});
      default:
        return device_acts(d, n >> 5);
    }
  }

  int pauses_by_failure = 0, later_releases = 0, crossings = 0, ends = 0;

 private:
  std::vector<PhaseCounts> counts() const {
    std::vector<PhaseCounts> out(rollout_.phases.size());
    for (const Member& d : devices_) out[d.phase].add(d.state, is_tried_again(d.state, d.attempt), 1);
    return out;
  }

  // As plans make it: nobody begins outside of a released phase, while held, or before the transmission.
  bool may_start(const Member& d) const {
    return in_plan_[d.phase] && !held_ && !over_by_cancel_ &&
           (rollout_.terms.delivery == Delivery::kPull || transmitted_);
  }

  void device_acts(Member& d, std::uint32_t n) {
    if (is_final(d.state)) return apply(JobsChanged{true});
    if (is_waiting(d.state) && !may_start(d)) return apply(TimePassed{});
    if (is_waiting(d.state)) {
      // "A paused or aborted rollout starts no new device", and a phase that was not released starts none.
      RC_ASSERT(!is_paused(rollout_));
      RC_ASSERT(!std::holds_alternative<RolloutAborted>(rollout_.state));
      RC_ASSERT(d.phase < rollout_.released);
      d.state = JobState::kDownloading;
    } else if (n % 3 == 0) {
      d.state = JobState::kSucceeded;
    } else if (n % 11 == 0) {
      d.state = JobState::kFailed;
    } else if (n % 7 == 0) {
      ++d.attempt;
      d.state = JobState::kScheduled;
    }
    apply(JobsChanged{true});
  }

  void cancel(Member& d) {
    if (!is_final(d.state)) d.state = JobState::kCancelled;
    apply(JobsChanged{false});
  }
  void join() {
    if (is_over(rollout_) || devices_.size() > 60) return;
    const auto before = devices_;
    devices_.push_back({rollout_.phases.size() - 1, JobState::kScheduled, 1});
    for (std::size_t i = 0; i < before.size(); ++i) RC_ASSERT(before[i].phase == devices_[i].phase);
    apply(JobsChanged{false});
  }
  void retry(std::uint32_t n) {
    const bool longer = n % 4 == 0;
    apply(RetryAsked{"ines", "", longer ? std::optional{at_ + std::chrono::hours{2}} : std::nullopt});
  }
  void resume() { apply(ResumeAsked{"ines", ""}); }

  void apply(const RolloutEvent& event) {
    const auto now = counts();
    const RolloutGiven given{at_, now};
    const bool refused = refusal(rollout_, event, given).has_value();
    const Rollout before = rollout_;
    const RolloutStep step = advance(rollout_, event, given);
    if (refused && event.index() >= 2 && at_ < before.terms.expires_at)
      RC_ASSERT(advance(before, TimePassed{}, given).next == step.next);
    RC_ASSERT(step.next.released >= before.released);
    RC_ASSERT(step.next.released <= step.next.phases.size());
    // A phase begins only with what it waits for.
    for (std::size_t i = std::max<std::size_t>(before.released, 1); i < step.next.released; ++i) {
      const Judgement j = judge_phase(step.next, i - 1, now[i - 1]);
      RC_ASSERT((j.reached || before.phases[i - 1].reached_at.has_value()));
      RC_ASSERT(step.next.phases[i - 1].reached_at.has_value());
      RC_ASSERT(at_ >= *step.next.phases[i - 1].reached_at + step.next.phases[i - 1].terms.soak);
      RC_ASSERT(step.next.phases[i].terms.approval == step.next.phases[i].approved.has_value());
    }
    take(step);
    // No threshold is crossed silently: where one is, the rollout stands still, or is over.
    if (!is_over(rollout_)) {
      const auto after = counts();
      for (std::size_t i = 0; i < rollout_.released; ++i)
        if (judge_phase(rollout_, i, after[i]).stopped) {
          ++crossings;
          const auto* paused = std::get_if<RolloutPaused>(&rollout_.state);
          RC_ASSERT(paused != nullptr);
          RC_ASSERT((paused->cause == PauseCause::kFailures));
        }
      RC_ASSERT(held_ == is_paused(rollout_));
      const auto wake = wake_at(rollout_);
      RC_ASSERT(wake.has_value());
      RC_ASSERT(*wake > at_);
    }
    RC_ASSERT((before.state.index() != 7 || rollout_ == before));  // aborted is final
  }

  void take(const RolloutStep& step) {
    rollout_ = step.next;
    in_plan_.resize(rollout_.phases.size());
    for (const auto& action : step.actions) {
      if (const auto* release = std::get_if<ReleasePhase>(&action)) {
        RC_ASSERT(!in_plan_[release->phase]);
        in_plan_[release->phase] = true;
        later_releases += release->phase > 0 ? 1 : 0;
      }
      if (std::holds_alternative<Transmit>(action)) transmitted_ = true;
      if (std::holds_alternative<HoldJobs>(action)) held_ = true;
      if (std::holds_alternative<FreeJobs>(action)) held_ = false;
      for (Member& d : devices_) {
        const bool failed = is_failure(d.state);
        if (std::holds_alternative<CancelJobs>(action) && !is_final(d.state) && !in_plan_[d.phase])
          d.state = JobState::kCancelled;
        if (std::holds_alternative<ExpireWaiting>(action) && !is_final(d.state) && !in_plan_[d.phase])
          d.state = JobState::kExpired;
        if (std::holds_alternative<RetryJobs>(action) && failed) d = {d.phase, JobState::kScheduled, 1};
      }
      if (std::holds_alternative<CancelJobs>(action)) over_by_cancel_ = true;
    }
    for (const auto& n : step.notes) {
      pauses_by_failure += n.what == "paused" && n.phase ? 1 : 0;
      ends += n.what == "finished" ? 1 : 0;
    }
  }

  WallTime at_{std::chrono::sys_days{std::chrono::year{2026} / 11 / 24}};
  std::vector<Member> devices_;
  Rollout rollout_;
  std::vector<bool> in_plan_;
  bool held_ = false, transmitted_ = false, over_by_cancel_ = false;
};

TEST(RolloutProperties, HoldInAnyHistory) {
  int pauses = 0, later_releases = 0, crossings = 0, finished = 0;
  rc::check([&] {
    const auto any = rc::gen::resize(rc::kNominalSize, rc::gen::arbitrary<std::uint32_t>());
    AnyHistory history{*any};
    const auto events = *rc::gen::container<std::vector<std::uint32_t>>(400, any);
    for (const std::uint32_t n : events) history.play(n);
    pauses += history.pauses_by_failure;
    later_releases += history.later_releases;
    crossings += history.crossings;
    finished += history.ends;
  });
  // The histories are no idle ones.
  EXPECT_GT(pauses, 20);
  EXPECT_GT(later_releases, 5);
  EXPECT_GT(crossings, 20);
  EXPECT_GT(finished, 2);
}

}  // namespace
}  // namespace dray::core
