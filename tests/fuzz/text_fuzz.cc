// Whatever comes in, text.h makes valid UTF-8 of it, within its limit, and leaves what is clean as it is.
#include "fuzz.h"

using namespace dray;

// The name that was outside: clean_name() loses nothing, so two never become one.
static std::string name_outside(std::string_view clean) {
  const std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (std::size_t i = 0; i < clean.size(); ++i) {
    const auto high = i + 2 < clean.size() && clean[i] == '%' ? digits.find(clean[i + 1]) : std::string_view::npos;
    const auto low = high == std::string_view::npos ? high : digits.find(clean[i + 2]);
    if (low == std::string_view::npos) {
      out += clean[i];
      continue;
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view raw = fuzz::text_of(data, size);
  const std::size_t most = size == 0 ? 0 : data[0];
  const std::string cleaned = clean_text(raw, most);
  fuzz::must(is_utf8(cleaned) && cleaned.size() <= most, "clean_text keeps its limit");
  fuzz::must(clean_text(cleaned, most) == cleaned, "clean text stays as it is");
  const std::string characters = clean_characters(raw, most);
  fuzz::must(cut_characters(characters, most) == characters, "clean_characters keeps its limit");
  const std::string name = clean_name(raw);
  fuzz::must(is_utf8(name) && name_outside(name) == raw, "a clean name says which name it was");
  const std::string mended = mend_utf8(raw);
  fuzz::must(is_utf8(mended) && (!is_utf8(raw) || mended == raw), "what is UTF-8 needs no mending");
  fuzz::must(is_utf8(cut_text(mended, most)), "cut at a character");
  return 0;
}
