// Fetches what the jobs want and what is not stored: once, however many devices need it, resuming over anything.
//
// Level-triggered: looks at the site whenever something changed and does the next thing. One artifact at a time (the
// WAN is the bottleneck); one that fails waits its back-off while others go on. Transfer intervals of the assignments
// bound it: outside of all of them it pauses, and goes on where it was.
//
// What the server sends can't make it ask without waiting (docs/fault-model.md, "Loops that another side's words drive"):
// only bytes that were never here before shorten a wait, and an artifact whose bytes are wrong is fetched again after
// pauses that grow to an hour, because each time costs the WAN all of it.
#pragma once

#include <map>
#include <optional>

#include "core/schedule/growing_pause.h"
#include "drive/loop_brake.h"
#include "drive/trouble.h"
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
  explicit Fetcher(Parts parts)
      : parts_{parts}, brake_{"Fetching artifacts from the server", parts.clock, parts.random, parts.site.log()} {}

  // From a document of the store: how much of an artifact is safe.
  Result<> restore(const Document& document);
  Task<> run(Stop& stop);
  // Why there is no room for it: disk or quota, and how much is missing. Empty: there is, as far as is known.
  std::string why_full(const Sha256& sha) const;
  // Why it does not come though the line works: its bytes are wrong, or the server says so itself. Empty: nothing is known.
  std::string why_damaged(const Sha256& sha) const;
  // Artifacts that are wanted and came with another SHA-256.
  std::vector<wire::SpoiltArtifact> damaged() const;
  // A stored artifact was found broken. It is to be fetched again, but not for ever without a pause.
  void spoilt(const Sha256& sha);
  // Why fetches are slow, for people; nothing where they are not.
  std::vector<std::string> why_slow() const;
  // Artifacts of which something is remembered besides what is stored: those that jobs want, or wanted an hour ago.
  std::size_t remembered() const { return efforts_.size(); }

 private:
  struct Wanted {
    Sha256 sha;
    std::uint64_t size = 0;
    bool allowed = false;             // by a transfer interval
    std::optional<WallTime> opens;    // when it will be
    auto rank() const { return std::tuple{!allowed}; }
  };
  // What is remembered of the tries to fetch an artifact, until no job wants it and its pause is over.
  struct Effort {
    core::GrowingPause backoff, spoilt;  // spoilt: of bytes that came in vain, all of them
    Trouble trouble;
    SteadyTime until{};      // not before
    std::uint64_t best = 0;  // most bytes of it that ever were here
    std::string full;        // why there was no room for it; empty: there was
    SteadyTime full_said{};  // how much is missing moves all the time: it is told so often
    std::int64_t wrong = 0;     // how often its bytes were wrong, one after the other
    std::string damaged;        // said of it as long as it does not come; empty: nothing
    bool whole = false;      // the next question is for all of it: a part was refused. What is here stays
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
  void note_progress(const Incoming& file);
  void note_stored(const Sha256& sha);
  void note_damaged(const Sha256& sha, std::string why);
  void filled_up(const Sha256& sha);
  void note_full(const Sha256& sha, std::string why);
  void note_coming(const Sha256& sha);
  Effort& effort(const Sha256& sha);
  void forget_unwanted();
  enum class Why { kNotNow, kFailed, kRefused };  // kNotNow: it said when; the pauses do not grow
  void put_off(const Sha256& sha, Duration least, Why why);

  Parts parts_;
  std::map<Sha256, std::uint64_t> safe_;  // bytes of partial files
  std::map<Sha256, Effort> efforts_;
  LoopBrake brake_;
};

}  // namespace dray::gateway
