#include "net/message_parser.h"

#include <boost/beast/http/basic_parser.hpp>
#include <cstring>

namespace dray::net {

namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using Text = boost::beast::string_view;

Method method_of(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return Method::kGet;
    case http::verb::head:
      return Method::kHead;
    case http::verb::post:
      return Method::kPost;
    case http::verb::put:
      return Method::kPut;
    case http::verb::patch:
      return Method::kPatch;
    case http::verb::delete_:
      return Method::kDelete;
    default:
      return Method::kOther;
  }
}

// "http://host:port/path" -> "/path": a server has to take the absolute form too (RFC 9112 section 3.2.2).
std::string_view origin_form(std::string_view target) {
  if (target.starts_with('/') || target == "*") return target;
  auto authority = target.find("://");
  if (authority == target.npos) return target;
  auto path = target.find('/', authority + 3);
  return path == target.npos ? std::string_view{"/"} : target.substr(path);
}

// What both directions do with a body: hand on pieces, as they lie in the caller's buffer.
template <bool kRequest>
class Callbacks : public http::basic_parser<kRequest> {
 public:
  Callbacks() {
    this->body_limit(boost::none);
    this->header_limit(1 << 20);  // limited by who collects the head
    this->eager(false);
  }

  bool parse(std::string_view head) {
    error_code error;
    auto used = this->put({head.data(), head.size()}, error);
    return !error && used == head.size() && this->is_header_done() && !bad_coding_;
  }

  BodyStep step(std::string_view bytes) {
    BodyStep out;
    piece_ = {};
    while (!this->is_done() && out.used < bytes.size() && piece_.empty()) {
      if (is_begun_end(bytes.substr(out.used))) break;
      error_code error;
      out.used += this->put({bytes.data() + out.used, bytes.size() - out.used}, error);
      if (error == http::error::need_more) break;
      if (error) {
        out.bad = true;
        return out;
      }
    }
    out.piece = piece_;
    out.done = this->is_done();
    return out;
  }

 protected:
  // False: a trailer, which nobody here wants.
  bool is_head_field(http::field field, Text value) {
    if (in_body_) return false;
    if (field == http::field::transfer_encoding && !boost::beast::iequals(value, "chunked"))
      bad_coding_ = true;
    return true;
  }

 private:
  void on_header_impl(error_code&) override { in_body_ = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(Text body, error_code&) override {
    piece_ = body;
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t size, Text, error_code&) override { left_of_chunk_ = size; }
  std::size_t on_chunk_body_impl(std::uint64_t, Text body, error_code&) override {
    piece_ = body;
    left_of_chunk_ -= body.size();
    return body.size();
  }
  void on_finish_impl(error_code&) override {}

  // "0\r\n" or "0\r\n\r": a body without bytes, whose end is not there yet. Beast takes for granted that it looks again
  // only where all five are: that these came in two pieces ended the program by an assertion.
  bool is_begun_end(std::string_view bytes) {
    return this->chunked() && left_of_chunk_ == 0 && bytes.size() < 5 && bytes.starts_with("0\r\n");
  }

  std::string_view piece_;
  std::uint64_t left_of_chunk_ = 0;
  bool in_body_ = false;
  bool bad_coding_ = false;
};

class RequestCallbacks final : public Callbacks<true> {
 public:
  explicit RequestCallbacks(HttpRequest* out) : out_{out} {}
  int hosts() const { return hosts_; }
  bool has_transfer_encoding() const { return has_transfer_encoding_; }
  bool is_http10() const { return http10_; }

 private:
  void on_request_impl(http::verb verb, Text, Text target, int version, error_code&) override {
    http10_ = version == 10;
    if (out_ == nullptr) return;
    out_->method = method_of(verb);
    out_->target.assign(origin_form(target));
  }
  void on_response_impl(int, Text, int, error_code&) override {}
  void on_field_impl(http::field field, Text name, Text value, error_code&) override {
    if (!is_head_field(field, value) || out_ == nullptr) return;
    hosts_ += field == http::field::host;
    has_transfer_encoding_ |= field == http::field::transfer_encoding;
    out_->headers.add(name, value);
  }

  HttpRequest* out_;
  int hosts_ = 0;
  bool has_transfer_encoding_ = false;
  bool http10_ = false;
};

class ResponseCallbacks final : public Callbacks<false> {
 public:
  explicit ResponseCallbacks(Headers& headers) : headers_{&headers} {}
  int status() const { return status_; }

 private:
  void on_request_impl(http::verb, Text, Text, int, error_code&) override {}
  void on_response_impl(int status, Text, int, error_code&) override { status_ = status; }
  void on_field_impl(http::field field, Text name, Text value, error_code&) override {
    if (is_head_field(field, value)) headers_->add(name, value);
  }

  Headers* headers_;
  int status_ = 0;
};

}  // namespace

std::size_t head_end(std::string_view bytes, std::size_t from) {
  from = from < 3 ? 0 : from - 3;  // the mark may lie across the border
  if (from >= bytes.size()) return bytes.npos;
  const void* at = ::memmem(bytes.data() + from, bytes.size() - from, "\r\n\r\n", 4);
  return at == nullptr ? bytes.npos
                       : static_cast<std::size_t>(static_cast<const char*>(at) - bytes.data()) + 4;
}

struct RequestParser::Impl {
  std::optional<RequestCallbacks> parser;
};

RequestParser::RequestParser() : impl_{std::make_unique<Impl>()} {}
RequestParser::~RequestParser() = default;
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;

int RequestParser::parse_head(std::string_view head, HttpRequest& out) {
  auto& parser = impl_->parser.emplace(&out);
  if (!parser.parse(head)) return 400;
  // RFC 9112: 1.1 has exactly one Host (section 3.2); 1.0 knows no transfer codings (section 6.1).
  if (is_http10() ? parser.has_transfer_encoding() : parser.hosts() != 1) return 400;
  if (auto length = parser.content_length()) out.length = *length;
  return 0;
}

bool RequestParser::may_become_head(std::string_view part) {
  RequestCallbacks parser{nullptr};
  error_code error;
  parser.put(boost::asio::const_buffer{part.data(), part.size()}, error);
  return !error || error == http::error::need_more;
}

bool RequestParser::has_body() const { return !impl_->parser->is_done(); }
bool RequestParser::keep_alive() const { return impl_->parser->keep_alive(); }
bool RequestParser::is_http10() const { return impl_->parser->is_http10(); }
BodyStep RequestParser::parse_body(std::string_view bytes) { return impl_->parser->step(bytes); }

struct ResponseParser::Impl {
  std::optional<ResponseCallbacks> parser;
};

ResponseParser::ResponseParser() : impl_{std::make_unique<Impl>()} {}
ResponseParser::~ResponseParser() = default;
ResponseParser::ResponseParser(ResponseParser&&) noexcept = default;
ResponseParser& ResponseParser::operator=(ResponseParser&&) noexcept = default;

bool ResponseParser::parse_head(std::string_view head, bool to_head, int& status, Headers& headers) {
  auto& parser = impl_->parser.emplace(headers);
  parser.skip(to_head);
  if (!parser.parse(head)) return false;
  status = parser.status();
  return true;
}

bool ResponseParser::has_body() const { return !impl_->parser->is_done(); }
bool ResponseParser::keep_alive() const { return impl_->parser->keep_alive(); }
bool ResponseParser::ends_with_connection() const { return impl_->parser->need_eof(); }
BodyStep ResponseParser::parse_body(std::string_view bytes) { return impl_->parser->step(bytes); }

}  // namespace dray::net
