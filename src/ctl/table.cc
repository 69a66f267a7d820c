#include "ctl/table.h"

#include <algorithm>
#include <cstdint>

#include "base/text.h"
#include "core/schedule/rate.h"

namespace dray::ctl {
namespace {

namespace json = boost::json;

constexpr std::size_t kWidestCell = 72;

// A link's rate (docs/api.md, "Rates") in the words of people; nothing where this is none.
std::optional<std::string> rate_text(const json::object& o) {
  const auto number = [&](std::string_view key) -> std::optional<std::uint64_t> {
    const json::value* at = o.if_contains(key);
    boost::system::error_code bad;
    const auto value = at == nullptr || !at->is_number() ? 0 : at->to_number<std::uint64_t>(bad);
    return at == nullptr || !at->is_number() || bad ? std::nullopt : std::optional{value};
  };
  const auto rate = number("rate"), low = number("low");
  const json::value* sentence = o.if_contains("sentence");
  if (!rate || !low || sentence == nullptr || !sentence->is_string()) return {};
  return core::human_rate(*rate) + ", planned with " + core::human_rate(*low) + "; " + std::string{sentence->get_string()};
}

std::string plain(const json::value& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return value.get_string().empty() ? std::string{"-"} : clean_text(value.get_string(), SIZE_MAX);
  if (value.is_bool()) return value.get_bool() ? "yes" : "no";
  std::string out;
  if (value.is_array()) {
    for (const json::value& one : value.get_array()) out += (out.empty() ? "" : " ") + plain(one);
  } else if (value.is_object()) {
    const auto& o = value.get_object();
    if (const json::value* version = o.if_contains("version"); version != nullptr && o.contains("sha256")) return plain(*version);
    if (const auto rate = rate_text(o)) return *rate;
    for (const auto& [key, one] : o) out += (out.empty() ? "" : " ") + clean_text(key, SIZE_MAX) + "=" + plain(one);
  } else {
    out = json::serialize(value);
  }
  return out.empty() ? "-" : out;
}

// Characters, not bytes: what a terminal shows of UTF-8 without wide characters.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string cut(std::string text) {
  if (width(text) <= kWidestCell) return text;
  text.resize(kWidestCell - 3);
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0) == 0x80) text.pop_back();
  return text + "...";
}

void append_row(std::string& out, const std::vector<std::string>& row, const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    line += row[i];
    if (i + 1 < row.size()) line += std::string(widths[i] - width(row[i]) + 2, ' ');
  }
  out += line + "\n";
}

}  // namespace

std::string cell(const json::value& item, std::string_view path) {
  const json::value* at = &item;
  while (!path.empty() && at != nullptr) {
    const auto dot = path.find('.');
    at = at->is_object() ? at->get_object().if_contains(path.substr(0, dot)) : nullptr;
    path = dot == path.npos ? std::string_view{} : path.substr(dot + 1);
  }
  return at == nullptr ? "-" : plain(*at);
}

std::string render_unreadable(const json::value& item) {
  std::string out;
  const json::value* all = item.is_object() ? item.get_object().if_contains("unreadable") : nullptr;
  if (all == nullptr || !all->is_array()) return out;
  for (const json::value& one : all->get_array())
    out += "  damaged: " + cell(one, "error") + "\n  remedy:  " + cell(one, "remedy") + "\n";
  return out;
}

std::string render_table(const std::vector<Column>& columns, const json::array& items) {
  std::vector<std::vector<std::string>> rows(1);
  for (const Column& column : columns) rows[0].push_back(column.title);
  for (const json::value& item : items) {
    auto& row = rows.emplace_back();
    for (const Column& column : columns) row.push_back(cut(cell(item, column.path)));
  }
  std::vector<std::size_t> widths(columns.size(), 0);
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  std::string out;
  for (const auto& row : rows) append_row(out, row, widths);
  return out;
}

std::string render_fields(const std::vector<Column>& columns, const json::value& item) {
  std::size_t widest = 0;
  for (const Column& column : columns) widest = std::max(widest, width(column.title));
  std::string out;
  for (const Column& column : columns)
    out += column.title + ":" + std::string(widest - width(column.title) + 1, ' ') + cell(item, column.path) + "\n";
  return out;
}

}  // namespace dray::ctl
