#include "ports/http.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace dray {
namespace {

constexpr std::array<std::string_view, 6> kMethods{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [&](char x, char y) { return lower(x) == lower(y); });
}

class TextBody final : public BodySource {
 public:
  explicit TextBody(std::string text) : text_{std::move(text)} {}
  Task<Result<ByteView>> read() override {
    if (done_) co_return ByteView{};
    done_ = true;
    co_return as_bytes(text_);
  }

 private:
  std::string text_;
  bool done_ = false;
};

// 0 where there is no length, or it is no number: then the bytes are counted as they come.
std::uint64_t announced(const Headers& headers) {
  const std::string_view text = headers.get("Content-Length");
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() ? out : 0;
}

// Where it may not, Content-Length tells of another answer (RFC 9110 8.6): of the 200 to a GET, or of what is held already.
bool may_have_body(Method method, int status) {
  return method != Method::kHead && status >= 200 && status != 204 && status != 304;
}

class TextSink final : public BodySink {
 public:
  TextSink(TextResponse& out, std::size_t limit, Method method) : out_{out}, limit_{limit}, method_{method} {}
  Result<> head(int status, const Headers& headers) override {
    out_.status = status;
    out_.headers = headers;
    if (may_have_body(method_, status) && announced(headers) > limit_) return too_large();  // before a byte of it has come
    return {};
  }
  Task<Result<>> write(ByteView bytes) override {
    if (out_.body.size() + bytes.size() > limit_) co_return too_large();
    out_.body += as_text(bytes);
    co_return Result<>{};
  }

 private:
  Error too_large() const {
    return Error{ErrorCode::kExhausted, "the answer is larger than " + std::to_string(limit_) + " bytes"};
  }

  TextResponse& out_;
  std::size_t limit_;
  Method method_;
};

}  // namespace

std::string_view to_string(Method method) {
  const auto i = static_cast<std::size_t>(method);
  return i < kMethods.size() ? kMethods[i] : "OTHER";
}

Method parse_method(std::string_view text) {
  const auto it = std::find(kMethods.begin(), kMethods.end(), text);
  return it == kMethods.end() ? Method::kOther : static_cast<Method>(it - kMethods.begin());
}

void Headers::set(std::string_view name, std::string_view value) {
  std::erase_if(items_, [&](const Item& item) { return same_name(item.name, name); });
  add(name, value);
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
  for (const Item& item : items_)
    if (same_name(item.name, name)) return item.value;
  return {};
}

std::shared_ptr<BodySource> text_body(std::string text) { return std::make_shared<TextBody>(std::move(text)); }

Task<Result<std::string>> read_all(BodySource& body, std::size_t limit) {
  std::string out;
  for (;;) {
    auto piece = co_await body.read();
    if (!piece) co_return piece.error();
    if (piece->empty()) co_return out;
    if (out.size() + piece->size() > limit)
      co_return Error{ErrorCode::kExhausted, "body is larger than " + std::to_string(limit) + " bytes"};
    out += as_text(*piece);
  }
}

Task<Result<TextResponse>> exchange(HttpClient& client, HttpRequest request, std::string body, std::size_t limit,
                                    Stop& stop) {
  TextResponse out;
  TextSink sink{out, limit, request.method};
  if (!body.empty()) {
    request.length = body.size();
    request.body = text_body(std::move(body));
  }
  auto status = co_await client.send(std::move(request), sink, stop);
  if (!status) co_return status.error();
  co_return out;
}

}  // namespace dray
