// The filter language: to_text() of a filter is read as the same filter, and each can be asked of a subject.
#include "core/model/filter.h"
#include "fuzz.h"

using namespace dray;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const auto filter = core::parse_filter(text, core::kDeviceFields);
  if (!filter) {
    fuzz::must_be_text(filter.error().message());
    return 0;
  }
  const auto again = core::parse_filter(core::to_text(*filter), core::kDeviceFields);
  // Writing quotes and escapes may pass the limit of what is read.
  if (!again) fuzz::must(core::to_text(*filter).size() > core::kLongestFilter, "a filter is read back");
  if (again) fuzz::must(*again == *filter, "a filter is read back as itself");
  core::passes(*filter, [](std::string_view field) -> std::optional<std::string> {
    if (field == "name") return "till-014";
    if (field == "state") return "9223372036854775807";
    if (field.starts_with("version.")) return "26.11";
    return {};
  });
  return 0;
}
