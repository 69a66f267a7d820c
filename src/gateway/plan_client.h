// Keeps the plan current: long-polls GET plan, corrects the clock, hands every new revision to the site.
//
// A 200 without `ETag: "<revision>"`, or that is not our JSON (a captive portal), counts as no answer. While another
// gateway answers for the site (409) it asks for the whole plan, without waiting, with pauses that grow to 5 minutes.
#pragma once

#include "gateway/backoff.h"
#include "gateway/identity.h"
#include "gateway/site.h"
#include "ports/http.h"

namespace dray::gateway {

class PlanClient {
 public:
  PlanClient(Site& site, Identity& identity, HttpClient& server, Clock& clock, Random& random)
      : site_{site}, identity_{identity}, server_{server}, clock_{clock}, random_{random} {}
  Task<> run(Stop& stop);

 private:
  Task<Result<>> ask(Stop& stop);
  Result<> take(const TextResponse& answer, core::ReportsSeen acknowledged, SteadyTime heard);
  Site& site_;
  Identity& identity_;
  HttpClient& server_;
  Clock& clock_;
  Random& random_;
};

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, IMF-fixdate).
Result<WallTime> parse_http_date(std::string_view text);
std::string to_http_date(WallTime time);

}  // namespace dray::gateway
