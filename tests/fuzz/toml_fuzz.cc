// Configuration files: every getter on whatever somebody wrote.
#include "adapters/toml/config.h"
#include "fuzz.h"

using namespace dray;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = adapters::Config::parse(fuzz::text_of(data, size), "fuzz.toml");
  if (!file) {
    fuzz::must_be_text(file.error().message());
    return 0;
  }
  fuzz::must(is_utf8(file->text("text", "")), "text is UTF-8");
  file->choice("choice", {"one", "two"}, "one");
  file->boolean("boolean", false);
  file->integer("integer", {.least = 0, .most = 10}, 1);
  file->number("number", 0, 1, 0.5);
  file->duration_s("wait_s", {.least = 0, .most = 3'600}, Duration{1'000});
  file->bytes("bytes", {.least = 1, .most = 1'000'000}, Bytes{1});
  file->rate("rate", {.least = 1, .most = 1'000'000}, BytesPerSecond{1});
  file->time("time", WallTime{});
  file->strings("strings", std::vector<std::string>{});
  for (const adapters::Config& one : file->tables("tables")) one.text("name", "");
  const auto done = file->finish();
  if (!done) fuzz::must_be_text(done.error().message());
  return 0;
}
