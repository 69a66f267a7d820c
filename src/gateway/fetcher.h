// Fetches what the jobs want and what is not stored: once, however many devices need it, resuming over anything.
//
// Level-triggered: looks at the site whenever something changed and does the next thing. One artifact at a time (the
// WAN is the bottleneck); one that fails waits its back-off while others go on. Transfer intervals of the assignments
// bound it: outside of all of them it pauses, and goes on where it was.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "gateway/backoff.h"
#include "gateway/blobs.h"
#include "gateway/identity.h"
#include "gateway/incoming.h"
#include "gateway/metered_client.h"
#include "gateway/site.h"
#include "gateway/wan.h"

namespace dray::gateway {

class Fetcher {
 public:
  struct Parts {
    Site& site;
    Blobs& blobs;
    Identity& identity;
    Disk& disk;
    Worker& worker;
    Clock& clock;
    Random& random;
    MeteredClient& server;
    Wan& wan;
  };
  explicit Fetcher(Parts parts) : parts_{parts} {}

  // From a document of the store: how much of an artifact is safe.
  Result<> restore(const Document& document);
  Task<> run(Stop& stop);
  bool is_full_for(const Sha256& sha) const { return full_.contains(sha); }
  std::uint64_t quota() const;

 private:
  struct Wanted {
    Sha256 sha;
    std::uint64_t size = 0;
    bool allowed = false;             // by a transfer interval
    std::optional<WallTime> opens;    // when it will be
    auto rank() const { return std::tuple{!allowed}; }
  };
  struct Wait {
    Backoff backoff;
    SteadyTime until;
  };
  class Sink;

  std::vector<Wanted> wanted() const;
  bool may_run(const Sha256& sha) const;
  SteadyTime next_look(const std::vector<Wanted>& list) const;
  Task<> fetch(Wanted what, Stop& stop);
  Task<Result<>> transfer(Incoming& file, Stop& stop);
  Task<Result<>> complete(Incoming& file);
  Blob blob_of(const Sha256& sha, std::uint64_t size, const Incoming::Hashes& hashes) const;
  Task<bool> adopt(const Wanted& what);
  Task<Result<>> make_room(const Wanted& what);
  Task<> drop_unwanted();
  Task<Result<>> work(std::function<Result<>()> f) { return on<Result<>>(parts_.worker, std::move(f)); }
  void put_off(const Sha256& sha, Duration least, bool failure);

  Parts parts_;
  std::map<Sha256, std::uint64_t> safe_;  // bytes of partial files
  std::map<Sha256, Wait> waits_;
  std::set<Sha256> full_;
};

}  // namespace dray::gateway
