// What is to be installed, what was, and what is to be cancelled (docs/ddi.md 4, 6 and 8).
#include <algorithm>
#include <charconv>

#include "gateway/ddi/door.h"

namespace dray::gateway::ddi {
namespace {

using State = ActionView::State;

constexpr std::string_view kOurs = "Update Server: ";
constexpr std::int64_t kMostMessages = 100;

// The newest messages of a device, newest first.
std::optional<wire::DdiHistory> history_of(const Call& call, const ActionHistory& history) {
  const auto asked = query_value(call.query, "actionHistory");
  std::int64_t count = 0;
  if (asked) std::from_chars(asked->data(), asked->data() + asked->size(), count);
  if (count == 0) return {};
  count = count < 0 ? kMostMessages : std::min(count, kMostMessages);
  wire::DdiHistory out{history.status, {}};
  for (auto it = history.messages.rbegin(); it != history.messages.rend() && count > 0; ++it)
    if (!it->starts_with(kOurs)) {
      out.messages.push_back(*it);
      --count;
    }
  if (out.messages.empty()) return {};
  return out;
}

std::string part_of(const core::DeviceType* type, const std::string& component) {
  if (type != nullptr)
    if (const auto part = type->parts.find(component); part != type->parts.end()) return part->second;
  return component == "application" ? "bApp" : component == "runtime" ? "jvm" : component;
}

}  // namespace

// From the plan; where it has forgotten the artifact, from what was noted when it was stored. The hashes are the ones
// of the stored bytes.
core::Artifact Door::about(const core::StepArtifact& artifact) const {
  core::Artifact out;
  if (const core::Artifact* planned = parts_.site.plan().artifact(artifact.sha256)) out = *planned;
  out.sha256 = artifact.sha256;
  out.size = artifact.size;
  out.component = artifact.component;
  out.version = artifact.version;
  if (const Blob* blob = parts_.blobs.find(artifact.sha256)) {
    out.sha1 = blob->sha1;
    out.md5 = blob->md5;
    if (out.module_id == 0) {
      out.name = blob->name;
      out.file = blob->file_name;
      out.module_id = blob->module_id;
    }
  }
  return out;
}

wire::DdiArtifact Door::artifact_of(const Call& call, const core::StepArtifact& artifact) const {
  const core::Artifact known = about(artifact);
  return {known.file,
          known.sha1,
          known.md5,
          known.sha256.hex(),
          known.size,
          call.base + "/softwaremodules/" + std::to_string(known.module_id) + "/artifacts/" + wire::escape_url(known.file)};
}

HttpResponse Door::deployment_answer(const Call& call, const ActionView& view, ActionId action, bool confirmation) {
  wire::DdiDeployment out;
  out.id = action;
  out.confirmation = confirmation;
  const core::DeviceType* type = parts_.site.plan().type_of(call.device->name);
  if (view.step < view.job->terms.steps.size())
    for (const core::StepArtifact& artifact : view.job->terms.steps[view.step])
      out.chunks.push_back(
          {part_of(type, artifact.component), artifact.version, about(artifact).name, {artifact_of(call, artifact)}});
  out.history = history_of(call, parts_.site.history(action));
  return tagged(call, wire::encode_ddi_deployment(out));
}

Task<HttpResponse> Door::get_deployment(Call& call, ActionId action) {
  const auto view = parts_.site.find_action(*call.device, action);
  if (!view) co_return unknown_action(call, action);
  if (view->state == State::kWaiting || view->state == State::kCanceling || view->state == State::kCanceled)
    co_return empty(404);
  ActionHistory& history = parts_.site.history(action);
  if (history.entries == 0) {
    history.entries = 1;
    history.status = "RETRIEVED";
    parts_.site.save_history(*call.device, action);
  }
  co_return deployment_answer(call, *view, action, false);
}

Task<HttpResponse> Door::get_installed(Call& call, ActionId action) {
  const auto view = parts_.site.find_action(*call.device, action);
  if (!view) co_return unknown_action(call, action);
  if (view->state != State::kFinished && view->state != State::kError) co_return empty(404);
  co_return deployment_answer(call, *view, action, false);
}

HttpResponse Door::get_cancel(Call& call, ActionId action) {
  const auto view = parts_.site.find_action(*call.device, action);
  if (!view) return unknown_action(call, action);
  if (view->state != State::kCanceling && view->state != State::kCanceled) return empty(404);
  return tagged(call, wire::encode_ddi_cancel(action));
}

}  // namespace dray::gateway::ddi
