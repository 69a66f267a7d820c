// Thousands of random histories of one job, sensible or not: what must hold after every event.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <set>

#include "core/rollout/result.h"
#include "core/update/job_samples.h"

namespace dray::core {
namespace {

using namespace samples;

// A world that does anything to the job, and checks it.
//
// RC_ASSERT takes expressions apart, and its || and && do not stop early: such conditions stand in
// parentheses.
class World {
 public:
  World(std::uint32_t seed, std::map<std::string_view, int>& visits)
      : visits_{visits}, job_{make_job(some_terms(seed), {})} {}

  void play(std::uint32_t n) {
    change_given(n >> 5);
    if (is_final(job_) && !action_is_open(job_) && n % 3 == 0) begin_again(n);
    apply(some_event(n & 31U, n >> 5));
  }

 private:
  static JobTerms some_terms(std::uint32_t n) {
    JobTerms t = (n & 1U) != 0 ? terms() : foreign_terms();
    if ((n & 2U) != 0) t.steps = {{image()}, {app()}};
    if ((n & 4U) != 0) t.retry.limit = 2;
    if ((n & 8U) != 0) t.ends_on = t.ends_on == EndsOn::kClosed ? EndsOn::kPowerOn : EndsOn::kClosed;
    if ((n & 16U) != 0) t.delivery = Delivery::kPush;
    if ((n & 32U) != 0) t.update = {{at(0), at(60)}, {at(120), at(180)}, {at(300), at(600)}};
    if ((n & 64U) != 0) t.expires_at = at(100);
    if (n % 5 == 0) t.closes_early = true;
    if (n % 7 == 0) t.bytes_from = BytesFrom::kElsewhere;
    return t;
  }

  void change_given(std::uint32_t n) {
    const int steps[] = {0, 0, 1, 0, 7, 0, 60, 601, 2000};
    given_.now += std::chrono::seconds{steps[n % std::size(steps)]};
    given_.clock_known = n / 9 % 16 != 0;
    given_.stored = n / 144 % 8 != 0;
    given_.turn = n / 1152 % 8 != 0;
    given_.link = n / 9216 % 4 != 0;
    if (n / 9216 % 8 == 0) given_.line = Line{n % 4, 3, n % 3, n % 5};
    else given_.line.reset();
    const std::uint32_t who = n / 589'824 % 8;
    given_.doubt = who == 1 ? Doubt::kTwoGateways : who == 2 ? Doubt::kTwoAgents : Doubt::kNone;
    given_.other_type.reset();
    if (n / 4'718'592 % 8 == 1) given_.other_type = OtherType{"scale-s2", "till-t3"};
    given_.sent = n % 11 == 0 ? BytesSent::kNone : n % 11 == 1 ? BytesSent::kUnknown : BytesSent::kSome;
    if (n % 13 == 0) given_.seen_at = given_.now;
    if (n % 17 == 0) given_.up_since = given_.now;
    given_.jitter = static_cast<double>(n % 101) / 101.0;
    given_.next_action = n / 36864 % 16 != 0 ? ActionId{next_id_} : ActionId{};
  }

