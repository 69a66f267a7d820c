// The gateway door, /gateway/v1: exactly docs/gateway-api.md. Level-triggered: plans and reports may be
// repeated, late or doubled. Loop thread only.
#pragma once

#include <memory>

#include "drive/group_commit.h"
#include "server/artifacts.h"
#include "server/http.h"
#include "server/instances.h"
#include "server/intake.h"
#include "server/sites.h"
#include "wire/gateway_api.h"

namespace dray::server {

class GatewayApi : public HttpHandler {
 public:
  // timetable is notified where reports have made something due before what is waited for.
  GatewayApi(Parts& parts, const Options& options, Sites& sites, Artifacts& artifacts, Instances& instances,
             TaskGroup& tasks, Signal& timetable);

  Task<HttpResponse> handle(HttpRequest request, Stop& stop) override;
  bool knows(const HttpRequest& request);  // its token is a site's

 private:
  void say_refused(const HttpRequest& request);
  // Reports on their way into the database; several gateways share a transaction.
  struct Incoming {
    ReportBatch batch;
    Ingested answer;
  };

  Task<HttpResponse> route(Site& site, Target target, HttpRequest request, Stop& stop);
  Task<HttpResponse> plan(Site& site, HttpRequest request, Stop& stop);
  Task<HttpResponse> current_plan(Site& site);
  Task<HttpResponse> reports(std::string site, HttpRequest request, Stop& stop);
  Task<> heed_damage(const std::string& site, const ReportBatch& batch);
  HttpResponse answer(const Incoming& incoming);
  Task<Result<>> commit(const std::vector<std::shared_ptr<Incoming>>& incoming);
  void say(const Incoming& incoming);
  Task<HttpResponse> artifact(Site& site, HttpRequest request, std::string name);
  HttpResponse slice(const HttpRequest& request, const Sha256& sha256, std::shared_ptr<const File> file,
                     std::shared_ptr<Transfer> running);
  HttpResponse probe(const std::string& bytes);

  Parts& parts_;
  const Options& options_;
  Sites& sites_;
  Artifacts& artifacts_;
  Instances& instances_;
  Signal& timetable_;
  GroupCommit<std::shared_ptr<Incoming>> saves_;
  std::size_t waiting_ = 0;
  Intake intake_;
  std::shared_ptr<std::size_t> downloads_ = std::make_shared<std::size_t>(0);
};

}  // namespace dray::server
