// The device door: hawkBit DDI v1 for any client (docs/ddi.md), with our additions of docs/gateway-api.md.
//
// An unchanged poll of a known device is answered by now(): one look-up and a few comparisons lend a kept answer.
// Everything else goes through handle(): no answer leaves before what it speaks of is durable.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "gateway/blobs.h"
#include "gateway/ddi/call.h"
#include "gateway/ddi/sending.h"
#include "gateway/lan_prober.h"
#include "gateway/site.h"
#include "ports/http.h"

namespace dray::gateway::ddi {

class Door : public HttpHandler {
 public:
  struct Parts {
    Site& site;
    Blobs& blobs;
    Clock& clock;
    Worker& bytes_worker;
    Rates& rates;
    LanProber& lan_prober;
  };
  explicit Door(Parts parts) : parts_{parts}, sending_{parts.site, parts.rates, parts.blobs, parts.clock} {}

  const HttpResponse* now(const HttpRequest& request) override;
  Task<HttpResponse> handle(HttpRequest request, Stop& stop) override;

  bool knows(const HttpRequest& request) const;  // its token is a device's, or the gateway's own for unknown ones

  void cut_transfers(ActionId action) { sending_.cut(action); }
  std::size_t transfers() const { return sending_.running(); }

 private:
  // Fills call.device. Nothing: it may speak; else what it is told.
  std::optional<HttpResponse> admit(Call& call);
  bool is_authorized(const HttpRequest& request, const DeviceState* device) const;
  Task<HttpResponse> route(Call& call);
  Task<HttpResponse> route_action(Call& call);

  // --- poll (ddi/poll.cc) ---
  Task<HttpResponse> poll(Call& call);
  std::string poll_body(const Call& call, const DeviceState& device) const;
  const PollCache& keep_poll(const Call& call, DeviceState& device) const;
  Task<HttpResponse> put_config_data(Call& call);
  Task<HttpResponse> put_installed(Call& call);

  // --- deployments (ddi/deployment.cc) ---
  Task<HttpResponse> get_deployment(Call& call, ActionId action);
  Task<HttpResponse> get_installed(Call& call, ActionId action);
  HttpResponse get_cancel(Call& call, ActionId action);
  HttpResponse deployment_answer(const Call& call, const ActionView& view, ActionId action, bool confirmation);
  core::Artifact about(const core::StepArtifact& artifact) const;
  wire::DdiArtifact artifact_of(const Call& call, const core::StepArtifact& artifact) const;

  // --- feedback (ddi/feedback.cc) ---
  Task<HttpResponse> post_feedback(Call& call, ActionId action);
  Task<HttpResponse> post_cancel_feedback(Call& call, ActionId action);
  std::string_view why_refused(const Call& call) const;
  void say_refused(const Call& call) const;
  void report_log(const JobId& job, int attempt, const wire::DdiFeedback& feedback);
  Task<HttpResponse> note_echo(Call& call, const ActionView& view, ActionId action, const wire::DdiFeedback& feedback);
  void add_to_end(const ActionView& view, ActionId action, const wire::DdiFeedback& feedback);
  Task<HttpResponse> note_late(Call& call, const ActionView& view, ActionId action, const wire::DdiFeedback& feedback);
  std::optional<HttpResponse> note_entry(const Call& call, ActionId action, const wire::DdiFeedback& feedback);
  core::Answered answered(const Call& call, const wire::DdiDray& dray, core::AnswerKind otherwise) const;

  // --- confirmation (ddi/confirmation.cc) ---
  HttpResponse get_confirmation_base(Call& call);
  Task<HttpResponse> get_confirmation(Call& call, ActionId action);
  Task<HttpResponse> post_confirmation(Call& call, ActionId action);
  Task<HttpResponse> set_auto_confirm(Call& call, bool active);

  // --- artifacts (ddi/download.cc) ---
  struct Served {  // an artifact that the device may have, and why
    const core::Job* job = nullptr;
    const core::StepArtifact* artifact = nullptr;
  };
  HttpResponse list_artifacts(Call& call, std::int64_t module) const;
  Task<HttpResponse> get_file(Call& call, std::int64_t module);
  std::optional<Served> find_served(const Call& call, std::int64_t module, const std::string& file) const;
  HttpResponse checksum(const Served& served) const;
  HttpResponse serve(Call& call, const Served& served, std::shared_ptr<const File> file);

  // --- the link's rate (ddi/probe.cc) ---
  HttpResponse get_probe(Call& call);
  Task<HttpResponse> post_probe(Call& call);

  // The body of a PUT or POST: 413, 415 where it must not be read.
  Task<std::optional<HttpResponse>> read_body(Call& call, std::string& body);
  // 200 once everything so far is durable.
  Task<HttpResponse> done(int status = 200);
  HttpResponse unknown_action(const Call& call, ActionId action) const;

  Parts parts_;
  Sending sending_;
  const HttpResponse too_many_ = empty(429);
};

}  // namespace dray::gateway::ddi