  JobEvent some_event(std::uint32_t kind, std::uint32_t n) {
    const std::optional<WallTime> until =
        n % 3 == 0 ? std::nullopt : std::optional{given_.now + std::chrono::minutes{n % 90}};
    switch (kind) {
      case 0:
      case 1:
        return Answered{n % 16 == 0 ? AnswerKind::kDenied : AnswerKind::kReady, {}, "", ""};
      case 2:
        return Answered{AnswerKind::kBusy, until, "", "in use"};
      case 3:
        return Answered{AnswerKind::kDefer, until, "kim", "later"};
      case 4:
        return n % 4 == 0 ? Answered{AnswerKind::kRefuse, {}, "", "no"}
                          : Answered{AnswerKind::kReady, {}, "", ""};
      case 5:
        return n % 8 == 0 ? JobEvent{Answered{AnswerKind::kCancelled, {}, "kim", ""}} : JobEvent{Tick{}};
      case 6:
      case 7:
        return FirstByte{};
      case 8:
        return AllSent{};
      case 9:
        return Feedback{FeedbackKind::kProceeding, "", false, {}};
      case 10:
        return Feedback{FeedbackKind::kDownloaded, "", false, {}};
      case 11:
        return Feedback{FeedbackKind::kSwitching, "", false, {}};
      case 12:
        return Feedback{FeedbackKind::kClosedSuccess, "", false, {}};
      case 13:
      case 14:
        return Feedback{FeedbackKind::kClosedFailure, "broken", n % 2 == 0, {}};
      case 15:
        return Feedback{FeedbackKind::kClosedFailure, "", false,
                        Answered{AnswerKind{static_cast<int>(n % 5)}, until, "", ""}};
      case 16:
        return power_on(n, "26.10");
      case 17:
        return n % 4 == 0 ? power_on(n, "26.11") : power_on(n, "26.10");
      case 18:
        return CancelFeedback{n % 2 == 0};
      case 19:
        return n % 4 == 0 ? JobEvent{CancelAsked{"c" + std::to_string(n % 7), "ines", ""}} : JobEvent{Tick{}};
      case 20:
        return DeferralsChanged{until};
      case 21:
        return newer_terms(n);
      case 22:
        return n % 8 == 0 ? JobEvent{GoneFromPlan{}} : JobEvent{Tick{}};
      case 23:
        return ArtifactLost{};
      case 24:
        return n % 8 == 0 ? JobEvent{Superseded{"r13"}} : JobEvent{Tick{}};
      case 25:
      case 26:
        return FirstByte{};
      case 27:
        return CancelAsked{"c" + std::to_string(n % 7), "ines", ""};
      case 28:
        return Feedback{FeedbackKind::kClosedSuccess, "", false, {}};
      case 29:
        return Echo{job_.past.empty() ? ActionId{n} : job_.past[n % job_.past.size()].id, "panic " + std::to_string(n % 3)};
      default:
        return Tick{};
    }
  }

  JobEvent power_on(std::uint32_t n, const std::string& os) {
    given_.running = runs(os, n % 2 == 0 ? "7" : "6");
    given_.boot_id = "boot-" + std::to_string(n % 5);
    return PowerOn{given_.boot_id, given_.running};
  }

  JobEvent newer_terms(std::uint32_t n) const {
    JobTerms t = wanted_terms(job_);
    if (n % 3 == 0) t.planned_at = given_.now + std::chrono::minutes{static_cast<int>(n % 200) - 100};
    if (n % 5 == 0) t.expires_at = given_.now + std::chrono::minutes{static_cast<int>(n % 400) - 20};
    if (n % 7 == 0) t.steps = {{n % 2 == 0 ? image() : other_image()}};
    if (n % 11 == 0) t.fetch = Fetch::kNow;
    if (n % 13 == 0) {  // paused, as a server says it; and resumed
      t.held = Held{"paused", "The rollout is paused."};
      t.planned_at = t.expires_at;
    } else if (n % 13 < 6) {
      t.held.reset();
    }
    if (n % 64 == 0) t.incompatible = "nothing fits";
    return NewTerms{t};
  }

  void begin_again(std::uint32_t n) {
    JobTerms t = some_terms(n >> 7);
    t.expires_at += given_.now - at(0);
    if (n % 2 == 0) t.update.clear();
    job_ = make_job(t, {});
    given_.running = runs("26.10", "6");
  }

  void apply(const JobEvent& event) {
    const JobStep step = advance(job_, event, given_);
    check_result(event, step);
    check_action(step);
    check_attempt(event, step.next);
    if (step.next.action != job_.action && step.next.action == given_.next_action) given_.next_action = {};
    job_ = step.next;
    ++visits_[phase_name(job_.phase)];
    for (const JobAction& action : step.actions)
      if (std::get_if<Forget>(&action) != nullptr) {
        RC_ASSERT((is_final(job_) || !has_started(job_)));
        job_ = make_job(job_.terms, {});  // the plan brings it again
        given_.next_action = {};
        job_ = advance(job_, Tick{}, given_).next;
      }
    check_offer();
    check_wake();
  }

