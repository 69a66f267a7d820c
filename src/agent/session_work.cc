// On the device: each phase's work, and its outcome as an event.
#include <algorithm>

#include "agent/boot.h"
#include "agent/session.h"
#include "base/mutant.h"
#include "base/text.h"
#include "wire/http_fields.h"

namespace dray::agent {

namespace at = core::attempt;
namespace client = wire::client;

namespace {

constexpr int kMostRefusals = 5;
constexpr std::size_t kLongestUrl = 300;  // in the log
constexpr Duration kAnnouncePatience{10'000};

const at::Part* part_at(const at::Attempt& attempt, std::size_t index) {
  const at::Order* order = at::order_of(attempt);
  return order != nullptr && index < order->parts.size() ? &order->parts[index] : nullptr;
}

std::string_view word_of(at::AnswerKind kind) {
  switch (kind) {
    case at::AnswerKind::kBusy:
      return "busy";
    case at::AnswerKind::kDefer:
      return "defer";
    case at::AnswerKind::kRefuse:
      return "refuse";
    case at::AnswerKind::kReady:
      break;
  }
  return "";
}

}  // namespace

Task<> Agent::Session::work(Stop& stop) {
  while (!stop.requested()) {
    const auto changes = work_changed_.generation();
    if (has_nothing_to_do()) {
      co_await work_changed_.wait_past(changes, parts_.clock, kSteadyMax, stop);
      continue;
    }
    Stop mine{stop};
    doing_ = &mine;
    co_await work_brake_.turn(mine);
    if (!mine.requested()) co_await do_work(work_, mine);
    doing_ = nullptr;
    // The next work comes behind the save of what this one brought.
    [[maybe_unused]] auto settled = co_await saves_.settled();
  }
}

bool Agent::Session::has_nothing_to_do() const {
  if (work_.kind == at::WorkKind::kNone) return true;
  if (work_.kind != at::WorkKind::kAnswerOffer) return false;
  if (const auto* waiting = std::get_if<at::Waiting>(&attempt().phase)) return waiting->left > Duration{0};
  if (const auto* offered = std::get_if<at::Offered>(&attempt().phase); offered != nullptr && offered->again) return false;
  return answered_ == asked_;
}

Task<> Agent::Session::do_work(at::Work work, Stop& stop) {
  switch (work.kind) {
    case at::WorkKind::kNone:
      break;
    case at::WorkKind::kAnswerOffer:
      co_await answer_offer(stop);
      break;
    case at::WorkKind::kFetch:
      co_await fetch(work.part, stop);
      break;
    case at::WorkKind::kWrite:
      co_await write(work.part, stop);
      break;
    case at::WorkKind::kAskReady:
      co_await ask_ready(stop);
      break;
    case at::WorkKind::kAnnounce:
      co_await announce(stop);
      break;
    case at::WorkKind::kInstall:
      co_await install(stop);
      break;
    case at::WorkKind::kAskRestart:
      co_await ask_restart(stop);
      break;
    case at::WorkKind::kVerify:
      co_await verify(stop);
      break;
    case at::WorkKind::kUndo:
      co_await undo(stop);
      break;
    case at::WorkKind::kTidy:
      co_await tidy(stop);
      break;
    case at::WorkKind::kRestart:
      parts_.log.info("restarting", {{"why", at::describe(attempt())}});
      exit_ = Exit::kRestart;
      tasks_.stop();
      break;
  }
}

InstallerEnv Agent::Session::env_of_order() const {
  InstallerEnv env;
  if (const at::Order* order = at::order_of(attempt()))
    for (const at::Part& part : order->parts) env.order.push_back(part.component);
  return env;
}

Task<> Agent::Session::answer_offer(Stop& stop) {
  auto ready = co_await readiness(stop);
  if (!ready || stop.requested()) co_return;
  const auto* offered = std::get_if<at::Offered>(&attempt().phase);
  const bool asked_no_more = std::holds_alternative<at::Waiting>(attempt().phase) || (offered != nullptr && offered->again);
  if (ready->silent) co_return wait_silently(*ready);
  const bool yes = ready->kind == at::AnswerKind::kReady;
  client::Confirmation confirmation{yes, std::string{word_of(ready->kind)}, ready->retry_after, ready->why};
  auto sent = co_await ddi_.confirm(at::action_of(attempt()), std::move(confirmation), stop);
  if (stop.requested()) co_return;  // something else was said meanwhile, and is the answer
  if (!sent && sent.error().code() != ErrorCode::kNotFound) {
    if (lines_.may_say("offer_not_answered", "")) parts_.log.warn("offer_not_answered", {{"why", sent.error().message()}});
    co_await pause(work_backoff_.next(chance()), stop);
    co_return;
  }
  answered_ = asked_;  // a poll that came back meanwhile showed the same question
  answers_ += 1;
  // Where it asks again it shows the same once more: that must reach us.
  etag_.clear();
  if (lines_.may_say("offer_answered", "")) parts_.log.info("offer_answered", {{"answer", yes ? "ready" : word_of(ready->kind)}, {"why", ready->why}});
  put_off_ = yes || !sent ? std::string{} : ready->why;
  put_off_at_ = parts_.clock.steady();
  if (sent)
    apply(at::Answered{ready->kind, ready->why});
  else if (asked_no_more)
    apply(at::Withdrawn{.gone = true});  // nobody asks any more
}

Task<> Agent::Session::fetch(std::size_t index, Stop& stop) {
  const at::Part* found = part_at(attempt(), index);
  if (found == nullptr) co_return;
  at::Part part = *found;
  const std::string name = at::spool_name(part);
  const auto held = attempt().spool.find(name);
  const std::uint64_t durable = held == attempt().spool.end() ? 0 : held->second;
  std::function<void(std::uint64_t)> on_durable = [this, name](std::uint64_t offset) {
    apply(at::Checkpointed{name, offset});
  };
  const bool ours = wire::same_origin(part.url, settings_.url);
  if (!ours && !settings_.authorization.empty() && lines_.may_say("token_kept_back", ""))
    parts_.log.warn("token_kept_back", {{"url", clean_text(part.url, kLongestUrl)}, {"why", "the link leads to another server than the one that is configured; it is asked without the token"}});
  DownloadParts parts{parts_.clock, parts_.disk, parts_.worker, parts_.http, ours ? settings_.authorization : std::string{}, ours};
  auto fetched = co_await download(std::move(parts), std::move(part), durable, std::move(on_durable), stop);
  if (stop.requested()) co_return;
  if (!fetched) {
    co_await fetch_failed(fetched.error(), stop);
    co_return;
  }
  if (name != fetched->hex()) {  // ordered by SHA-1 only: from here on it is known by its SHA-256
    std::function<Result<>()> rename = [this, &name, &fetched]() -> Result<> {
      DRAY_CHECK(parts_.disk.rename(spool_path(name), spool_path(fetched->hex())));
      return parts_.disk.sync_dir(Path{kSpool});
    };
    auto renamed = co_await on_disk(std::move(rename));
    if (!renamed) co_return;
  }
  // The checkpoint first: what is whole is never fetched again, also where the next save is the one that is
  // lost.
  const auto settled = co_await saves_.settled();
  if (!settled) co_return;
  apply(at::Fetched{name, *fetched});
}

Task<> Agent::Session::fetch_failed(const Error& error, Stop& stop) {
  const Error why = error;
  transfer_trouble_.failed(parts_.log, why.message());
  order_href_.clear();  // addresses may have changed
  etag_.clear();
  if (!is_transient(why.code())) refusals_ += why.code() == ErrorCode::kCorrupt ? 3 : 1;
  if (why.code() == ErrorCode::kExhausted || refusals_ > kMostRefusals) {
    apply(at::WorkFailed{why.message()});
    co_return;
  }
  co_await pause(work_backoff_.next(chance()), stop);
}

Task<Result<std::optional<std::string>>> Agent::Session::insist(InstallerVerb verb, InstallerEnv env,
                                                                Stop& stop) {
  for (;;) {
    InstallerEnv again = env;
    auto answer = co_await parts_.installer.run(verb, std::move(again), stop);
    if (stop.requested()) co_return Error{ErrorCode::kStopped, "stopped"};
    const std::string words = answer ? answer->words : answer.error().message();
    if (answer && answer->exit == InstallerExit::kOk) {
      installer_trouble_.over(parts_.log);
      co_return std::optional<std::string>{};
    }
    installer_trouble_.failed(parts_.log, std::string{to_string(verb)} + " " + env.component + ": " + words);
    const bool later =
        answer && (answer->exit == InstallerExit::kBusy || answer->exit == InstallerExit::kRetryLater);
    if (!later) installer_trouble_.over(parts_.log);
    if (!later)
      co_return std::optional<std::string>{std::string{to_string(verb)} + ": " +
                                           (words.empty() ? "failed" : words)};
    co_await pause(work_backoff_.next(chance()), stop);
  }
}

Task<> Agent::Session::write(std::size_t index, Stop& stop) {
  const at::Part* part = part_at(attempt(), index);
  if (part == nullptr) co_return;
  InstallerEnv env = env_of_order();
  env.component = part->component;
  env.version = part->version;
  env.sha256 = part->sha256;
  env.size = part->size;
  env.payload = spool_path(at::spool_name(*part));
  auto done = co_await insist(InstallerVerb::kDownload, std::move(env), stop);
  if (!done) co_return;
  if (*done)
    apply(at::WorkFailed{**done});
  else
    apply(at::Written{index});
}

Task<> Agent::Session::ask_ready(Stop& stop) {
  auto ready = co_await readiness(stop);
  if (!ready || stop.requested()) co_return;
  apply(at::Answered{ready->kind, ready->why});
  if (ready->kind == at::AnswerKind::kReady) co_return;
  const Duration wait = ready->retry_after ? Duration{*ready->retry_after} : settings_.busy_retry;
  co_await pause(std::clamp<Duration>(wait, Duration{1000}, settings_.busy_retry), stop);
}

// Told or queued: an unreachable gateway holds up nothing, the power-on report will say it all. But where it
// can be reached it has the last word: a cancel that came first is obeyed.
Task<> Agent::Session::announce(Stop& stop) {
  const ActionId action = at::action_of(attempt());
  client::FeedbackBody body{"proceeding", "none", at::describe(attempt()), {{"phase", "switching"}}};
  // A power-on report behind the announcement would tell of a restart in the middle of the switch-over.
  const bool heard = DRAY_MUTANT("announces_first") || co_await tell_power_on(stop);
  if (stop.requested()) co_return;
  // One that refuses it for good hears all else; where it comes later the announcement would be the earlier one.
  const bool put_off = power_on_waits() && !power_on_refused_;
  const bool known = heard && !put_off;
  Result<> told = Error{ErrorCode::kUnavailable, "does not know yet that this device has started"};
  if (known) told = co_await ddi_.feedback(action, std::move(body), stop);
  if (stop.requested()) co_return;
  if (!told && told.error().code() == ErrorCode::kNotFound) {
    apply(at::Withdrawn{});
    co_return;
  }
  if (told || put_off) {
    auto poll = co_await ddi_.poll(std::string{}, std::chrono::seconds{0}, stop);
    if (poll) [[maybe_unused]]
      auto looked = co_await look(std::move(poll->answer), stop);
    [[maybe_unused]] auto settled = co_await saves_.settled();
    if (stop.requested() || !std::holds_alternative<at::Announcing>(attempt().phase)) co_return;
  }
  auto ready = co_await readiness(stop);
  if (!ready || stop.requested()) co_return;
  if (ready->kind == at::AnswerKind::kReady)
    apply(at::Announced{});
  else
    apply(at::Answered{ready->kind, ready->why});
}

Task<> Agent::Session::install(Stop& stop) {
  const ActionId action = at::action_of(attempt());
  std::function<Result<>()> arm = [this, action] {
    return save_boot(parts_.disk, armed(load_boot(parts_.disk), action));
  };
  auto ready = co_await on_disk(std::move(arm));
  if (!ready) {
    if (lines_.may_say("trial_not_armed", "")) parts_.log.error("trial_not_armed", {{"why", ready.error().message()}});
    co_await pause(work_backoff_.next(chance()), stop);
    co_return;
  }
  InstallerEnv env = env_of_order();
  auto done = co_await insist(InstallerVerb::kInstall, std::move(env), stop);
  if (!done) co_return;
  if (*done)
    apply(at::WorkFailed{**done});
  else
    apply(at::Switched{});
}

Task<> Agent::Session::ask_restart(Stop& stop) {
  InstallerEnv env = env_of_order();
  auto answer = co_await parts_.installer.run(InstallerVerb::kNeedsReboot, std::move(env), stop);
  if (stop.requested()) co_return;
  const bool needed = !answer || answer->words.find("no") != 0;
  if (!needed) {
    const bool known = co_await ask_what_runs(stop);
    if (!known) co_return;
  }
  apply(at::RestartNeeded{needed});
}

Task<> Agent::Session::verify(Stop& stop) {
  const bool known = co_await ask_what_runs(stop);
  if (!known) co_return;
  const at::Order* order = at::order_of(attempt());
  if (order != nullptr && !at::runs(*order, running_)) {
    apply(at::WorkFailed{"the installer names another version than the one that was ordered"});
    co_return;
  }
  InstallerEnv env = env_of_order();
  auto healthy = co_await insist(InstallerVerb::kVerify, env, stop);
  if (!healthy) co_return;
  if (*healthy) {
    apply(at::WorkFailed{**healthy});
    co_return;
  }
  // First the end of the trial, then the commit: never a version that is committed and left.
  std::function<Result<>()> disarm = [this] {
    return save_boot(parts_.disk, disarmed(load_boot(parts_.disk)));
  };
  auto disarmed_now = co_await on_disk(std::move(disarm));
  if (!disarmed_now) {
    co_await pause(work_backoff_.next(chance()), stop);
    co_return;
  }
  auto kept = co_await insist(InstallerVerb::kCommit, std::move(env), stop);
  if (!kept) co_return;
  if (*kept)
    apply(at::WorkFailed{**kept});
  else
    apply(at::Healthy{});
}

Task<> Agent::Session::undo(Stop& stop) {
  InstallerEnv env = env_of_order();
  auto done = co_await insist(InstallerVerb::kRollback, std::move(env), stop);
  if (!done) co_return;
  std::function<Result<>()> disarm = [this] {
    return save_boot(parts_.disk, disarmed(load_boot(parts_.disk)));
  };
  [[maybe_unused]] auto disarmed_now = co_await on_disk(std::move(disarm));
  if (*done) {
    apply(at::WorkFailed{**done});
    co_return;
  }
  const bool known = co_await ask_what_runs(stop);
  if (!known) co_return;
  // What was started is what is switched to again: nothing new ever ran.
  apply(at::Undone{running_ != running_at_start_});
}

Task<> Agent::Session::tidy(Stop& stop) {
  const bool keeps_bytes = std::holds_alternative<at::Failed>(attempt().phase) ||
                           std::holds_alternative<at::RolledBack>(attempt().phase);
  const bool committed = std::holds_alternative<at::Committed>(attempt().phase);
  InstallerEnv env = env_of_order();
  if (!committed) {
    InstallerEnv same = env;
    [[maybe_unused]] auto forgot =
        co_await parts_.installer.run(InstallerVerb::kCancel, std::move(same), stop);
  }
  [[maybe_unused]] auto clean = co_await parts_.installer.run(InstallerVerb::kCleanup, std::move(env), stop);
  if (stop.requested()) co_return;
  const auto spool = keeps_bytes ? attempt().spool : std::map<std::string, std::uint64_t>{};
  std::function<Result<>()> empty = [this, &spool]() -> Result<> {
    if (load_boot(parts_.disk) != BootRecord{}) DRAY_CHECK(save_boot(parts_.disk, BootRecord{}));
    const auto names = parts_.disk.list(Path{kSpool});
    if (!names) return {};
    for (const std::string& name : *names) {
      const bool known = name.ends_with(".part") && spool.contains(name.substr(0, name.size() - 5));
      if (!known) DRAY_CHECK(parts_.disk.unlink(Path{kSpool} + "/" + name));
    }
    return parts_.disk.sync_dir(Path{kSpool});
  };
  auto done = co_await on_disk(std::move(empty));
  if (!done && lines_.may_say("tidying_failed", "")) parts_.log.warn("tidying_failed", {{"why", done.error().message()}});
  apply(at::Tidied{});
}

}  // namespace dray::agent
