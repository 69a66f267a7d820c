// Probe: asks for the status of a device that can't be asked by the device protocol, and of what else may
// stand in the way of an update: a command of the site's (exit 0 ready, 10 busy and "retry_after=SECONDS" on
// standard output).
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "base/stop.h"
#include "ports/task.h"

namespace dray {

// Whose status. Goes by environment, not by argument: DRAY_DEVICE, DRAY_TYPE, DRAY_ADDRESS, and each
// attribute as DRAY_ATTRIBUTE_<NAME>, in capitals and with '_' for what is no letter or digit.
struct ProbeSubject {
  std::string device, type;
  std::string address;  // from which it called last; may be empty
  std::map<std::string, std::string> attributes;  // that the device says of itself
  std::map<std::string, std::string> given;       // by an operator: these win, also where only their variables are the same
};

struct ProbeAnswer {
  bool busy = false;
  std::optional<std::chrono::seconds> retry_after;
  std::string why;  // for people
};

struct Probe {
  virtual ~Probe() = default;
  // True: there is a check of that name.
  virtual bool knows(const std::string& check) const = 0;
  // kNotFound: no such check. Else an Error means that the status is unknown: it could not be run, failed, or
  // took too long.
  virtual Task<Result<ProbeAnswer>> run(std::string check, ProbeSubject subject, Stop& stop) = 0;
};

}  // namespace dray
