// Whatever comes in, text.h makes valid UTF-8 of it, within its limit, and leaves what is clean as it is.
#include "base/text_testing.h"
#include "fuzz.h"

using namespace dray;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view raw = fuzz::text_of(data, size);
  const std::size_t most = size == 0 ? 0 : data[0];
  const std::string cleaned = clean_text(raw, most);
  fuzz::must(is_utf8(cleaned) && cleaned.size() <= most, "clean_text keeps its limit");
  fuzz::must(clean_text(cleaned, most) == cleaned, "clean text stays as it is");
  const std::string characters = clean_characters(raw, most);
  fuzz::must(cut_characters(characters, most) == characters, "clean_characters keeps its limit");
  const std::string name = clean_name(raw);
  fuzz::must(is_utf8(name) && testing_text::name_outside(name) == raw, "a clean name says which name it was");
  const std::string mended = mend_utf8(raw);
  fuzz::must(is_utf8(mended) && (!is_utf8(raw) || mended == raw), "what is UTF-8 needs no mending");
  fuzz::must(is_utf8(cut_text(mended, most)), "cut at a character");
  return 0;
}
