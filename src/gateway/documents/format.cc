#include "gateway/documents/format.h"

#include <charconv>

namespace dray::gateway::documents {

namespace json = wire::json;
using wire::Node;

namespace {

constexpr std::string_view kMember = "format";
constexpr std::string_view kHead = "{\"format\":";  // how a kept message begins

std::int64_t format_of(const json::value& document) {
  if (!document.is_object()) return 1;
  const Node node{document, ""};
  const auto format = node.maybe(kMember);
  return format ? format->integer(1, kFormat) : 1;
}

Result<json::value> checked(Result<json::value> document) {
  if (!document) return document;
  const auto format =
      wire::decode<std::int64_t>(document, [](const Node& n) { return format_of(n.value()); });
  if (!format) return format.error();
  return document;
}

}  // namespace

Result<json::value> parse(std::string_view text) {
  auto document = checked(wire::parse_json(text));
  if (document) return document;
  // Format 1 was written before text from devices was made valid UTF-8 where it comes in.
  auto mended = wire::parse_sloppy_json(text);
  if (mended && mended->is_object() && !mended->get_object().contains(kMember)) return mended;
  return document;
}

std::string write(json::object members) {
  json::object out;
  out[kMember] = kFormat;
  for (auto& [key, value] : members) out[key] = std::move(value);
  return wire::to_text(out);
}

std::string write_message(std::string_view message) {
  const std::size_t open = message.find('{');
  if (open == std::string_view::npos) return std::string{message};
  const bool empty = message.find_first_not_of(" \t\r\n", open + 1) == message.find('}', open);
  std::string out{kHead};
  out.append(std::to_string(kFormat)).append(empty ? "" : ",");
  return out.append(message.substr(open + 1));
}

Result<> check_message(std::string_view text) {
  if (!text.starts_with(kHead)) return {};  // format 1: the message as it was
  std::int64_t format = 0;
  const char* const first = text.data() + kHead.size();
  const auto [end, error] = std::from_chars(first, text.data() + text.size(), format);
  if (error == std::errc{} && format >= 1 && format <= kFormat) return {};
  std::string why{"format: must lie between 1 and "};
  return Error{ErrorCode::kInvalid, why.append(std::to_string(kFormat))};
}

std::string text_of(const Node& node, std::string_view key) { return node.at(key).text(kLongestText); }

json::value time_value(WallTime time) {
  if (time == kWallMax) return json::value("never");
  return json::value(to_rfc3339(time));
}

json::value maybe_time_value(const std::optional<WallTime>& time) {
  return time ? time_value(*time) : json::value{};
}

WallTime time_of(const Node& node) {
  if (node.value().is_int64()) {
    const WallTime time{Duration{node.value().get_int64()}};
    if (time < kWrittenMin) node.refuse("lies before the year 0");
    return time > kWrittenMax ? kWallMax : time;
  }
  if (node.value().is_string() && node.value().get_string() == "never") return kWallMax;
  return node.time();
}

std::optional<WallTime> maybe_time_of(const Node& node, std::string_view key) {
  const auto found = node.maybe(key);
  return found ? std::optional{time_of(*found)} : std::nullopt;
}

}  // namespace dray::gateway::documents
