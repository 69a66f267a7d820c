// What happened, for people (lines) and for comparing runs (a hash over everything).
//
// Lines cost as much as all the rest of a run: where many seeds run, only the events are hashed, and a seed
// that failed runs once more with its lines.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace dray::sim {

inline constexpr std::uint64_t kFnvStart = 0xcbf29ce484222325;  // FNV-1a, 64 bits
inline std::uint64_t fnv1a(std::string_view text, std::uint64_t hash = kFnvStart) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

class Trace {
 public:
  enum class Keep {
    kNothing,  // only the hash, and that of events alone
    kLines,    // the last ones
    kEcho,     // and prints each to standard error: for looking at one seed
  };
  explicit Trace(Keep keep = Keep::kLines) : keep_{keep} {}

  bool keeps() const { return keep_ != Keep::kNothing; }
  // Called with each line that is kept.
  void on_line(std::function<void(std::string_view node, std::string_view line)> hook) {
    on_line_ = std::move(hook);
  }

  void note(SteadyTime at, std::string_view node, std::string_view line);
  void mix(std::uint64_t a, std::uint64_t b);

  std::uint64_t hash() const { return hash_; }
  std::uint64_t events_hash() const { return events_hash_; }  // the same whatever is kept
  std::string tail() const;  // the last lines, each with a newline

 private:
  static constexpr std::size_t kLines = 60;
  Keep keep_;
  std::function<void(std::string_view, std::string_view)> on_line_;
  std::uint64_t hash_ = kFnvStart, events_hash_ = kFnvStart;
  std::deque<std::string> lines_;
};

}  // namespace dray::sim
