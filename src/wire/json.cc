#include "wire/json.h"

#include <algorithm>

namespace dray::wire {
namespace {

constexpr std::size_t kDeepest = 32;

Result<json::value> parse_text(std::string_view text) {
  json::parse_options options;
  options.max_depth = kDeepest;
  json::error_code code;
  json::value value = json::parse({text.data(), text.size()}, code, {}, options);
  if (code) return Error{ErrorCode::kInvalid, "not JSON: " + code.message()};
  return value;
}

// Escapes control characters that stand inside a string, so that the strict parser takes them.
std::string escape_raw_controls(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  out.reserve(text.size() + 16);
  bool in_string = false;
  bool escaped = false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (in_string && byte < 0x20) {
      if (escaped) out.pop_back();  // a backslash before a raw newline escapes nothing
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
      escaped = false;
      continue;
    }
    out += c;
    if (in_string && !escaped && c == '\\') {
      escaped = true;
      continue;
    }
    if (c == '"' && !escaped) in_string = !in_string;
    escaped = false;
  }
  return out;
}

}  // namespace

Result<json::value> parse_json(std::string_view text) { return parse_text(text); }

Result<json::value> parse_sloppy_json(std::string_view text) {
  const bool raw = std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  return raw ? parse_text(escape_raw_controls(text)) : parse_text(text);
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
  if (!value_->is_string()) refuse("must be a string");
  const auto& text = value_->get_string();
  if (text.size() > longest) refuse("is longer than " + std::to_string(longest) + " bytes");
  return std::string{text};
}

std::int64_t Node::integer(std::int64_t least, std::int64_t most) const {
  json::error_code code;
  if (!value_->is_int64() && !value_->is_uint64()) refuse("must be an integer");
  const auto number = value_->to_number<std::int64_t>(code);
  if (code || number < least || number > most)
    refuse("must lie between " + std::to_string(least) + " and " + std::to_string(most));
  return number;
}

std::uint64_t Node::size() const { return static_cast<std::uint64_t>(integer(0)); }

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
