// What reports on their way in may take of the server's memory: so many bytes of bodies of all sites together, two
// batches of one site; and of these so many bytes at a time as values, which take several times as much. What is over
// it comes again later: reports are repeated until they are acknowledged. Loop thread only.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "drive/signal.h"

namespace dray::server {

class Intake {
 public:
  struct Limits {
    std::size_t batches = 256, batches_of_site = 2;
    std::uint64_t bytes = 64 << 20;    // of bodies larger than `small`
    std::uint64_t small = 64 << 10;    // up to here a body is not counted among these, so it gets in beside them
    std::uint64_t decoded = 16 << 20;  // of bodies that stand as values in memory
  };
  explicit Intake(Limits limits) : limits_{limits} {}

  // The room that one body takes, given back with it.
  class Room {
   public:
    Room(Intake& intake, std::string site, std::uint64_t bytes);
    ~Room();
    Room(const Room&) = delete;
    Room& operator=(const Room&) = delete;
    // Waits for its turn to become values. False: stopped.
    Task<bool> decode(Clock& clock, Stop& stop);

   private:
    Intake& intake_;
    std::string site_;
    std::uint64_t pooled_, bytes_, decoding_ = 0;
  };
  // Why there is no room for a body of so many bytes now; empty: there is.
  std::string refusal(const std::string& site, std::uint64_t bytes) const;
  std::uint64_t bytes() const { return bytes_; }

 private:
  Limits limits_;
  std::size_t batches_ = 0;
  std::uint64_t bytes_ = 0, decoding_ = 0;
  std::unordered_map<std::string, std::size_t> of_site_;
  Signal freed_;
};

}  // namespace dray::server
