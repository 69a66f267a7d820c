// Compiled zone rules (TZif) and the POSIX rule in their footer: read or refused, sorted, and never without end.
#include <algorithm>

#include "adapters/zones/tzif.h"
#include "fuzz.h"

using namespace dray;

namespace {

void must_be_sorted(const std::vector<core::ZoneTransition>& transitions) {
  fuzz::must(std::is_sorted(transitions.begin(), transitions.end(), [](const auto& a, const auto& b) { return a.at < b.at; }),
             "transitions are sorted");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const WallTime until{std::chrono::sys_days{std::chrono::year{2040} / 1 / 1}};
  const auto rules = adapters::read_tzif("Fuzz/Zone", std::as_bytes(std::span{data, size}), until);
  if (rules)
    must_be_sorted(rules->transitions);
  else
    fuzz::must_be_text(rules.error().message());
  const std::chrono::sys_seconds from{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};
  const auto posix = adapters::read_posix_zone(fuzz::text_of(data, size), from, until);
  if (posix)
    must_be_sorted(posix->transitions);
  else
    fuzz::must_be_text(posix.error().message());
  return 0;
}
