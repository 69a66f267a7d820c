// Sends what waits in the outbox, in order, until it is acknowledged.
//
// Another server may refuse a whole batch for one entry. Then the batch is halved until that one is found, and it is
// kept beside (Outbox::aside). Only on a problem document, which no proxy on the way writes, and only where the server
// takes an empty batch right then: everything else is a line that does not work, and nothing is dropped.
//
// A server that asks for everything again and again slows it down (docs/fault-model.md, "Loops that another side's
// words drive").
#pragma once

#include "core/schedule/growing_pause.h"
#include "core/schedule/pace.h"
#include "drive/loop_brake.h"
#include "drive/trouble.h"
#include "gateway/halving.h"
#include "gateway/identity.h"
#include "gateway/site.h"
#include "ports/http.h"

namespace dray::gateway {

class Reporter {
 public:
  Reporter(Site& site, Identity& identity, HttpClient& server, Clock& clock, Random& random)
      : site_{site},
        identity_{identity},
        server_{server},
        clock_{clock},
        random_{random},
        brake_{"Sending reports to the server", clock, random, site.log()} {}
  Task<> run(Stop& stop);
  // Why reports wait, for people; nothing where all is well.
  std::optional<std::string> why_slow() const { return trouble_.sentence() ? trouble_.sentence() : brake_.sentence(); }

 private:
  Task<Result<>> send(Outbox::Batch batch, Stop& stop);
  Task<Result<TextResponse>> post(std::string body, Stop& stop);
  Task<Result<>> refused(Outbox::Batch batch, std::string why, Stop& stop);
  Site& site_;
  Identity& identity_;
  HttpClient& server_;
  Clock& clock_;
  Random& random_;
  Halving halving_;
  int set_aside_ = 0;  // in a row, without all being told in between
  LoopBrake brake_;
  core::Pace pace_;  // a device that says something new all the time makes no storm of reports
  Trouble trouble_{"reports_not_taken", "Sending reports to the server", clock_};
  std::optional<Duration> refused_;  // it answered; with the least time that it asked for
};

}  // namespace dray::gateway
