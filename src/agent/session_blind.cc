// While the installer can't say what runs here: no update begins, none goes on, and whoever asks is told so. What the
// agent remembers is judged only when it is known what runs.
#include <algorithm>

#include "agent/session.h"

namespace dray::agent {

namespace at = core::attempt;
namespace client = wire::client;

namespace {

constexpr Duration kFirstWord{30'000};      // a verb that takes longer than this is waited for, and said
constexpr Duration kSaidAgainAfter{300'000};  // about the same action
constexpr std::chrono::seconds kAskAgain{300};

}  // namespace

std::string Agent::Session::cannot_tell() const {
  return "It can't tell what runs here, and begins no update before it can: " +
         installer_trouble_.sentence().value_or("its installer has not answered yet");
}

Task<bool> Agent::Session::learn_what_runs(const at::Attempt& remembered, Stop& stop) {
  TaskGroup meanwhile{co_await asio::this_coro::executor};
  Stop::Hook hook{stop, [&meanwhile] { meanwhile.stop(); }};
  meanwhile.spawn(talk_blindly(remembered, meanwhile.stop_signal()));
  const bool known = co_await ask_what_runs(stop);
  meanwhile.stop();
  co_await meanwhile.join();
  talk_backoff_.reset();
  co_return known;
}

Task<> Agent::Session::talk_blindly(const at::Attempt& remembered, Stop& stop) {
  co_await blind_changed_.wait_past(blind_changed_.generation(), parts_.clock, parts_.clock.steady() + kFirstWord, stop);
  while (!stop.requested()) {
    co_await talk_brake_.turn(stop);
    if (stop.requested()) break;
    auto poll = co_await ddi_.poll(std::string{}, std::chrono::seconds{0}, stop);
    if (stop.requested()) break;
    if (!poll) {
      poll_trouble_.failed(parts_.log, poll.error().message());
      co_await pause(talk_backoff_.next(chance(), ddi_.answered()), stop);
      continue;
    }
    poll_trouble_.over(parts_.log);
    talk_backoff_.reset();
    const Duration sleep = poll->answer.sleep ? Duration{*poll->answer.sleep} : settings_.poll_most;
    auto answered = co_await answer_blindly(remembered, std::move(poll->answer), stop);
    if (!answered && !stop.requested()) report_trouble_.failed(parts_.log, answered.error().message());
    if (answered) report_trouble_.over(parts_.log);
    co_await pause(std::clamp(sleep, settings_.poll_least, settings_.poll_most), stop);
  }
}

// A question is answered "busy", an order that is shown hears why nothing happens, a cancel of what was never begun here is
// obeyed. Said again about the same action after five minutes.
Task<Result<>> Agent::Session::answer_blindly(const at::Attempt& remembered, client::PollAnswer shown, Stop& stop) {
  if (!shown.cancel.empty()) co_return co_await cancel_blindly(remembered, std::move(shown.cancel), stop);
  const std::string& link = shown.deployment.empty() ? shown.confirmation : shown.deployment;
  if (link.empty()) co_return Result<>{};
  const auto action = client::action_in_link(link);
  if (!action) co_return action.error();
  const SteadyTime now = parts_.clock.steady();
  if (blind_told_ == *action && now < blind_told_at_ + kSaidAgainAfter) co_return Result<>{};
  Result<> sent;
  if (shown.deployment.empty()) {
    client::Confirmation no{false, "busy", kAskAgain, cannot_tell()};
    sent = co_await ddi_.confirm(*action, std::move(no), stop);
  } else {
    client::FeedbackBody body{"proceeding", "none", cannot_tell(), {}};
    sent = co_await ddi_.feedback(*action, std::move(body), stop);
  }
  if (sent) {
    blind_told_ = *action;
    blind_told_at_ = now;
  }
  co_return sent;
}

Task<Result<>> Agent::Session::cancel_blindly(const at::Attempt& remembered, std::string href, Stop& stop) {
  auto text = co_await ddi_.get(std::move(href), stop);
  if (!text) co_return text.error();
  const auto action = client::decode_cancel(*text);
  if (!action) co_return action.error();
  if (at::answer_to_cancel(remembered, *action) != at::CancelAnswer::kNothingHere) co_return Result<>{};  // when it is known
  std::string sentence = "Cancelled before anything was begun.";
  co_return co_await ddi_.answer_cancel(*action, true, std::move(sentence), stop);
}

}  // namespace dray::agent
