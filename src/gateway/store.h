// What the gateway keeps over a restart: small documents by kind and id. Everything is held in memory and read
// once at the start; a poll never waits for this.
//
// Synchronous, called on the `store` worker only. Implemented by adapters/sqlite/gateway_store.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace dray::gateway {

namespace kind {
inline constexpr std::string_view kPlan = "plan";          // "current": the plan as received
inline constexpr std::string_view kJob = "job";            // core::Job
inline constexpr std::string_view kAction = "action";      // DDI history of an action, by its id
inline constexpr std::string_view kDevice = "device";      // what a device said about itself
inline constexpr std::string_view kDeferral = "deferral";  // of the local API
inline constexpr std::string_view kEnded = "ended";        // a job that has ended, once more, by job
inline constexpr std::string_view kReport = "report";      // not yet acknowledged, by subject
inline constexpr std::string_view kAside = "aside";        // a report that another server could not take, by subject
inline constexpr std::string_view kArtifact = "artifact";  // stored and verified, by SHA-256
inline constexpr std::string_view kPartial = "partial";    // bytes that are safe of an artifact on its way
inline constexpr std::string_view kRate = "rate";          // of a link in one hour of the week: "wan/45", "lan/till-014/45"
inline constexpr std::string_view kMeta = "meta";          // "counters", "clock", "link", "instance", "sent_before", "withdrawn"
// What could not be read, as it was, by "<kind>/<id>". Nobody reads it but people.
inline constexpr std::string_view kUnreadable = "unreadable";
}  // namespace kind

// One document to put, or to erase where there is no text.
struct Write {
  std::string kind, id;
  std::optional<std::string> text;

  static Write put(std::string_view kind, std::string id, std::string text) {
    return Write{std::string{kind}, std::move(id), std::move(text)};
  }
  static Write erase(std::string_view kind, std::string id) { return Write{std::string{kind}, std::move(id), {}}; }
};
using Writes = std::vector<Write>;

struct Document {
  std::string kind, id, text;
};

struct Store {
  virtual ~Store() = default;
  // Everything, sorted by kind and id.
  virtual Result<std::vector<Document>> load() = 0;
  // All or nothing; durable when it returns. A later write of the same document wins.
  virtual Result<> commit(const std::vector<Writes>& batch) = 0;
};

}  // namespace dray::gateway
