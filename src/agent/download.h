// One part from a DDI server into the spool: resumed by Range from what is durable, hashed while it streams,
// never more than the order says, never an error body.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/digest.h"
#include "core/update/attempt.h"
#include "ports/clock.h"
#include "ports/disk.h"
#include "ports/http.h"
#include "ports/worker.h"

namespace dray::agent {

inline constexpr std::string_view kSpool = "spool";
Path spool_path(const std::string& spool_name);  // "spool/<name>.part"

struct DownloadParts {
  Clock& clock;
  Disk& disk;
  Worker& worker;
  HttpClient& http;
  std::string authorization;
  bool is_own_server = true;  // not a mirror that a link leads to, whose tags mean what it likes
  Duration checkpoint_every{1000};
};

// `durable`: bytes of the partial that are safe; they are hashed again. on_durable(offset) tells of more, at
// most once per checkpoint_every, and when the transfer ends, however it ends. Errors: kCorrupt (all bytes
// came and they are wrong; the partial is gone), kNotFound, kDenied, kInvalid (not the body that was
// ordered), kExhausted (no room), transient ones, kStopped.
Task<Result<Sha256>> download(DownloadParts parts, core::attempt::Part part, std::uint64_t durable,
                              std::function<void(std::uint64_t)> on_durable, Stop& stop);

}  // namespace dray::agent
