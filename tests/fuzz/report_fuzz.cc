// POST reports as a server reads it, and its answer as a gateway reads it.
#include "fuzz.h"
#include "wire/gateway_api.h"

using namespace dray;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  if (const auto report = wire::decode_report(text)) {
    const std::string written = wire::encode_report(*report);
    const auto again = wire::decode_report(written);
    fuzz::must(static_cast<bool>(again), "a report that was taken is read back");
    fuzz::must(wire::encode_report(*again) == written, "and it is the same");
    fuzz::must(is_utf8(wire::subject_of(*report)), "its subject is text");
  } else {
    fuzz::must_be_text(report.error().message());
  }
  if (const auto answer = wire::decode_answer(text)) {
    const auto again = wire::decode_answer(wire::encode_answer(*answer));
    fuzz::must(again && again->acknowledged == answer->acknowledged && again->resync == answer->resync, "an answer is read back");
  } else {
    fuzz::must_be_text(answer.error().message());
  }
  return 0;
}
