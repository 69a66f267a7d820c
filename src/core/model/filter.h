// The filter language of lists and rollouts, for example
//   site=berlin and version.os!=26.11 and not state in (failed,expired)
//
//   or       := and ("or" and)*
//   and      := not ("and" not)*
//   not      := "not" not | "(" or ")" | field operator value | field "in" "(" value ("," value)* ")"
//   operator := = != < <= > >= ~
// A value is a word or "quoted" (\" and \\ inside). `~` matches the whole value with * and ?. < <= > >=
// compare as numbers where both are numbers, else as text; they are refused for version fields: versions are
// compared by equality, here and everywhere. A field that the subject does not have is unequal to everything.
// Pure.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace dray::core {

enum class Comparison { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kMatches };

struct Filter;

struct Compare {
  std::string field;
  Comparison how{};
  std::string value;
  friend bool operator==(const Compare&, const Compare&) = default;
};
struct OneOf {
  std::string field;
  std::vector<std::string> values;
  friend bool operator==(const OneOf&, const OneOf&) = default;
};
struct Not {
  std::vector<Filter> of;  // exactly one
  friend bool operator==(const Not&, const Not&) = default;
};
struct All {
  std::vector<Filter> of;  // none: everything passes
  friend bool operator==(const All&, const All&) = default;
};
struct Any {
  std::vector<Filter> of;
  friend bool operator==(const Any&, const Any&) = default;
};

struct Filter {
  std::variant<All, Any, Not, Compare, OneOf> is;
  friend bool operator==(const Filter& a, const Filter& b) { return a.is == b.is; }
};

// What may be asked. A name that ends in '.' stands for all that begin with it ("version.").
using FilterFields = std::span<const std::string_view>;
inline constexpr std::string_view kDeviceFields[] = {"name",  "site",     "type",
                                                     "state", "version.", "attribute."};
inline constexpr std::string_view kJobFields[] = {"job", "device", "site", "type", "state", "reason", "cause", "drifted"};

inline constexpr std::size_t kLongestFilter = 4096;

// Blank text passes everything. kInvalid names the position, counted in characters from 1.
Result<Filter> parse_filter(std::string_view text, FilterFields fields);
// parse_filter(to_text(f)) == f.
std::string to_text(const Filter& filter);

using FieldOf = std::function<std::optional<std::string>(std::string_view field)>;
bool passes(const Filter& filter, const FieldOf& field_of);

}  // namespace dray::core