  void check_result(const JobEvent& event, const JobStep& step) const {
    const Job& next = step.next;
    if (is_final(job_)) RC_ASSERT(next.phase.index() == job_.phase.index());
    const bool adds_words = std::get_if<CancelAsked>(&event) != nullptr || std::get_if<Echo>(&event) != nullptr;
    if (is_final(job_) && !adds_words && !action_is_open(job_)) RC_ASSERT(next == job_);
    check_told(next);
    RC_ASSERT((is_final(next) || next.step < next.terms.steps.size()));
    RC_ASSERT((is_final(next) || given_.now < next.terms.expires_at || has_started(next)));
    if (given_.now >= next.terms.expires_at) {
      const auto* installing = std::get_if<Installing>(&next.phase);
      RC_ASSERT(std::get_if<Transmitting>(&next.phase) == nullptr);
      RC_ASSERT((installing == nullptr || installing->switching()));
    }
    RC_ASSERT(next.past.size() <= kMostPastActions);
    if (!is_final(next) && !has_started(next))
      RC_ASSERT(next.update_at >= next.deferred_until.value_or(WallTime::min()));
    // By a word alone nothing ends well that is not said to stand on it.
    const bool ended_well = std::holds_alternative<Succeeded>(next.phase) && !is_final(job_);
    const auto shown = [&](const StepArtifact& a) {
      const auto known = given_.running.find(a.component);
      return known != given_.running.end() && known->second.version == a.version;
    };
    const auto& steps = job_.terms.steps;
    const bool some_shown = job_.step < steps.size() && std::any_of(steps[job_.step].begin(), steps[job_.step].end(), shown);
    const bool by_word = std::get_if<Feedback>(&event) != nullptr && next.terms.bytes_from == BytesFrom::kGateway &&
                         given_.sent != BytesSent::kSome && !some_shown;
    if (ended_well && by_word) RC_ASSERT((given_.sent == BytesSent::kUnknown && next.unproven));
    if (!is_final(next)) RC_ASSERT((!next.stop_after || has_started(next)));
  }

  // What went wrong is not forgotten before its step has ended well, or the plan means other steps.
  void check_told(const Job& next) const {
    if (is_final(job_)) RC_ASSERT(describe(next, given_).state == describe(job_, given_).state);
    const bool same_step = next.step == job_.step && next.terms.steps == job_.terms.steps && !std::holds_alternative<Succeeded>(next.phase) &&
                           !std::holds_alternative<Incompatible>(next.phase);
    if (job_.failed && same_step) RC_ASSERT(next.failed.has_value());
    const PublicState said = describe(next, given_);
    const bool says_itself = std::holds_alternative<Failed>(next.phase) || std::holds_alternative<Succeeded>(next.phase) ||
                             std::holds_alternative<Incompatible>(next.phase);
    if (next.failed && !says_itself) RC_ASSERT(said.cause.has_value());
    // What has begun a device ends, whatever its rollout's times say: only deferrals hold it, and what holds everybody.
    if (next.begun_at && !is_final(next) && !has_started(next) && std::get_if<Deferred>(&next.phase) == nullptr)
      RC_ASSERT(next.update_at <= std::max(*next.begun_at, std::max(next.deferred_until.value_or(WallTime::min()), job_.update_at)));
  }

  // One action at a time, never one that was there before, and none is lost.
  void check_action(const JobStep& step) {
    const Job& next = step.next;
    if (next.action == job_.action) return;
    if (!next.action.empty()) {
      RC_ASSERT(next.action == given_.next_action);
      RC_ASSERT(seen_.insert(next.action).second);
      ++next_id_;
    }
    if (!job_.action.empty()) RC_ASSERT(past_action(next, job_.action) != nullptr);
  }

  void check_attempt(const JobEvent& event, const Job& next) const {
    if (next.attempt <= job_.attempt || next.step != job_.step) return;
    const auto* feedback = std::get_if<Feedback>(&event);
    const auto* answered = std::get_if<Answered>(&event);
    const bool restarting = std::get_if<Restarting>(&job_.phase) != nullptr;
    const auto* installing = std::get_if<Installing>(&job_.phase);
    const bool switched = restarting || (installing != nullptr && installing->switching());
    const bool refused =
        (answered != nullptr && answered->kind == AnswerKind::kRefuse) ||
        (feedback != nullptr && feedback->answer && feedback->answer->kind == AnswerKind::kRefuse);
    const bool reported =
        feedback != nullptr && feedback->kind == FeedbackKind::kClosedFailure && !feedback->cut_by_us;
    // A client that does not say when it switches over: the second start of the attempt that brought another version.
    const bool started_old = installing != nullptr && installing->started_old && job_.terms.ask == Ask::kPoll;
    const bool rolled_back = (switched || started_old) && std::get_if<PowerOn>(&event) != nullptr;
    const bool timed_out = restarting;  // any event lets time pass
    const bool without_bytes = feedback != nullptr && feedback->kind == FeedbackKind::kClosedSuccess &&
                               given_.sent == BytesSent::kNone && next.terms.bytes_from == BytesFrom::kGateway;
    RC_ASSERT((refused || reported || rolled_back || timed_out || without_bytes));
    RC_ASSERT(next.attempt == job_.attempt + 1);
    RC_ASSERT((!next.terms.retry.limit || next.attempt <= *next.terms.retry.limit));
  }

