// Range, If-Range and If-Match of a file: whatever is asked, the answer lies inside of the file.
#include "fuzz.h"
#include "wire/ddi.h"
#include "wire/range.h"

using namespace dray;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view rest = fuzz::text_of(data + 1, size - 1);
  const std::string_view range = fuzz::next_line(rest), if_range = fuzz::next_line(rest), if_match = fuzz::next_line(rest);
  wire::FileQuestion question{.range = range, .if_range = {}, .if_match = {}, .is_get = (data[0] & 1) == 0,
                              .size = (data[0] & 2) != 0 ? ~std::uint64_t{0} : data[0] / 4U, .tag = "c1",
                              .last_modified = "Sun, 06 Nov 1994 08:49:37 GMT"};
  if ((data[0] & 4) != 0) question.if_range = if_range;
  if ((data[0] & 8) != 0) question.if_match = if_match;
  const wire::FileAnswer answer = wire::answer_range(question);
  fuzz::must(answer.status == 200 || answer.status == 206 || answer.status == 412 || answer.status == 416, "a known status");
  fuzz::must((answer.status == 206) == !answer.ranges.empty(), "ranges where a part is sent, and only there");
  for (const wire::ByteRange& one : answer.ranges) {
    fuzz::must(one.length > 0 && one.offset < question.size && one.length <= question.size - one.offset, "inside of the file");
    fuzz::must_be_text(wire::content_range(one, question.size));
  }
  if (const auto name = wire::unescape_url(range)) {
    const auto again = wire::unescape_url(wire::escape_url(*name));
    fuzz::must(again && *again == *name, "a segment of a URL is read back");
  }
  return 0;
}
