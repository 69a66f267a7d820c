// What a gateway is told once at its start. Each has its key in docs/gateway.sample.toml.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/update/job.h"

namespace dray::gateway {

struct Settings {
  std::string server_url;  // "http://updates.example:8080", without a path at its end
  std::string token;       // Authorization: Bearer

  std::vector<std::string> local_names;  // of the local API's host, beside localhost and IP addresses

  std::string tenant = "DEFAULT";             // first segment of every device path, compared without case
  std::chrono::seconds poll_sleep{300};       // what devices are told to wait between polls
  std::string unknown_devices_token_sha256;   // DDI gateway token for devices the plan does not know; empty: refused
  double requests_per_second = 20;            // per device
  double request_burst = 200;

  core::RetryTimes retry;                     // of attempts
  std::chrono::seconds answer_valid{900};     // a confirmed request is good for
  std::chrono::seconds cancel_within{600};    // a cancelled device may be silent for

  std::chrono::seconds status_good_for{300};  // a status check's word; too old means checked again
  std::size_t checks_at_once = 4;

  std::uint64_t store_quota = 32'000'000'000;  // bytes of artifacts; the plan's limit wins where it is lower
  std::uint64_t store_reserve = 64'000'000;    // bytes that stay free on the disk

  std::chrono::seconds plan_wait{55};          // long poll
  bool probe = true;                           // may measure links by probes
  Duration server_retry_base{1'000}, server_retry_cap{60'000};
};

}  // namespace dray::gateway
