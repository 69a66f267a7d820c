// What a server is made of: ports and stores from outside. apps/ and sim/ put it together.
#pragma once

#include "base/log.h"
#include "ports/disk.h"
#include "ports/random.h"
#include "ports/worker.h"
#include "server/schedule.h"
#include "server/server_time.h"
#include "server/store.h"

namespace dray::server {

struct Parts {
  Executor executor;
  ServerTime& clock;
  Random& random;
  Disk& disk;            // the data folder; used on `bytes` only
  Worker& store_worker;  // the only user of `store`
  Worker& lists_worker;  // the only user of `lists`; the same as store_worker where there is one connection
  Worker& bytes;         // hashing and file work
  Store& store;
  Lists& lists;
  Log log;
  ZoneFinder zones = {};  // left out: all sites are planned in UTC
};

struct Options {
  std::uint64_t most_artifact_bytes = 64ULL << 30;
  std::uint64_t reserve_bytes = 256ULL << 20;  // kept free on the disk
  std::size_t most_uploads = 100;              // unfinished ones
  Duration upload_kept{7 * 24 * 3600 * 1000};  // an unfinished upload that nobody touches
  std::size_t most_downloads = 512;            // at a time, by gateways
  std::size_t most_waiting = 20'000;           // long polls
  std::size_t most_waiting_batches = 256;      // reports that wait for their commit
  std::chrono::seconds longest_wait{60};       // of a long poll
  Duration longest_sleep{10'000};              // wall time may be set: rollouts look at it again this often
  EgressBudget egress = {};                    // to all sites together
  Duration between_plans{1'000};               // times are looked at again this often at most
  Duration flush_contacts{5'000};              // when each gateway called is on the disk so soon
};

}  // namespace dray::server
