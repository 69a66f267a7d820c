#include "wire/json.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <system_error>

#include "base/text.h"

namespace dray::wire {
namespace {

constexpr std::size_t kDeepest = 32;

json::parse_options options() {
  json::parse_options out;
  out.max_depth = kDeepest;
  return out;
}

Result<json::value> parse_text(std::string_view text) {
  json::error_code code;
  json::value value = json::parse({text.data(), text.size()}, code, {}, options());
  if (!code) return value;
  const std::size_t odd = valid_utf8(text);
  if (odd < text.size())
    return Error{ErrorCode::kInvalid, "not JSON: byte " + std::to_string(odd + 1) + " is not UTF-8"};
  return Error{ErrorCode::kInvalid, "not JSON: " + code.message()};
}

// The four hexadecimal digits behind "\u" at `at`, or nothing.
std::optional<unsigned> unit_at(std::string_view text, std::size_t at) {
  if (text.size() < at + 6 || text[at] != '\\' || text[at + 1] != 'u') return {};
  unsigned unit = 0;
  const char* const first = text.data() + at + 2;
  const auto [end, error] = std::from_chars(first, first + 4, unit, 16);
  return error == std::errc{} && end == first + 4 ? std::optional{unit} : std::nullopt;
}

bool is_high(std::optional<unsigned> unit) { return unit && *unit >= 0xD800 && *unit <= 0xDBFF; }
bool is_low(std::optional<unsigned> unit) { return unit && *unit >= 0xDC00 && *unit <= 0xDFFF; }

// What real clients send, written so that the strict parser takes it.
class Mender {
 public:
  explicit Mender(std::string_view text) : text_{text} { out_.reserve(text.size() + 16); }

  std::string mend() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (!in_string_) {
        in_string_ = c == '"';
        copy(1);
      } else if (c == '\\') {
        escape();
      } else if (static_cast<unsigned char>(c) < 0x20) {
        control();
      } else {
        in_string_ = c != '"';
        copy(1);
      }
    }
    return std::move(out_);
  }

 private:
  void copy(std::size_t n) {
    out_ += text_.substr(at_, n);
    at_ += n;
  }

  void control() {
    static constexpr char kHex[] = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(text_[at_++]);
    out_ += "\\u00";
    out_ += kHex[byte >> 4];
    out_ += kHex[byte & 15];
  }

  void escape() {
    const auto unit = unit_at(text_, at_);
    if (is_high(unit) && is_low(unit_at(text_, at_ + 6))) return copy(12);
    if (is_high(unit) || is_low(unit)) {
      out_ += "\\ufffd";
      at_ += 6;
      return;
    }
    // A backslash before a raw control escapes nothing.
    if (at_ + 1 < text_.size() && static_cast<unsigned char>(text_[at_ + 1]) < 0x20) {
      ++at_;
      return control();
    }
    copy(2);
  }

  std::string_view text_;
  std::string out_;
  std::size_t at_ = 0;
  bool in_string_ = false;
};

}  // namespace

Result<json::value> parse_json(std::string_view text) { return parse_text(text); }

Result<json::value> parse_sloppy_json(std::string_view text) {
  const std::string valid = mend_utf8(text);
  return parse_text(Mender{valid}.mend());
}

Result<json::value> parse_device_json(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const std::string valid = mend_utf8(text), mended = Mender{valid}.mend();
  json::stream_parser parser{{}, options()};
  json::error_code code;
  parser.write_some(mended.data(), mended.size(), code);  // up to the value's end
  if (!code && !parser.done()) parser.finish(code);
  if (code) return Error{ErrorCode::kInvalid, "not JSON: " + code.message()};
  return parser.release();
}

std::string Node::child(std::string_view key) const {
  constexpr std::size_t kLongestKey = 64;  // of a message that names it
  const std::string name = clean_text(key, kLongestKey);
  return path_.empty() ? name : path_ + "." + name;
}

const json::string& Node::string() const {
  if (!value_->is_string()) refuse("must be a string");
  return value_->get_string();
}

void Node::refuse(std::string_view why) const {
  throw BadField{(path_.empty() ? std::string{"body"} : path_) + ": " + std::string{why}};
}

const json::object& Node::object() const {
  if (!value_->is_object()) refuse("must be an object");
  return value_->get_object();
}

const json::array& Node::array(std::size_t most) const {
  if (!value_->is_array()) refuse("must be an array");
  if (value_->get_array().size() > most) refuse("has more than " + std::to_string(most) + " elements");
  return value_->get_array();
}

Node Node::at(std::string_view key) const {
  const json::value* found = object().if_contains(key);
  if (found == nullptr) throw BadField{child(key) + ": is missing"};
  return Node{*found, child(key)};
}

std::optional<Node> Node::maybe(std::string_view key) const {
  const json::value* found = object().if_contains(key);
  if (found == nullptr || found->is_null()) return {};
  return Node{*found, child(key)};
}

std::string Node::text(std::size_t longest) const {
  const json::string& text = string();
  if (text.size() > longest) refuse("is longer than " + std::to_string(longest) + " bytes");
  return std::string{text};
}

std::string Node::line(std::size_t longest) const {
  std::string out = text(longest);
  // A tab becomes a blank and whatever else does not belong into a line becomes a sign of its own: never the same.
  if (clean_text(out, SIZE_MAX) != out) refuse("must not hold control characters");
  return out;
}

std::string Node::name(std::size_t longest) const {
  std::string out = plain_name(string());
  if (out.size() > longest) refuse("is longer than " + std::to_string(longest) + " bytes");
  return out;
}

std::string Node::cleaned(std::size_t longest) const { return clean_text(string(), longest); }

std::string Node::cleaned_characters(std::size_t longest) const { return clean_characters(string(), longest); }

std::int64_t Node::integer(std::int64_t least, std::int64_t most) const {
  json::error_code code;
  if (!value_->is_int64() && !value_->is_uint64()) refuse("must be an integer");
  const auto number = value_->to_number<std::int64_t>(code);
  if (code || number < least || number > most)
    refuse("must lie between " + std::to_string(least) + " and " + std::to_string(most));
  return number;
}

std::string Node::version() const { return clean_version(string(), kLongestVersion); }

std::uint64_t Node::size(std::int64_t most) const { return static_cast<std::uint64_t>(integer(0, most)); }

double Node::number() const {
  json::error_code code;
  if (!value_->is_number()) refuse("must be a number");
  return value_->to_number<double>(code);
}

bool Node::boolean() const {
  if (!value_->is_bool()) refuse("must be true or false");
  return value_->get_bool();
}

WallTime Node::time() const {
  const auto time = parse_rfc3339(text(64));
  if (!time) refuse(time.error().message());
  return *time;
}

Sha256 Node::sha256() const {
  const auto digest = Sha256::parse(text(128));
  if (!digest) refuse(digest.error().message());
  return *digest;
}

void Node::only(std::initializer_list<std::string_view> known) const {
  for (const auto& member : object())
    if (std::find(known.begin(), known.end(), std::string_view{member.key()}) == known.end())
      throw BadField{child(member.key()) + ": is not known here"};
}

std::string to_text(const json::value& value) { return json::serialize(value); }

}  // namespace dray::wire
