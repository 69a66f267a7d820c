// Sends what waits in the outbox, in order, until it is acknowledged.
//
// Another server may refuse a whole batch for one entry. Then the batch is halved until that one is found, and it is
// kept beside (Outbox::aside). Only on a problem document, which no proxy on the way writes, and only where the server
// takes an empty batch right then: everything else is a line that does not work, and nothing is dropped.
#pragma once

#include "gateway/backoff.h"
#include "gateway/halving.h"
#include "gateway/site.h"
#include "ports/http.h"

namespace dray::gateway {

class Reporter {
 public:
  Reporter(Site& site, HttpClient& server, Clock& clock, Random& random)
      : site_{site}, server_{server}, clock_{clock}, random_{random} {}
  Task<> run(Stop& stop);

 private:
  Task<Result<>> send(Outbox::Batch batch, Stop& stop);
  Task<Result<TextResponse>> post(std::string body, Stop& stop);
  Task<Result<>> refused(Outbox::Batch batch, std::string why, Stop& stop);
  Site& site_;
  HttpClient& server_;
  Clock& clock_;
  Random& random_;
  Halving halving_;
  int set_aside_ = 0;  // in a row, without all being told in between
};

}  // namespace dray::gateway
