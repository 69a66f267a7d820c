// A real swupdate (Debian's package) as a device of a test: no flashing, no bootloader, one plain file as its slot.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "support/process.h"

namespace dray::interop {

class SwupdateDevice {
 public:
  // Everything it needs lives in `folder`. Makes the key that Debian's build insists on.
  SwupdateDevice(std::string folder, std::string name, std::string token);

  // What it says about itself from its next start on, beside its hwRevision.
  void identify(const std::map<std::string, std::string>& attributes) const;
  // A signed .swu that installs `payload` as installed().
  std::string make_image(const std::string& payload, const std::string& version) const;
  // Starts it against a DDI server. `report`: "" = waits for orders, "2" = "the update worked", told after a restart.
  void start(const std::string& url, const std::string& report = "");
  void stop();

  testing_support::Process& process() { return *process_; }
  std::string installed() const;  // what the slot holds; empty before the first installation

 private:
  void run(const std::string& script) const;

  std::string folder_, name_, token_;
  std::unique_ptr<testing_support::Process> process_;
};

}  // namespace dray::interop
