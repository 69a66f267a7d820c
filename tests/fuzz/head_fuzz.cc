// Request and response heads and bodies, as the HTTP parser takes them, in pieces.
#include <algorithm>

#include "fuzz.h"
#include "net/message_parser.h"
#include "net/url.h"
#include "wire/http_fields.h"

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

// What passes for a host goes into addresses that we give: it ends nowhere in them, and begins nothing else.
void look_at_host(std::string_view host) {
  if (!wire::is_host(host)) return;
  const auto is_bad = [](unsigned char c) { return c <= 0x20 || c == 0x7f || std::string_view{"/\\?#@\"'<>`{}|^"}.find(static_cast<char>(c)) != std::string_view::npos; };
  fuzz::must(!host.empty() && std::none_of(host.begin(), host.end(), is_bad), "a host is nothing but a host");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const std::size_t end = net::head_end(text);
  if (const auto url = net::parse_url(text.substr(0, text.find('\n'))); !url) fuzz::must_be_text(url.error().message());
  net::RequestParser::may_become_head(text);
  look_at_host(text.substr(0, text.find('\n')));
  if (end == std::string_view::npos) return 0;
  const std::string_view head = text.substr(0, end), body = text.substr(end);
  const std::size_t step = 1 + data[0] % 16;

  net::RequestParser requests;
  HttpRequest request{Method::kGet, ""};
  const bool is_request = requests.parse_head(head, request) == 0;
  if (is_request) look_at_host(request.headers.get("Host"));
  if (is_request && requests.has_body()) feed(requests, body, step);

  net::ResponseParser responses;
  int status = 0;
  Headers headers;
  if (responses.parse_head(head, false, status, headers) && responses.has_body()) feed(responses, body, step);
  return 0;
}
