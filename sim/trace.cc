#include "sim/trace.h"

#include <cstdio>

namespace dray::sim {
namespace {

std::string seconds(SteadyTime at) {
  const auto ms = at.time_since_epoch().count();
  std::string fraction = std::to_string(ms % 1000);
  fraction.insert(0, 3 - fraction.size(), '0');
  return std::to_string(ms / 1000) + "." + fraction;
}

}  // namespace

void Trace::note(SteadyTime at, std::string_view node, std::string_view line) {
  if (!keeps()) return;
  std::string text = seconds(at) + " " + std::string{node} + ": " + std::string{line} + "\n";
  hash_ = fnv1a(text, hash_);
  if (keep_ == Keep::kEcho) std::fwrite(text.data(), 1, text.size(), stderr);
  if (lines_.size() == kLines) lines_.pop_front();
  if (on_line_) on_line_(node, text);
  lines_.push_back(std::move(text));
}

void Trace::mix(std::uint64_t a, std::uint64_t b) {
  for (const std::uint64_t word : {a, b}) {
    hash_ = (hash_ ^ word) * 0x100000001b3 ^ (hash_ >> 29);
    events_hash_ = (events_hash_ ^ word) * 0x100000001b3 ^ (events_hash_ >> 29);
  }
}

std::string Trace::tail() const {
  std::string out;
  for (const auto& line : lines_) out += line;
  return out;
}

}  // namespace dray::sim
