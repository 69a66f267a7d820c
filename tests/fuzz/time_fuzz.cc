// Times and spans: what is read is written so that it is read as the same again.
#include "base/time.h"
#include "fuzz.h"

using namespace dray;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = fuzz::text_of(data, size);
  while (!rest.empty()) {
    const std::string_view line = fuzz::next_line(rest);
    if (const auto time = parse_rfc3339(line)) {
      const auto again = parse_rfc3339(to_rfc3339(*time));
      fuzz::must(again && *again == *time, "a time is read back");
    } else {
      fuzz::must_be_text(time.error().message());
    }
    if (const auto span = parse_span(line)) fuzz::must_be_text(say_span(*span));
    if (const auto hms = parse_hms(line)) fuzz::must(static_cast<bool>(parse_hms(to_hms(*hms))), "HH:MM:SS is read back");
  }
  if (size >= 8) {
    std::int64_t ms = 0;
    for (int i = 0; i < 8; ++i) ms = static_cast<std::int64_t>(static_cast<std::uint64_t>(ms) << 8 | data[i]);
    fuzz::must(static_cast<bool>(parse_rfc3339(to_rfc3339(WallTime{Duration{ms}}))), "any instant is written as one");
  }
  return 0;
}
