#include "gateway/prober.h"

namespace dray::gateway {

Task<> Prober::run(Stop& stop) {
  if (probe_ == nullptr) co_return;
  while (!stop.requested()) {
    const auto changes = site_.checks_wanted.generation();
    const SteadyTime now = clock_.steady();
    SteadyTime until = kSteadyMax;
    for (auto& wanted : site_.wanted_checks()) {
      if (wanted.at > now) {
        until = std::min(until, wanted.at);
      } else if (running_ < site_.settings().checks_at_once) {
        ++running_;
        site_.check_began(*site_.find_device(wanted.device));
        tasks_.spawn(ask(std::move(wanted.device), std::move(wanted.check), stop));
      }  // else the end of one of those that run wakes us
    }
    co_await site_.checks_wanted.wait_past(changes, clock_, until, stop);
  }
}

Task<> Prober::ask(std::string device, std::string check, Stop& stop) {
  DeviceState* found = site_.find_device(device);
  ProbeSubject subject = site_.subject_of(*found);
  const auto answer = co_await probe_->run(std::move(check), std::move(subject), stop);
  --running_;
  if (stop.requested()) co_return;
  found = site_.find_device(device);
  if (found != nullptr) site_.check_ended(*found, answer);
  site_.checks_wanted.notify();
}

}  // namespace dray::gateway
