#include "core/model/filter.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "base/overloaded.h"
#include "base/text.h"

namespace dray::core {
namespace {

constexpr int kDeepest = 64;

constexpr std::array<std::pair<Comparison, std::string_view>, 7> kOperators{{
    {Comparison::kNotEqual, "!="},  // longer ones first: the parser takes the first that fits
    {Comparison::kLessEqual, "<="},
    {Comparison::kGreaterEqual, ">="},
    {Comparison::kEqual, "="},
    {Comparison::kLess, "<"},
    {Comparison::kGreater, ">"},
    {Comparison::kMatches, "~"},
}};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool ends_word(char c) {
  return is_space(c) || std::string_view{"(),=!<>~\""}.find(c) != std::string_view::npos;
}
bool is_order(Comparison how) {
  return how != Comparison::kEqual && how != Comparison::kNotEqual && how != Comparison::kMatches;
}

// Thrown inside this file only; parse_filter turns it into a value.
struct Bad {
  std::size_t at;
  std::string why;
};

class Parser {
 public:
  Parser(std::string_view text, FilterFields fields) : text_{text}, fields_{fields} {}

  Filter whole() {
    skip();
    if (at_ == text_.size()) return Filter{All{}};
    Filter out = any();
    if (at_ != text_.size()) fail("'and', 'or' or the end is expected here");
    return out;
  }

 private:
  [[noreturn]] void fail(std::string why) const { throw Bad{at_, std::move(why)}; }

  void skip() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }

  bool take(std::string_view sign) {
    if (!text_.substr(at_).starts_with(sign)) return false;
    at_ += sign.size();
    skip();
    return true;
  }

  std::string_view peek_word() const {
    std::size_t end = at_;
    while (end < text_.size() && !ends_word(text_[end])) ++end;
    return text_.substr(at_, end - at_);
  }

  bool take_word(std::string_view word) {
    if (peek_word() != word) return false;
    at_ += word.size();
    skip();
    return true;
  }

  Filter any() {
    std::vector<Filter> of{all()};
    while (take_word("or")) of.push_back(all());
    return of.size() == 1 ? std::move(of.front()) : Filter{Any{std::move(of)}};
  }

  Filter all() {
    std::vector<Filter> of{one()};
    while (take_word("and")) of.push_back(one());
    return of.size() == 1 ? std::move(of.front()) : Filter{All{std::move(of)}};
  }

  Filter one() {
    if (++depth_ > kDeepest) fail("is nested more than " + std::to_string(kDeepest) + " deep");
    Filter out = one_at_this_depth();
    --depth_;
    return out;
  }

  Filter one_at_this_depth() {
    if (take_word("not")) return Filter{Not{{one()}}};
    if (take("(")) {
      Filter inner = any();
      if (!take(")")) fail("')' is missing");
      return inner;
    }
    return comparison();
  }

  Filter comparison() {
    const std::size_t begin = at_;
    std::string field{peek_word()};
    if (field.empty()) fail("a field is expected here");
    if (!is_known(field)) fail("no such field: '" + field + "' (known: " + known() + ")");
    at_ += field.size();
    skip();
    if (take_word("in")) return Filter{OneOf{std::move(field), values()}};
    for (const auto& [how, sign] : kOperators) {
      if (!text_.substr(at_).starts_with(sign)) continue;
      if (is_order(how) && field.starts_with("version."))
        fail("versions are compared by equality: use = != ~ or in");
      take(sign);
      return Filter{Compare{std::move(field), how, value()}};
    }
    at_ = std::max(begin, at_);
    fail("one of = != < <= > >= ~ in is expected here");
  }

  std::vector<std::string> values() {
    if (!take("(")) fail("'(' is expected after in");
    std::vector<std::string> out{value()};
    while (take(",")) out.push_back(value());
    if (!take(")")) fail("',' or ')' is expected here");
    return out;
  }

  std::string value() {
    if (at_ < text_.size() && text_[at_] == '"') return quoted();
    std::string word{peek_word()};
    if (word.empty()) fail("a value is expected here");
    at_ += word.size();
    skip();
    return word;
  }

  std::string quoted() {
    const std::size_t begin = at_++;
    std::string out;
    for (; at_ < text_.size(); ++at_) {
      char c = text_[at_];
      if (c == '"') {
        ++at_;
        skip();
        return out;
      }
      if (c == '\\' && at_ + 1 < text_.size()) c = text_[++at_];
      out += c;
    }
    at_ = begin;
    fail("this quotation mark has no end");
  }

  bool is_known(std::string_view field) const {
    return std::any_of(fields_.begin(), fields_.end(), [&](std::string_view known) {
      return known.ends_with('.') ? field.starts_with(known) && field.size() > known.size() : field == known;
    });
  }

  std::string known() const {
    std::string out;
    for (const std::string_view field : fields_) {
      if (!out.empty()) out += ", ";
      out += field;
      if (field.ends_with('.')) out += "<name>";
    }
    return out;
  }

