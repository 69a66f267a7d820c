// What could not be read is kept beside, as it was, for people: of each kind the newest kMostKept, so that no kind pushes
// out another's.
//
// Kept under "KIND/NUMBER/ID"; a greater number was kept later. What is kept already, as it is, is not kept again; a text
// that has changed takes the place of the earlier one. Private to the gateway. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "gateway/store.h"

namespace dray::gateway::documents {

inline constexpr std::size_t kMostKept = 1'000;  // of a kind

class Kept {
 public:
  // At the start: what is there (kind kUnreadable). Until 2026-11-30 without a number: these are the oldest.
  void restore(const Document& kept);
  // Is to be kept. stays: it stays in its own place as well, and comes again at each start; so it pushes out nothing, and is
  // not kept where kMostKept of its kind are.
  void add(const Document& unreadable, bool stays);
  // What makes it so in the store. Once, when everything was added.
  Writes writes();
  // How many of a kind went because newer ones are there, by kind. After writes().
  const std::map<std::string, std::size_t>& dropped() const { return dropped_; }

 private:
  struct One {
    std::uint64_t number = 0;
    std::string stored_as, text;  // stored_as: its id in the store; empty: it is not there yet
  };
  std::map<std::string, std::map<std::string, One>> kinds_;  // kind -> id -> what is kept
  std::uint64_t last_ = 0;
  Writes gone_;
  std::map<std::string, std::size_t> dropped_;
};

}  // namespace dray::gateway::documents
