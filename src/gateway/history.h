// What the gateway counts beside its jobs: what a device told about one action, and the bytes of its links.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

namespace dray::gateway {

// What a device told about one action, for quotas and actionHistory.
struct ActionHistory {
  int entries = 0;
  std::string status = "RUNNING";
  std::deque<std::string> messages;  // newest last
  std::string words = {};     // the last that it said while it worked: why it failed, where its closing does not say it
  bool failed_after = false;  // a failure behind its own success was heard
  friend bool operator==(const ActionHistory&, const ActionHistory&) = default;
};

// Bytes over the two links, for people and the demo: artifact bodies, and everything else on the WAN.
struct LinkBytes {
  std::uint64_t wan = 0, wan_control = 0, lan = 0;
  friend bool operator==(const LinkBytes&, const LinkBytes&) = default;
};

}  // namespace dray::gateway
