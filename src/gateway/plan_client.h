// Keeps the plan current: long-polls GET plan, corrects the clock, hands every new revision to the site.
//
// A 200 without `ETag: "<revision>"` (a proxy may have made it weak), or that is not our JSON (a captive portal), counts
// as no answer. What the server says can't make it ask without waiting (docs/fault-model.md, "Loops that another side's
// words drive"); one that can't be used, because it can't be read or is larger than kMostPlanBytes, makes pauses grow to 5
// minutes. While another gateway answers for the site (409) it asks for the whole plan, without waiting, with pauses
// that grow to 5 minutes.
#pragma once

#include "core/schedule/growing_pause.h"
#include "drive/loop_brake.h"
#include "drive/trouble.h"
#include "gateway/identity.h"
#include "gateway/site.h"
#include "ports/http.h"

namespace dray::gateway {

class PlanClient {
 public:
  PlanClient(Site& site, Identity& identity, HttpClient& server, Clock& clock, Random& random)
      : site_{site},
        identity_{identity},
        server_{server},
        clock_{clock},
        random_{random},
        brake_{"Asking the server for the plan", clock, random, site.log()} {}
  Task<> run(Stop& stop);
  // Why plans come late or not at all, for people; nothing where all is well.
  std::optional<std::string> why_slow() const { return trouble_.sentence() ? trouble_.sentence() : brake_.sentence(); }

 private:
  Task<Result<>> ask(Stop& stop);
  Result<> take(const TextResponse& answer, core::ReportsSeen acknowledged, SteadyTime heard);
  Site& site_;
  Identity& identity_;
  HttpClient& server_;
  Clock& clock_;
  Random& random_;
  LoopBrake brake_;
  Trouble trouble_{"server_away", "Asking the server for the plan", clock_};
  bool is_of_no_use_ = false;        // it answered, and the plan can't be read, or is too large to be
  std::optional<Duration> refused_;  // it answered; with the least time that it asked for
};

}  // namespace dray::gateway
