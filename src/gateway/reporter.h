// Sends what waits in the outbox, in order, until it is acknowledged.
#pragma once

#include "gateway/backoff.h"
#include "gateway/identity.h"
#include "gateway/site.h"
#include "ports/http.h"

namespace dray::gateway {

class Reporter {
 public:
  Reporter(Site& site, Identity& identity, HttpClient& server, Clock& clock, Random& random)
      : site_{site}, identity_{identity}, server_{server}, clock_{clock}, random_{random} {}
  Task<> run(Stop& stop);

 private:
  Task<Result<>> send(Outbox::Batch batch, Stop& stop);
  Site& site_;
  Identity& identity_;
  HttpClient& server_;
  Clock& clock_;
  Random& random_;
};

}  // namespace dray::gateway
