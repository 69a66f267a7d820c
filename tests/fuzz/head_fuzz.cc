// Request and response heads and bodies, as the HTTP parser takes them, in pieces.
#include "fuzz.h"
#include "net/message_parser.h"
#include "net/url.h"

using namespace dray;

namespace {

// Feeds a body in pieces of `step` bytes; each step uses bytes, says that it is done or bad, or nothing more comes.
template <class Parser>
void feed(Parser& parser, std::string_view body, std::size_t step) {
  while (!body.empty()) {
    const net::BodyStep taken = parser.parse_body(body.substr(0, step));
    fuzz::must(taken.used <= std::min(step, body.size()), "not more than was given is used");
    if (taken.done || taken.bad) return;
    if (taken.used == 0) {
      if (step >= body.size()) return;
      ++step;
      continue;
    }
    body.remove_prefix(taken.used);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const std::size_t end = net::head_end(text);
  if (const auto url = net::parse_url(text.substr(0, text.find('\n'))); !url) fuzz::must_be_text(url.error().message());
  net::RequestParser::may_become_head(text);
  if (end == std::string_view::npos) return 0;
  const std::string_view head = text.substr(0, end), body = text.substr(end);
  const std::size_t step = 1 + data[0] % 16;

  net::RequestParser requests;
  HttpRequest request{Method::kGet, ""};
  if (requests.parse_head(head, request) == 0 && requests.has_body()) feed(requests, body, step);

  net::ResponseParser responses;
  int status = 0;
  Headers headers;
  if (responses.parse_head(head, false, status, headers) && responses.has_body()) feed(responses, body, step);
  return 0;
}
