// Probe by commands: one a check, in a process group of its own and with a time limit.
#pragma once

#include "adapters/posix/child.h"
#include "ports/probe.h"

namespace dray::adapters {

class ExecProbe : public Probe {
 public:
  struct Check {
    std::vector<std::string> command;
    CommandLimits limits{Duration{10'000}, Duration{2'000}};
  };
  // as: what the commands are started with; none: as we are.
  ExecProbe(asio::io_context& io, Clock& clock, std::map<std::string, Check> checks,
            std::optional<StartedWith> as = {})
      : io_{io}, clock_{clock}, checks_{std::move(checks)}, as_{as} {}

  bool knows(const std::string& check) const override { return checks_.contains(check); }
  Task<Result<ProbeAnswer>> run(std::string check, ProbeSubject subject, Stop& stop) override;

 private:
  asio::io_context& io_;
  Clock& clock_;
  std::map<std::string, Check> checks_;
  std::optional<StartedWith> as_;
};

}  // namespace dray::adapters