  void check_offer() const {
    const Offer shown = offer(job_, given_);
    const bool open = shown == Offer::kConfirmation || shown == Offer::kDeployment;
    if (open && !has_started(job_)) {
      // A device that said no more than "no" is still shown the question, but never before operators permit it.
      const auto* deferred = std::get_if<Deferred>(&job_.phase);
      const bool asking = deferred != nullptr && deferred->asking && shown == Offer::kConfirmation;
      const WallTime planned = job_.begun_at ? std::min(job_.terms.planned_at, *job_.begun_at) : job_.terms.planned_at;
      const WallTime operators = std::max(planned, job_.deferred_until.value_or(WallTime::min()));
      RC_ASSERT((given_.now >= (asking ? operators : job_.update_at) && given_.now < job_.terms.expires_at));
      RC_ASSERT(permits(job_.terms.update, given_.now));
      RC_ASSERT((given_.clock_known && given_.stored && given_.turn));
    }
    if (shown != Offer::kNothing) RC_ASSERT(action_is_open(job_));
    if (given_.other_type) {  // it gets nothing, and is asked nothing; what it has all of ends
      RC_ASSERT((!open || std::get_if<Installing>(&job_.phase) != nullptr));
      RC_ASSERT((!may_download(job_, given_) && !wants_status(job_, given_) && !wants_link(job_, given_)));
    }
    if (shown == Offer::kConfirmation) RC_ASSERT(job_.terms.ask == Ask::kConfirmation);
    if (may_download(job_, given_)) {
      RC_ASSERT((given_.stored && permits(job_.terms.update, given_.now) && action_is_open(job_)));
      RC_ASSERT(wants_bytes(job_, given_.now));
    }
  }

  // Nothing changes by time alone before wake_at, and there the timer moves on: neither late nor a busy loop.
  void check_wake() const {
    RC_ASSERT(advance(job_, Tick{}, given_).next == job_);
    const auto wake = wake_at(job_, given_);
    RC_ASSERT((!wake || *wake > given_.now));
    Given later = given_;
    later.now = wake ? *wake - Duration{1} : given_.now + std::chrono::hours{24 * 365};
    RC_ASSERT(advance(job_, Tick{}, later).next == job_);
    RC_ASSERT(offer(job_, later) == offer(job_, given_));
    RC_ASSERT(describe(job_, given_).state < JobState::kUnknown);  // a server takes no other
    RC_ASSERT(describe(job_, later).reason == describe(job_, given_).reason);
    if (!wake) return;
    later.now = *wake;
    const Job next = advance(job_, Tick{}, later).next;
    const auto after = wake_at(next, later);
    RC_ASSERT((next == job_ || !after || *after > later.now));
  }

  std::map<std::string_view, int>& visits_;
  Job job_;
  Given given_ = given(at(0));
  std::int64_t next_id_ = 2000;
  std::set<ActionId> seen_;
};

class Silent : public rc::detail::TestListener {
  void onTestCaseFinished(const rc::detail::CaseDescription&) override {}
  void onShrinkTried(const rc::detail::CaseDescription&, bool) override {}
  void onTestFinished(const rc::detail::TestMetadata&, const rc::detail::TestResult&) override {}
};

TEST(JobProperty, HoldsInThousandsOfRandomHistories) {
  rc::detail::TestParams params;
  params.seed = 26;  // the same histories in every run
  params.maxSuccess = 4000;
  params.maxSize = 120;
  Silent silent;
  std::map<std::string_view, int> visits;
  const auto history = [&visits] {
    const auto seed = *rc::gen::inRange<std::uint32_t>(0, 128);
    const auto plays =
        *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange<std::uint32_t>(0, 1U << 31U));
    World world{seed, visits};
    for (const std::uint32_t n : plays) world.play(n);
  };
  const auto result = rc::detail::checkTestable(history, rc::detail::TestMetadata{}, params, silent);
  std::ostringstream said;
  rc::detail::printResultMessage(result, said);
  EXPECT_TRUE(result.is<rc::detail::SuccessResult>()) << said.str();
  EXPECT_EQ(visits.size(), std::variant_size_v<JobPhase>) << "phases that no history reached";
  for (const auto& [phase, times] : visits) EXPECT_GT(times, 100) << phase;
}

}  // namespace
}  // namespace dray::core
