// dray-relay as a child of a test: a line that is slow or breaks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "support/process.h"

namespace dray::testing_support {

class RelayProcess {
 public:
  // to: "127.0.0.1:PORT"; options: of dray-relay, such as {"--rate", "400 kB/s"}.
  RelayProcess(const std::string& to, std::vector<std::string> options);

  std::string url() const { return "http://" + address_; }
  std::string order(const std::string& line);  // to its control port; its answer
  int cuts();                                   // connections cut so far
  std::uint64_t bytes_down();                   // handed on towards the client

 private:
  std::unique_ptr<Process> process_;
  std::string address_, control_;
};

}  // namespace dray::testing_support
