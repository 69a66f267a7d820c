// What a device says about an action (docs/ddi.md 5 and 6).
#include "base/text.h"
#include "gateway/ddi/door.h"

namespace dray::gateway::ddi {
namespace {

using State = ActionView::State;
using wire::DdiExecution;
using wire::DdiFinished;

constexpr int kMostEntries = 1000;
constexpr std::size_t kLongestMessage = 512, kMostKept = 100;

std::string_view status_word(const wire::DdiFeedback& f) {
  switch (f.execution) {
    case DdiExecution::kClosed:
      return f.finished == DdiFinished::kFailure ? "ERROR" : "FINISHED";
    case DdiExecution::kDownload:
      return "DOWNLOAD";
    case DdiExecution::kDownloaded:
      return "DOWNLOADED";
    case DdiExecution::kRejected:
      return "WARNING";
    case DdiExecution::kCanceled:
      return "CANCELED";
    default:
      return "RUNNING";
  }
}

core::FeedbackKind kind_of(const wire::DdiFeedback& f) {
  if (f.execution == DdiExecution::kClosed)
    return f.finished == DdiFinished::kFailure ? core::FeedbackKind::kClosedFailure : core::FeedbackKind::kClosedSuccess;
  if (f.dray.phase == "switching") return core::FeedbackKind::kSwitching;
  if (f.dray.phase == "verifying") return core::FeedbackKind::kVerifying;
  return f.execution == DdiExecution::kDownloaded ? core::FeedbackKind::kDownloaded : core::FeedbackKind::kProceeding;
}

std::string why_of(const wire::DdiFeedback& f) {
  std::string out = f.dray.why;
  for (const auto& line : f.details) {
    if (out.size() > wire::kLongestWhy) break;
    if (!line.empty()) out += (out.empty() ? "" : "; ") + line;
  }
  return std::string{cut_text(out, wire::kLongestWhy)};
}

// As RAUC's client tells the error of an installation, while the action still goes on.
constexpr std::string_view kNamedError = "LastError:";

// The newest lines, as many as fit; a line that names an error stands alone.
std::string words_of(const wire::DdiFeedback& f) {
  std::string out;
  for (auto line = f.details.rbegin(); line != f.details.rend(); ++line) {
    if (line->starts_with(kNamedError)) return std::string{cut_text(*line, wire::kLongestWhy)};
    const std::string_view said = cut_text(*line, wire::kLongestWhy);
    if (said.empty() || out.size() + said.size() + 2 > wire::kLongestWhy + (out.empty() ? 2 : 0)) continue;
    out = std::string{said} + (out.empty() ? "" : "; ") + out;
  }
  return out;
}

// What it says behind a named error is no news of that.
void keep_words(ActionHistory& history, const wire::DdiFeedback& f) {
  if (f.execution == DdiExecution::kClosed) return;
  std::string words = words_of(f);
  const bool names_less = history.words.starts_with(kNamedError) && !words.starts_with(kNamedError);
  if (!words.empty() && !names_less) history.words = std::move(words);
}

// Of a closing: clients that close without a word, or always with the same one, have said before what went wrong.
std::string why_closed(const wire::DdiFeedback& f, const ActionHistory& history) {
  std::string why = why_of(f);
  const bool adds = why.empty() || history.words.starts_with(kNamedError);
  if (!adds || history.words.empty() || why.find(history.words) != std::string::npos) return why;
  return std::string{cut_text(why + (why.empty() ? "" : "; ") + history.words, wire::kLongestWhy)};
}

// A device whose last words are too many must be heard all the same: the newest tell how it ended.
void keep_last_words(wire::DdiFeedback& feedback) {
  auto& lines = feedback.details;
  if (feedback.execution == DdiExecution::kClosed && lines.size() > wire::kMostDetails)
    lines.erase(lines.begin(), lines.end() - wire::kMostDetails);
}

void add_message(ActionHistory& history, std::string_view message) {
  while (!message.empty()) {
    const std::string_view piece = cut_text(message, kLongestMessage);
    history.messages.emplace_back(piece);
    message.remove_prefix(piece.size());
  }
  while (history.messages.size() > kMostKept) history.messages.pop_front();
}

void add_messages(ActionHistory& history, const wire::DdiFeedback& feedback) {
  for (const auto& line : feedback.details) add_message(history, line);
  if (feedback.code) add_message(history, "Device reported status code: " + std::to_string(*feedback.code));
}

}  // namespace

// One entry of the action's history; an answer where a quota refuses it. `closed` is always taken.
std::optional<HttpResponse> Door::note_entry(const Call& call, ActionId action, const wire::DdiFeedback& feedback) {
  if (feedback.details.size() > wire::kMostDetails) return too_many_entries(call, "a feedback holds at most 50 messages");
  ActionHistory& history = parts_.site.history(action);
  if (history.entries >= kMostEntries && feedback.execution != DdiExecution::kClosed)
    return too_many_entries(call, "an action has at most 1000 status entries");
  ++history.entries;
  history.status = status_word(feedback);
  keep_words(history, feedback);
  add_messages(history, feedback);
  parts_.site.save_history(*call.device, action);
  return {};
}

core::Answered Door::answered(const Call& call, const wire::DdiDray& dray, core::AnswerKind otherwise) const {
  core::Answered out;
  out.kind = dray.answer == "busy"        ? core::AnswerKind::kBusy
             : dray.answer == "defer"     ? core::AnswerKind::kDefer
             : dray.answer == "refuse"    ? core::AnswerKind::kRefuse
             : dray.answer == "cancelled" ? core::AnswerKind::kCancelled
                                          : otherwise;
  out.until = dray.until;
  if (!out.until && dray.retry_after) out.until = parts_.site.now() + *dray.retry_after;
  out.by = dray.by.empty() ? call.device->name.value() : dray.by;
  out.why = dray.why;
  return out;
}

void Door::report_log(const JobId& job, int attempt, const wire::DdiFeedback& feedback) {
  wire::LogReport log{job, attempt, feedback.details};
  parts_.site.report(std::move(log));
}

// The end of this action is known, by a power-on report or a cancel that was refused. Why it was so only its device can
// say: it is kept, once.
Task<HttpResponse> Door::note_echo(Call& call, const ActionView& view, ActionId action, const wire::DdiFeedback& feedback) {
  const ActionHistory& history = parts_.site.history(action);
  const bool heard = history.status == status_word(feedback);
  if (heard) co_return co_await done();
  if (auto refused = note_entry(call, action, feedback)) co_return std::move(*refused);
  if (kind_of(feedback) != core::FeedbackKind::kClosedFailure) co_return co_await done();
  add_to_end(view, action, feedback);
  co_return co_await done();
}

void Door::add_to_end(const ActionView& view, ActionId action, const wire::DdiFeedback& feedback) {
  const JobId job = view.job->terms.id;
  const bool tried_again = !core::is_final(*view.job) && view.state == State::kError && view.job->attempt > 1;
  report_log(job, view.job->attempt - (tried_again ? 1 : 0), feedback);
  parts_.site.apply(job, core::Echo{action, why_closed(feedback, parts_.site.history(action))});
}

// The device has ended this action itself, and its word stays: 410. What it says of a failure then is heard, once, and
// stands beside the end.
Task<HttpResponse> Door::note_late(Call& call, const ActionView& view, ActionId action, const wire::DdiFeedback& feedback) {
  ActionHistory& history = parts_.site.history(action);
  if (kind_of(feedback) != core::FeedbackKind::kClosedFailure || history.failed_after) co_return empty(410);
  history.failed_after = true;
  add_messages(history, feedback);
  parts_.site.save_history(*call.device, action);
  add_to_end(view, action, feedback);
  co_return co_await done(410);
}

Task<HttpResponse> Door::post_feedback(Call& call, ActionId action) {
  std::string body;
  if (auto refused = co_await read_body(call, body)) co_return std::move(*refused);
  auto feedback = wire::decode_ddi_feedback(body);
  if (!feedback) co_return not_readable(call, feedback.error().message());
  keep_last_words(*feedback);
  const auto view = parts_.site.find_action(*call.device, action);
  if (!view) co_return unknown_action(call, action);
  if (view->state == State::kWaiting) {
    if (feedback->dray.answer != "cancelled") co_return empty(404);
    core::Answered cancelled = answered(call, feedback->dray, core::AnswerKind::kReady);  // instead of an answer
    const JobId job = view->job->terms.id;
    parts_.site.apply(job, std::move(cancelled));
    co_return co_await done();
  }
  const bool closed = feedback->execution == DdiExecution::kClosed;
  if (view->acknowledged && closed) co_return co_await note_echo(call, *view, action, *feedback);
  if (view->state != State::kActive && view->state != State::kCanceling) {
    if (view->state == State::kCanceled) co_return empty(410);
    co_return co_await note_late(call, *view, action, *feedback);
  }
  if (auto refused = note_entry(call, action, *feedback)) co_return std::move(*refused);
  const JobId job = view->job->terms.id;
  core::Feedback event;
  event.kind = kind_of(*feedback);
  event.why = closed ? why_closed(*feedback, parts_.site.history(action)) : why_of(*feedback);
  event.cut_by_us = parts_.site.was_cut(job);
  if (!feedback->dray.answer.empty()) event.answer = answered(call, feedback->dray, core::AnswerKind::kReady);
  if (event.kind == core::FeedbackKind::kClosedFailure) {
    for (const auto& artifact : view->job->terms.steps[view->step]) parts_.blobs.doubt(artifact.sha256);
    report_log(job, view->job->attempt, *feedback);
  }
  parts_.site.apply(job, std::move(event));
  co_return co_await done();
}

Task<HttpResponse> Door::post_cancel_feedback(Call& call, ActionId action) {
  std::string body;
  if (auto refused = co_await read_body(call, body)) co_return std::move(*refused);
  auto feedback = wire::decode_ddi_feedback(body);
  if (!feedback) co_return not_readable(call, feedback.error().message());
  keep_last_words(*feedback);
  const auto view = parts_.site.find_action(*call.device, action);
  if (!view) co_return unknown_action(call, action);
  if (view->state != State::kCanceling && view->state != State::kCanceled) co_return not_cancelable(call);
  if (auto refused = note_entry(call, action, *feedback)) co_return std::move(*refused);
  const bool closed = feedback->execution == DdiExecution::kClosed;
  if (view->state == State::kCanceling && (closed || feedback->execution == DdiExecution::kRejected)) {
    const bool accepted = closed && feedback->finished != DdiFinished::kFailure;
    const JobId job = view->job->terms.id;
    parts_.site.apply(job, core::CancelFeedback{accepted});
  }
  co_return co_await done();
}

}  // namespace dray::gateway::ddi
