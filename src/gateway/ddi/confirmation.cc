// The confirmation flow: our communication request and its answers (docs/ddi.md 8, docs/gateway-api.md).
#include "gateway/ddi/door.h"

namespace dray::gateway::ddi {

using State = ActionView::State;

HttpResponse Door::get_confirmation_base(Call& call) {
  wire::DdiConfirmationBase out;
  out.auto_confirm = call.device->auto_confirm;
  const std::string base = call.base + "/confirmationBase/";
  (out.auto_confirm.active ? out.deactivate : out.activate) =
      base + (out.auto_confirm.active ? "deactivateAutoConfirm" : "activateAutoConfirm");
  const Shown shown = parts_.site.shown(*call.device);
  if (shown.offer == core::Offer::kConfirmation)
    out.confirmation_base = base + std::to_string(shown.job->action.value()) + "?c=1";
  return tagged(call, wire::encode_ddi_confirmation_base(out));
}

Task<HttpResponse> Door::get_confirmation(Call& call, ActionId action) {
  const auto view = parts_.site.find_action(*call.device, action);
  if (!view) co_return unknown_action(call, action);
  if (view->state != State::kWaiting) co_return empty(404);
  co_return deployment_answer(call, *view, action, true);
}

Task<HttpResponse> Door::post_confirmation(Call& call, ActionId action) {
  std::string body;
  if (auto refused = co_await read_body(call, body)) co_return std::move(*refused);
  const auto answer = wire::decode_ddi_confirmation(body);
  if (!answer) co_return not_readable(call, answer.error().message());
  const auto view = parts_.site.find_action(*call.device, action);
  if (!view) co_return unknown_action(call, action);
  if (view->state == State::kCanceling) co_return empty(404);
  if (view->state != State::kWaiting && view->state != State::kActive) co_return empty(410);
  const bool waits = view->state == State::kWaiting;
  // Only a device that is asked may take its "ready" back, and only before it has begun.
  const bool may_take_back = !parts_.site.is_foreign(*view->job) && !core::has_started(*view->job);
  if (!waits && (answer->confirmed || !may_take_back)) co_return empty(404);
  core::Answered event{core::AnswerKind::kReady, {}, call.device->name.value(), {}};
  if (!answer->confirmed) {
    event = answered(call, answer->dray, core::AnswerKind::kDenied);
    // It says when it can be asked: until then it is not.
    if (event.kind == core::AnswerKind::kDenied && event.until) event.kind = core::AnswerKind::kBusy;
  }
  const JobId job = view->job->terms.id;
  parts_.site.apply(job, std::move(event));
  co_return co_await done();
}

Task<HttpResponse> Door::set_auto_confirm(Call& call, bool active) {
  DeviceState& device = *call.device;
  wire::DdiAutoConfirm how;
  if (active) {
    std::string body;
    const bool has_body = call.request.body != nullptr && call.request.length.value_or(1) > 0;
    if (has_body)
      if (auto refused = co_await read_body(call, body)) co_return std::move(*refused);
    const auto asked = wire::decode_ddi_activation(body);
    if (!asked) co_return not_readable(call, asked.error().message());
    if (device.auto_confirm.active) co_return auto_confirm_active(call);
    how = *asked;
    how.active = true;
    how.activated_at = parts_.site.now();
  }
  if (active || device.auto_confirm.active) parts_.site.set_auto_confirm(device, std::move(how));
  co_return co_await done();
}

}  // namespace dray::gateway::ddi
