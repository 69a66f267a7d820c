// What an agent reads back (src/agent/documents): the first line is the file's name, the rest the file.
#include "agent/documents/boot_record.h"
#include "agent/documents/state.h"
#include "agent/documents/stored.h"
#include "fuzz.h"

using namespace dray;

namespace {

// Beside what every round trip keeps: the values are equal, too, and what can't be read is kept beside.
template <class Read, class Write>
void round_trip(std::string_view text, Read read, Write write) {
  const auto value = read(text);
  if (!fuzz::round_trip(text, read, write)) {
    fuzz::must(value.error().code() == ErrorCode::kInvalid, "it is kept beside, because it can't be read");
    return;
  }
  fuzz::must(*read(write(*value)) == *value, "and it is the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = fuzz::text_of(data, size);
  const std::string_view name = fuzz::next_line(text);
  if (name == "state.json") round_trip(text, agent::decode_state, agent::encode_state);
  if (name == "boot.json") round_trip(text, agent::decode_boot, agent::encode_boot);
  if (name == "metadata.json") round_trip(text, agent::decode_slot, agent::encode_slot);
  if (name == "order.json") round_trip(text, agent::decode_order, agent::encode_order);
  if (name == "single-file.json") round_trip(text, agent::decode_book, agent::encode_book);
  return 0;
}
