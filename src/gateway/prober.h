// Runs the status checks that the site wants: a few at once, none more often than a status is good for.
#pragma once

#include "gateway/site.h"
#include "ports/probe.h"

namespace dray::gateway {

class Prober {
 public:
  // probe: null where no checks are configured.
  Prober(Site& site, Probe* probe, Clock& clock, TaskGroup& tasks)
      : site_{site}, probe_{probe}, clock_{clock}, tasks_{tasks} {}

  bool knows(const std::string& check) const { return probe_ != nullptr && probe_->knows(check); }
  Task<> run(Stop& stop);

 private:
  Task<> ask(std::string device, std::string check, Stop& stop);

  Site& site_;
  Probe* probe_;
  Clock& clock_;
  TaskGroup& tasks_;
  std::size_t running_ = 0;
};

}  // namespace dray::gateway
