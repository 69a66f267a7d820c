// GET plan as a gateway reads it: what is taken is written and read as the same plan again.
#include "fuzz.h"
#include "wire/gateway_api.h"

using namespace dray;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto message = wire::decode_plan(fuzz::text_of(data, size));
  if (!message) {
    fuzz::must_be_text(message.error().message());
    return 0;
  }
  const std::string written = wire::encode_plan(*message);
  const auto again = wire::decode_plan(written);
  fuzz::must(static_cast<bool>(again), "a plan that was taken is read back");
  fuzz::must(wire::encode_plan(*again) == written, "and it is the same");
  return 0;
}
