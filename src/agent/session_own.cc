// May this device be updated now? Its prohibited hours, its operator, its busy file, its busy command, its
// installer, in this order: what costs least is asked first, and its operator's "ready" last, when all else
// is.
#include <algorithm>
#include <charconv>

#include "agent/session.h"
#include "agent/stored_records.h"
#include "base/text.h"
#include "wire/limits.h"

namespace dray::agent {

namespace at = core::attempt;

namespace {

constexpr std::size_t kMostBusyText = 4096;  // of its file; of that a reason takes its own limit
constexpr Duration kCountStep{60'000};  // what a restart can lose of a countdown
constexpr std::chrono::hours kWholeWeek{7 * 24};
// A clock that shows less was never set; then nobody knows the hour.
constexpr WallTime kClockIsSet{std::chrono::sys_days{std::chrono::year{2024} / 1 / 1}};

// 0 names no time: then it is asked again as where nothing was said.
std::optional<std::chrono::seconds> seconds_in(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 1 || value > 30 * 86400) return {};
  return std::chrono::seconds{value};
}

core::LocalTime utc(WallTime now) {
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const auto minute = std::chrono::floor<std::chrono::minutes>(now - day);
  return {static_cast<int>(std::chrono::weekday{day}.iso_encoding()) - 1, static_cast<int>(minute.count())};
}

std::chrono::seconds rounded_up(Duration time) { return std::chrono::ceil<std::chrono::seconds>(time); }

}  // namespace

Task<Result<Agent::Session::Readiness>> Agent::Session::readiness(Stop& stop) {
  if (auto no = prohibited_hours()) co_return std::move(*no);
  if (auto no = operators_objection()) co_return std::move(*no);
  auto file = co_await busy_file();
  if (!file) co_return file.error();
  if (*file) co_return std::move(**file);
  auto check = co_await busy_check(stop);
  if (stop.requested()) co_return Error{ErrorCode::kStopped, "stopped"};
  if (check) co_return std::move(*check);
  Readiness out = co_await installers_word(stop);
  if (stop.requested()) co_return Error{ErrorCode::kStopped, "stopped"};
  if (out.kind == at::AnswerKind::kReady && settings_.asks_operator && !at::operator_is_ready(attempt()))
    out = {at::AnswerKind::kBusy, "its operator has not answered yet", rounded_up(settings_.busy_retry),
           true};
  co_return out;
}

std::optional<Agent::Session::Readiness> Agent::Session::prohibited_hours() const {
  const WallTime now = parts_.clock.wall();
  if (settings_.prohibited.empty() || now < kClockIsSet) return {};
  const auto left =
      core::hours_left(settings_.prohibited, parts_.local_time ? parts_.local_time(now) : utc(now));
  if (!left) return {};
  // Looked at again every minute or so: the clock may be set, and local time jumps.
  const auto again = std::min<Duration>(*left, settings_.busy_retry);
  const std::string why = *left >= kWholeWeek ? "its prohibited hours never end: they are the whole week"
                                              : "its prohibited hours last for another " + say_span(*left);
  return Readiness{at::AnswerKind::kBusy, why,
                   rounded_up(again), true};
}

std::optional<Agent::Session::Readiness> Agent::Session::operators_objection() const {
  const at::Word* word = at::operator_objects(attempt());
  if (word == nullptr) return {};
  Readiness out{word->kind, word->why.empty() ? "its operator said so" : word->why, {}, false};
  if (word->left) out.retry_after = rounded_up(*word->left);
  return out;
}

Agent::Session::Readiness Agent::Session::busy(std::string_view why,
                                               std::optional<std::chrono::seconds> retry_after) const {
  return {at::AnswerKind::kBusy, one_line(why, wire::kLongestWhy), retry_after, settings_.waits_while_busy};
}

Task<Result<std::optional<Agent::Session::Readiness>>> Agent::Session::busy_file() {
  if (settings_.busy_file.empty()) co_return std::optional<Readiness>{};
  std::optional<std::string> text;
  std::function<Result<>()> look = [this, &text]() -> Result<> {
    DRAY_TRY(text, beginning_of(parts_.disk, settings_.busy_file, kMostBusyText));
    return {};
  };
  auto looked = co_await on_disk(std::move(look));
  if (!looked && looked.error().code() == ErrorCode::kNotFound) co_return std::optional<Readiness>{};
  std::string why = text.value_or("");
  std::optional<std::chrono::seconds> retry_after;
  if (why.starts_with("retry_after=")) {
    const auto end = std::min(why.find('\n'), why.size());
    retry_after = seconds_in(why.substr(12, end - 12));
    why.erase(0, std::min(end + 1, why.size()));
  }
  const bool says_nothing = one_line(why, why.size()).empty();
  co_return std::optional{busy(says_nothing ? "in use" : why, retry_after)};
}

Task<std::optional<Agent::Session::Readiness>> Agent::Session::busy_check(Stop& stop) {
  if (settings_.busy_check.empty() || parts_.probe == nullptr) co_return std::nullopt;
  ProbeSubject subject{settings_.id, "", "", {}, settings_.attributes};
  auto answer = co_await parts_.probe->run(settings_.busy_check, std::move(subject), stop);
  if (!answer) co_return busy(answer.error().message(), {});
  if (!answer->busy) co_return std::nullopt;
  co_return busy(answer->why.empty() ? "in use" : answer->why, answer->retry_after);
}

Task<Agent::Session::Readiness> Agent::Session::installers_word(Stop& stop) {
  InstallerEnv env = env_of_order();
  auto answer = co_await parts_.installer.run(InstallerVerb::kReady, std::move(env), stop);
  if (!answer) co_return busy(answer.error().message(), {});
  std::optional<std::chrono::seconds> retry_after;
  if (const auto found = answer->values.find("retry_after"); found != answer->values.end())
    retry_after = seconds_in(found->second);
  switch (answer->exit) {
    case InstallerExit::kOk:
      co_return Readiness{};
    case InstallerExit::kBusy:
      co_return busy(answer->words, retry_after);
    case InstallerExit::kRetryLater:
      co_return Readiness{at::AnswerKind::kDefer, one_line(answer->words, wire::kLongestWhy), retry_after, false};
    case InstallerExit::kFailed:
    case InstallerExit::kUsage:
      break;
  }
  co_return Readiness{at::AnswerKind::kRefuse, one_line(answer->words, wire::kLongestWhy), retry_after, false};
}

void Agent::Session::wait_silently(const Readiness& why) {
  const bool begins = !std::holds_alternative<at::Waiting>(attempt().phase);
  const Duration left = why.retry_after ? Duration{*why.retry_after} : settings_.busy_retry;
  pass_time();
  apply(at::MustWait{std::max(left, Duration{1'000}), why.why});
  if (begins && lines_.may_say("deferment_began", ""))  // said when it is so: who reads this may ask at once
    parts_.log.info("deferment_began", {{"action", at::action_of(attempt()).value()}, {"why", why.why}});
  countdown_changed_.notify();
}

bool Agent::Session::asks_operator() const {
  return settings_.asks_operator && at::may_cancel(attempt()) && !at::operator_is_ready(attempt()) &&
         at::operator_objects(attempt()) == nullptr;
}

void Agent::Session::say(at::Word word) {
  pass_time();
  apply(at::Said{std::move(word)});
  countdown_changed_.notify();
  work_changed_.notify();
  const auto& phase = attempt().phase;
  const bool asks_itself = std::holds_alternative<at::Offered>(phase) || std::holds_alternative<at::Waiting>(phase) ||
                           std::holds_alternative<at::Holding>(phase);
  if (doing_ != nullptr && asks_itself) doing_->request();  // by what was said before
}

// Counted by the clock that never jumps, and saved on the way: a restart loses at most one step, to the safe
// side.
void Agent::Session::pass_time() {
  const SteadyTime now = parts_.clock.steady();
  const Duration passed = now - std::exchange(counted_at_, now);
  if (at::counts_down(attempt()) && passed > Duration{0}) apply(at::Passed{passed});
}

Task<> Agent::Session::count_down(Stop& stop) {
  while (!stop.requested()) {
    const auto changes = countdown_changed_.generation();
    const auto left = at::counts_down(attempt());
    if (!left) counted_at_ = parts_.clock.steady();
    const SteadyTime until = left ? counted_at_ + std::min(*left, kCountStep) : kSteadyMax;
    const bool changed = co_await countdown_changed_.wait_past(changes, parts_.clock, until, stop);
    if (changed || stop.requested()) continue;
    pass_time();
    work_changed_.notify();
  }
}

}  // namespace dray::agent
