// What happened, for people (the last lines) and for comparing runs (a hash over everything).
#pragma once

#include <cstdint>
#include <deque>
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
  // Also prints each line to standard error: for looking at one seed.
  explicit Trace(bool echo = false) : echo_{echo} {}

  void note(SteadyTime at, std::string_view node, std::string_view line);
  void mix(std::uint64_t a, std::uint64_t b);

  std::uint64_t hash() const { return hash_; }
  std::string tail() const;  // the last lines, each with a newline

 private:
  static constexpr std::size_t kLines = 60;
  bool echo_;
  std::uint64_t hash_ = kFnvStart;
  std::deque<std::string> lines_;
};

}  // namespace dray::sim