  std::string_view text_;
  FilterFields fields_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

std::string value_text(const std::string& value) {
  const bool word = !value.empty() && std::none_of(value.begin(), value.end(), ends_word);
  if (word) return value;
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string joined(const std::vector<Filter>& of, std::string_view word) {
  std::string out;
  for (const Filter& part : of) {
    if (!out.empty()) out += word;
    const bool group = std::holds_alternative<All>(part.is) || std::holds_alternative<Any>(part.is);
    out += group ? "(" + to_text(part) + ")" : to_text(part);
  }
  return out;
}

// * any run, ? any one character; the whole value must match. Linear, with one point to go back to.
bool matches(std::string_view pattern, std::string_view value) {
  std::size_t p = 0, v = 0, star = std::string_view::npos, from = 0;
  while (v < value.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      from = v;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == value[v])) {
      ++p;
      ++v;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      v = ++from;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

// A decimal number by its digits, so that long ones (serial numbers) are not rounded: -0012.50 is {true, "12", "5"}.
struct Decimal {
  bool negative = false;
  std::string_view whole, fraction;  // without zeros that mean nothing
};

// Nothing where it is no plain decimal number: "1e5", "inf" and "0x1f" are text.
std::optional<Decimal> number(std::string_view text) {
  Decimal out;
  if (text.starts_with('-')) {
    out.negative = true;
    text.remove_prefix(1);
  }
  const auto point = text.find('.');
  out.whole = text.substr(0, point);
  if (point != std::string_view::npos) out.fraction = text.substr(point + 1);
  const auto digits = [](std::string_view part) { return part.find_first_not_of("0123456789") == std::string_view::npos; };
  if (!digits(out.whole) || !digits(out.fraction) || (out.whole.empty() && out.fraction.empty())) return {};
  out.whole.remove_prefix(std::min(out.whole.find_first_not_of('0'), out.whole.size()));
  out.fraction = out.fraction.substr(0, out.fraction.find_last_not_of('0') + 1);
  if (out.whole.empty() && out.fraction.empty()) out.negative = false;
  return out;
}

// Below, at or above 0: a is smaller, the same, larger.
int compared(const Decimal& a, const Decimal& b) {
  if (a.negative != b.negative) return a.negative ? -1 : 1;
  const int bigger = a.negative ? -1 : 1;
  if (a.whole.size() != b.whole.size()) return a.whole.size() < b.whole.size() ? -bigger : bigger;
  const int whole = a.whole.compare(b.whole), fraction = a.fraction.compare(b.fraction);  // of digits: as numbers
  return (whole != 0 ? whole : fraction) * bigger;
}

template <class T>
bool ordered(Comparison how, const T& a, const T& b) {
  switch (how) {
    case Comparison::kLess:
      return a < b;
    case Comparison::kLessEqual:
      return a <= b;
    case Comparison::kGreater:
      return a > b;
    default:
      return a >= b;
  }
}

bool holds(const Compare& compare, const std::optional<std::string>& have) {
  if (!have) return compare.how == Comparison::kNotEqual;
  switch (compare.how) {
    case Comparison::kEqual:
      return *have == compare.value;
    case Comparison::kNotEqual:
      return *have != compare.value;
    case Comparison::kMatches:
      return matches(compare.value, *have);
    default:
      break;
  }
  const auto a = number(*have), b = number(compare.value);
  return a && b ? ordered(compare.how, compared(*a, *b), 0) : ordered(compare.how, *have, compare.value);
}

}  // namespace

Result<Filter> parse_filter(std::string_view text, FilterFields fields) {
  if (text.size() > kLongestFilter)
    return Error{ErrorCode::kInvalid,
                 "filter: is longer than " + std::to_string(kLongestFilter) + " characters"};
  try {
    return Parser{text, fields}.whole();
  } catch (const Bad& bad) {
    return Error{ErrorCode::kInvalid,
                 clean_text("filter: at character " + std::to_string(bad.at + 1) + ": " + bad.why, kLongestFilter)};
  }
}

std::string to_text(const Filter& filter) {
  return std::visit(Overloaded{
                        [](const All& all) { return joined(all.of, " and "); },
                        [](const Any& any) { return joined(any.of, " or "); },
                        [](const Not& no) { return "not " + joined(no.of, ""); },
                        [](const Compare& compare) {
                          const auto sign =
                              std::find_if(kOperators.begin(), kOperators.end(),
                                           [&](const auto& entry) { return entry.first == compare.how; });
                          return compare.field + std::string{sign->second} + value_text(compare.value);
                        },
                        [](const OneOf& one) {
                          std::string out = one.field + " in (";
                          for (std::size_t i = 0; i < one.values.size(); ++i)
                            out += (i > 0 ? "," : "") + value_text(one.values[i]);
                          return out + ")";
                        },
                    },
                    filter.is);
}

bool passes(const Filter& filter, const FieldOf& field_of) {
  const auto part = [&](const Filter& f) { return passes(f, field_of); };
  return std::visit(Overloaded{
                        [&](const All& all) { return std::all_of(all.of.begin(), all.of.end(), part); },
                        [&](const Any& any) { return std::any_of(any.of.begin(), any.of.end(), part); },
                        [&](const Not& no) { return !part(no.of.front()); },
                        [&](const Compare& compare) { return holds(compare, field_of(compare.field)); },
                        [&](const OneOf& one) {
                          const auto have = field_of(one.field);
                          return have &&
                                 std::find(one.values.begin(), one.values.end(), *have) != one.values.end();
                        },
                    },
                    filter.is);
}

}  // namespace dray::core
