// With the server: tell what is due, look at what it shows, wait.
#include <algorithm>
#include <bit>

#include "agent/session.h"
#include "base/mutant.h"
#include "base/text.h"
#include "wire/json.h"
#include "wire/limits.h"

namespace dray::agent {

namespace at = core::attempt;
namespace client = wire::client;

namespace {

constexpr Duration kQuick{500};  // an answer sooner than this was not held
constexpr int kMostQuick = 5;    // in a row: the server does not hold, or its answer changes without end

bool nobody_cares(const Result<>& sent) {  // the action is gone: saying it again changes nothing
  return !sent && (sent.error().code() == ErrorCode::kNotFound || sent.error().code() == ErrorCode::kConflict);
}
bool is_refused(const Result<>& sent) { return !sent && sent.error().code() == ErrorCode::kInvalid; }

std::string progress_key(const at::Attempt& attempt) {
  return std::to_string(at::action_of(attempt).value()) + " " + std::string{at::phase_name(attempt.phase)};
}

bool is_told(const at::Attempt& attempt) {  // phases that the server hears about while they last
  return std::holds_alternative<at::Downloading>(attempt.phase) ||
         std::holds_alternative<at::Verifying>(attempt.phase) ||
         std::holds_alternative<at::VerifyingBoot>(attempt.phase);
}

// What runs now may be left again at once. A gateway takes the power-on report of the new version as the
// normal end of the update, and that end is final: so it is told behind the verdict.
bool awaits_verdict(const at::Attempt& attempt) {
  return std::holds_alternative<at::VerifyingBoot>(attempt.phase) ||
         std::holds_alternative<at::Reverting>(attempt.phase);
}

}  // namespace

std::map<std::string, std::string> Agent::Session::power_on_report() {
  std::map<std::string, std::string> out;
  out["dray.boot_id"] = parts_.boot_id;
  out["dray.probes"] = "1";  // a gateway of ours may show us drayProbe
  for (const auto& [component, runs] : running_) {
    out["dray.version." + component] = runs.version;
    if (!runs.sha256.empty()) out["dray.sha256." + component] = runs.sha256;
  }
  // Its owner's words come last: a gateway takes so many and no more.
  std::vector<std::string> left_out;
  const std::string type{core::kSaidType};
  if (const auto own = settings_.attributes.find(type); own != settings_.attributes.end()) out.insert(*own);
  for (const auto& [key, value] : settings_.attributes) {
    if (out.contains(key)) continue;
    if (out.size() < wire::kMostAttributes)
      out.emplace(key, value);
    else
      left_out.push_back(key);
  }
  if (!left_out.empty() && lines_.may_say("attributes_left_out", ""))
    parts_.log.warn("attributes_left_out",
                    {{"count", left_out.size()}, {"first", clean_text(left_out.front(), wire::kLongestTitle)}, {"most", wire::kMostAttributes}});
  return out;
}

bool Agent::Session::power_on_waits() const {
  return !power_on_told_ && !awaits_verdict(attempt()) && parts_.clock.steady() < power_on_next_;
}
bool Agent::Session::power_on_due() const {
  return !power_on_told_ && !awaits_verdict(attempt()) && parts_.clock.steady() >= power_on_next_;
}

bool Agent::Session::due() const {
  return power_on_due() || at::due_report(attempt()) ||
         (is_told(attempt()) && told_phase_ != progress_key(attempt()));
}

Task<> Agent::Session::talk(Stop& stop) {
  co_await pause(Duration{static_cast<Duration::rep>(random_unit(parts_.random) *
                                                     static_cast<double>(settings_.start_jitter.count()))},
                 stop);
  while (!stop.requested()) {
    if (!DRAY_MUTANT("agent_spins")) co_await talk_brake_.turn(stop);
    if (stop.requested()) break;
    const auto changes = talk_changed_.generation();
    const bool told = co_await tell(stop);
    const SteadyTime asked = parts_.clock.steady();
    Stop mine{stop};
    polling_ = &mine;
    const bool hold = holds_polls_ && told && !due();
    const std::uint64_t answers = answers_;
    std::string etag = hold ? etag_ : std::string{};
    auto poll = co_await ddi_.poll(std::move(etag), longest_hold(), mine);
    polling_ = nullptr;
    if (stop.requested()) break;
    const bool interrupted = !poll && poll.error().code() == ErrorCode::kStopped;
    if (interrupted) continue;  // there is something to tell
    if (answers != answers_) continue;  // what it shows may be older than our answer, and would be answered twice
    const bool held = hold && !etag_.empty();
    const bool quick = parts_.clock.steady() - asked < kQuick;
    quick_ = held && quick ? quick_ + 1 : 0;
    if (held && quick && poll && !poll->changed) holds_polls_ = false;  // does not know "Prefer: wait"
    bool healthy = told && poll.has_value();
    if (poll && poll->changed) {
      etag_ = poll->etag;
      sleep_ = poll->answer.sleep ? std::optional<Duration>{*poll->answer.sleep} : std::nullopt;
      auto looked = co_await look(std::move(poll->answer), stop);
      if (!looked) {
        healthy = false;
        etag_.clear();  // look again at all of it
        order_trouble_.failed(parts_.log, looked.error().message());
      } else {
        order_trouble_.over(parts_.log);
      }
    }
    if (poll)
      poll_trouble_.over(parts_.log);
    else
      poll_trouble_.failed(parts_.log, poll.error().message());
    note_power_on(poll.has_value());
    if (healthy) talk_backoff_.reset();
    if (healthy && !due() && !probe_href_.empty() && parts_.clock.steady() >= probe_at_) co_await measure_link(stop);
    const SteadyTime until = parts_.clock.steady() + rest(healthy, held);
    // What is due cuts the rest short; while the server can't be reached it does not, nor where it was told before.
    const auto end = at::due_report(attempt());
    const bool again = end && end->action == end_told_;
    if (healthy && due() && !again) continue;
    if (healthy && !again)
      co_await talk_changed_.wait_past(changes, parts_.clock, until, stop);
    else [[maybe_unused]]
      auto slept = co_await parts_.clock.sleep_until(until, stop);
  }
}

// A poll is held no longer than a report waits that was refused.
std::chrono::seconds Agent::Session::longest_hold() const {
  if (!power_on_waits()) return settings_.hold;
  const auto left = std::chrono::ceil<std::chrono::seconds>(power_on_next_ - parts_.clock.steady());
  return std::clamp(left, std::chrono::seconds{1}, std::max(std::chrono::seconds{1}, settings_.hold));
}

// How long to wait before the next poll.
Duration Agent::Session::rest(bool healthy, bool held) {
  if (DRAY_MUTANT("agent_spins")) return Duration{0};
  if (!healthy) return talk_backoff_.next(chance(), ddi_.answered());
  // A server that holds polls is asked again at once: then an order starts without delay.
  if (holds_polls_ && !etag_.empty() && (!held || quick_ < kMostQuick)) return Duration{0};
  if (!power_on_waits()) quick_ = 0;  // a rest that is cut short for that is not a rest
  Duration time = std::clamp(sleep_.value_or(settings_.poll_most), settings_.poll_least, settings_.poll_most);
  if (!at::is_final(attempt()) && !std::holds_alternative<at::Idle>(attempt().phase))
    time = std::min(time, settings_.working_poll);
  if (power_on_waits()) time = std::min(time, power_on_next_ - parts_.clock.steady());
  return time;
}

Task<bool> Agent::Session::tell(Stop& stop) {
  auto durable = co_await saves_.settled();
  if (!durable) co_return false;
  const bool told = co_await tell_power_on(stop);
  if (!told) co_return false;
  if (auto end = at::due_report(attempt())) co_return co_await tell_end(std::move(*end), stop);
  if (is_told(attempt()) && told_phase_ != progress_key(attempt())) co_return co_await tell_progress(stop);
  co_return true;
}

Task<bool> Agent::Session::tell_power_on(Stop& stop) {
  if (!power_on_due()) co_return true;
  std::map<std::string, std::string> report = power_on_report();
  auto sent = co_await ddi_.put_config(std::move(report), stop);
  if (!sent) {
    if (stop.requested()) co_return false;
    power_on_trouble_.failed(parts_.log, "power-on report: " + sent.error().message());
    power_on_unheard_ = !ddi_.answered();
    power_on_refused_ = is_refused(sent) || nobody_cares(sent);
    if (power_on_unheard_) co_return false;  // whether anybody is there the poll shows
    put_off_power_on();
    co_return true;
  }
  power_on_trouble_.over(parts_.log);
  power_on_backoff_.reset();
  power_on_told_ = true;
  if (lines_.may_say("power_on_reported", "")) parts_.log.info("power_on_reported", {{"boot_id", parts_.boot_id}});
  co_return true;
}

// Whatever becomes of it (refused, "later", no answer to this alone; or the server does not know us yet, and learns of us
// by the poll), all the rest is told: the end of an update must not wait behind it. It stays due, ever more seldom.
void Agent::Session::put_off_power_on() {
  power_on_next_ = parts_.clock.steady() + power_on_backoff_.next(chance(), true);
}

// A server whose polls fail, too, is told as soon as it answers them.
void Agent::Session::note_power_on(bool polled) {
  const bool unheard = std::exchange(power_on_unheard_, false);
  if (polled && unheard) put_off_power_on();
  if (polled) return;
  power_on_next_ = {};
  power_on_backoff_.reset();
}

Task<bool> Agent::Session::tell_progress(Stop& stop) {
  std::string key = progress_key(attempt());
  const ActionId action = at::action_of(attempt());
  const std::string sentence = at::describe(attempt());
  if (std::holds_alternative<at::Verifying>(attempt().phase)) {
    client::FeedbackBody all_here{"downloaded", "none", sentence, {}};
    auto said = co_await ddi_.feedback(action, std::move(all_here), stop);
    if (!said && !nobody_cares(said) && !is_refused(said)) co_return false;
  }
  client::FeedbackBody body{"proceeding", "none", sentence, {}};
  if (std::holds_alternative<at::VerifyingBoot>(attempt().phase)) body.dray = {{"phase", "verifying"}};
  auto sent = co_await ddi_.feedback(action, std::move(body), stop);
  // Progress that is refused holds up nothing: the end is told, and the next phase.
  if (is_refused(sent) && lines_.may_say("progress_refused", "")) parts_.log.warn("progress_refused", {{"phase", key}, {"why", sent.error().message()}});
  const bool done = sent || nobody_cares(sent) || is_refused(sent);
  if (done) told_phase_ = std::move(key);
  co_return done;
}

Task<bool> Agent::Session::tell_end(at::Due due, Stop& stop) {
  client::FeedbackBody body{"closed", due.success ? "success" : "failure", due.sentence, {}};
  if (!due.cancelled_by.empty()) {
    body.dray = {{"answer", "cancelled"}, {"by", due.cancelled_by}, {"why", due.cancelled_why}};
    client::FeedbackBody canceled{"canceled", "none", due.sentence, body.dray};
    auto said = co_await ddi_.feedback(due.action, std::move(canceled), stop);
    if (!said && !nobody_cares(said) && !is_refused(said)) co_return false;  // "closed" says it, too
  }
  auto sent = co_await ddi_.feedback(due.action, std::move(body), stop);
  if (!sent && !nobody_cares(sent)) {
    report_trouble_.failed(parts_.log, "end of action " + std::to_string(due.action.value()) + ": " + sent.error().message());
    co_return false;
  }
  report_trouble_.over(parts_.log);
  if (lines_.may_say("end_reported", ""))
    parts_.log.info("end_reported",
                    {{"action", due.action.value()}, {"success", due.success}, {"sentence", due.sentence}});
  end_told_ = due.action;
  apply(at::Reported{due.action});
  co_return true;
}

// It was told already where it asks: a server that asks for ever is told again ever more seldom, and all else goes on.
void Agent::Session::ask_to_tell_power_on() {
  if (power_on_told_ && config_brake_.may_turn()) power_on_told_ = false;
}

// In hawkBit's order: attributes, cancel, deployment. At most one order is shown.
Task<Result<>> Agent::Session::look(client::PollAnswer answer, Stop& stop) {
  if (!answer.config_data.empty()) ask_to_tell_power_on();
  probe_href_ = answer.probe;
  if (!answer.cancel.empty()) co_return co_await look_at_cancel(std::move(answer.cancel), stop);
  if (!answer.deployment.empty()) co_return co_await look_at_deployment(std::move(answer.deployment), stop);
  order_href_.clear();
  if (answer.confirmation.empty()) {
    apply(at::Withdrawn{});
    co_return Result<>{};
  }
  const auto action = client::action_in_link(answer.confirmation);
  if (!action) co_return action.error();
  asked_ += 1;
  // Asked about what has ended: it does not know what runs here.
  if (at::is_final(attempt()) && at::action_of(attempt()) == *action) ask_to_tell_power_on();
  apply(at::Asked{*action});
  work_changed_.notify();
  co_return Result<>{};
}

Task<Result<>> Agent::Session::look_at_deployment(std::string href, Stop& stop) {
  const at::Order* current = at::order_of(attempt());
  if (current != nullptr && href == order_href_) {
    const at::Order same = *current;
    const auto shown = client::action_in_link(href);
    if (shown && *shown == same.action) {
      apply(at::Ordered{same});
      co_return Result<>{};
    }
  }
  auto text = co_await ddi_.get(href, stop);
  if (!text && text.error().code() == ErrorCode::kNotFound) {  // gone between the poll and now
    apply(at::Withdrawn{});
    co_return Result<>{};
  }
  if (!text) co_return text.error();
  auto deployment = client::decode_deployment(*text, settings_.parts);
  if (!deployment) {
    const auto action = client::action_in_link(href);
    if (!action || !wire::parse_json(*text)) co_return deployment.error();
    co_return co_await refuse_order(*action, deployment.error().message(), stop);
  }
  const at::Order* known = at::order_of(attempt());  // looked at when it came
  const ActionId action = deployment->order.action;
  std::string foreign = at::foreign_to(deployment->order, settings_.components, running_);
  if (!foreign.empty() && (known == nullptr || known->action != action)) co_return co_await refuse_order(action, std::move(foreign), stop);
  if (!deployment->fetch) co_return Result<>{};
  put_off_.clear();
  order_href_ = std::move(href);
  apply(at::Ordered{std::move(deployment->order)});
  co_return Result<>{};
}

Task<Result<>> Agent::Session::refuse_order(ActionId action, std::string why, Stop& stop) {
  if (std::exchange(refused_, action) != action && lines_.may_say("order_refused", ""))
    parts_.log.error("order_refused", {{"action", action.value()}, {"why", why}});
  client::FeedbackBody body{"closed", "failure", "can't take this order: " + why, {}};
  co_return co_await ddi_.feedback(action, std::move(body), stop);
}

Task<Result<>> Agent::Session::look_at_cancel(std::string href, Stop& stop) {
  order_href_.clear();
  auto text = co_await ddi_.get(std::move(href), stop);
  if (!text && text.error().code() == ErrorCode::kNotFound) co_return Result<>{};
  if (!text) co_return text.error();
  const auto action = client::decode_cancel(*text);
  if (!action) co_return action.error();
  apply(at::CancelAsked{*action});
  auto settled = co_await saves_.settled();
  if (!settled) co_return settled;
  const auto answer = at::answer_to_cancel(attempt(), *action);
  const bool accepted = answer != at::CancelAnswer::kTooLate;
  std::string sentence =
      accepted ? "Cancelled before the switch-over." : "Too late: " + at::describe(attempt());
  auto sent = co_await ddi_.answer_cancel(*action, accepted, std::move(sentence), stop);
  if (!sent && !nobody_cares(sent)) co_return sent;
  if (lines_.may_say("cancel_answered", "")) parts_.log.info("cancel_answered", {{"action", action->value()}, {"accepted", accepted}});
  if (accepted) apply(at::Reported{*action});
  co_return Result<>{};
}

}  // namespace dray::agent
