#include "adapters/toml/config.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "adapters/toml/ascii.h"
#include "adapters/toml/depth.h"
#include "adapters/toml/units.h"
#include "base/text.h"

#define TOML_EXCEPTIONS 0  // errors are values here; only this file sees toml++
#define TOML_ENABLE_FORMATTERS 0
// What its parser takes for impossible, a file can bring about ("[" before a wrong key): an error and no end.
struct TomlAssertion {};
#define TOML_ASSERT(expr) (static_cast<bool>(expr) ? static_cast<void>(0) : throw TomlAssertion{})
#pragma GCC diagnostic push
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wterminate"  // some of them stand where nothing may be thrown: those still end the program
#endif
#include <toml++/toml.h>
#pragma GCC diagnostic pop

namespace dray::adapters {
namespace {

constexpr std::uintmax_t kMostFileBytes = 1 << 20;
// "a.b.c" has three. With the 256 values within each other that the parser takes, what walks the whole by recursion
// stays far below a stack.
constexpr std::size_t kMostKeyParts = 16;

std::string show(double number) {
  std::ostringstream out;
  out << number;
  return out.str();
}

std::string list(std::initializer_list<std::string_view> words) {
  std::string out;
  for (const auto word : words) out += (out.empty() ? "\"" : ", \"") + std::string{word} + "\"";
  return out;
}

std::string between(Limits limits, std::string_view unit) {
  auto out = "at least " + std::to_string(limits.least);
  if (limits.most != std::numeric_limits<std::int64_t>::max())
    out = "between " + std::to_string(limits.least) + " and " + std::to_string(limits.most);
  return unit.empty() ? out : out + " " + std::string{unit};
}

Result<WallTime> to_wall(const toml::date_time& value) {
  if (!value.offset) return Error{ErrorCode::kInvalid, "has no offset"};
  using namespace std::chrono;
  const sys_days day = year{value.date.year} / month{value.date.month} / value.date.day;
  // Not in one sum: nanoseconds of the year 9999 overflow.
  const WallTime time = WallTime{day} + hours{value.time.hour} + minutes{value.time.minute} + seconds{value.time.second} +
                        floor<Duration>(nanoseconds{value.time.nanosecond}) - minutes{value.offset->minutes};
  if (time < kWrittenMin || time > kWrittenMax) return Error{ErrorCode::kInvalid, "lies outside of the years 0000 to 9999"};
  return time;
}

// Keys and texts as they stand in the file (ascii.h).
void turn_back(toml::node& node) {
  if (auto* text = node.as_string()) *text = from_ascii(text->get());
  if (auto* array = node.as_array())
    for (toml::node& one : *array) turn_back(one);
  auto* table = node.as_table();
  if (table == nullptr) return;
  std::vector<std::string> renamed;
  for (auto&& [key, value] : *table) {
    turn_back(value);
    if (from_ascii(key.str()) != key.str()) renamed.emplace_back(key.str());
  }
  for (const std::string& key : renamed) {
    table->insert_or_assign(from_ascii(key), std::move(*table->get(key)));
    table->erase(key);
  }
}

}  // namespace

struct Config::Notes {
  struct Mistake {
    std::uint32_t line;
    std::string text;
  };
  std::string file;
  std::filesystem::path folder;
  toml::table root;
  std::vector<Mistake> mistakes;
  std::map<std::string, std::set<std::string, std::less<>>, std::less<>> asked;  // table -> keys

  void add(std::uint32_t line, std::string_view key, std::string_view what) {
    mistakes.push_back(
        {line, clean_text(file + ":" + std::to_string(line) + ": " + std::string{key} + ": " + std::string{what}, 4096)});
  }
  std::string advice(const std::string& table, std::string_view key) const;
  void add_unknown(const toml::table& table, const std::string& name);
};

struct Config::Node {
  std::string name;                    // "" for the whole file, "sites[1].link"
  std::uint32_t line = 1;              // where its table begins, or the nearest one around it
  const toml::table* table = nullptr;  // null: left out

  std::string full(std::string_view key) const {
    return name.empty() ? std::string{key} : name + "." + std::string{key};
  }
  const toml::node* get(Notes& notes, std::string_view key) const {
    notes.asked[name].emplace(key);
    return table ? table->get(key) : nullptr;
  }
  // The one shape of all getters: convert(node) gives the value, or an error that says what is allowed.
  template <class T, class Convert>
  T read(Notes& notes, std::string_view key, const std::optional<T>& otherwise, Convert convert) const {
    const auto* found = get(notes, key);
    if (!found) {
      if (!otherwise) notes.add(line, full(key), "is missing and has no default");
      return otherwise.value_or(T{});
    }
    Result<T> value = convert(*found);
    if (value) return *value;
    notes.add(found->source().begin.line, full(key), value.error().message());
    return otherwise.value_or(T{});
  }
};

namespace {

Error wrong(std::string what) { return Error{ErrorCode::kInvalid, std::move(what)}; }

Result<std::int64_t> checked(std::int64_t value, Limits limits, std::string_view unit) {
  if (value >= limits.least && value <= limits.most) return value;
  return wrong("is " + std::to_string(value) + ", must be " + between(limits, unit));
}

// Integers are taken as they are; texts go through the parser of their unit.
template <class T>
Result<T> quantity(const toml::node& node, Limits limits, std::string_view unit, std::string_view example,
                   Result<T> (*parse)(std::string_view)) {
  std::int64_t count = 0;
  if (const auto number = node.value_exact<std::int64_t>()) {
    count = *number;
  } else if (const auto text = node.value_exact<std::string_view>()) {
    const auto parsed = parse(*text);
    if (!parsed) return wrong("\"" + std::string{*text} + "\" " + parsed.error().message());
    count = static_cast<std::int64_t>(parsed->count);
  } else {
    return wrong("must be a number of " + std::string{unit} + ", or a text such as " + std::string{example});
  }
  DRAY_TRY(const auto value, checked(count, limits, unit));
  return T{static_cast<std::uint64_t>(value)};
}

}  // namespace

Config::Config(std::shared_ptr<Notes> notes, std::shared_ptr<const Node> node)
    : notes_{std::move(notes)}, node_{std::move(node)} {}

Result<Config> Config::open(const std::filesystem::path& file) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  if (error) return Error{ErrorCode::kNotFound, file.string() + ": " + error.message()};
  if (size > kMostFileBytes)
    return wrong(file.string() + ": is " + human_bytes(size) + ", a configuration may have 1 MiB");
  std::ifstream in{file, std::ios::binary};
  if (!in) return Error{ErrorCode::kDenied, file.string() + ": can't be opened for reading"};
  std::string raw(kMostFileBytes + 1, '\0');  // what it says of its size may be untrue (/proc)
  in.read(raw.data(), static_cast<std::streamsize>(raw.size()));
  if (in.bad()) return Error{ErrorCode::kDenied, file.string() + ": can't be read"};
  raw.resize(static_cast<std::size_t>(in.gcount()));
  if (raw.size() > kMostFileBytes) return wrong(file.string() + ": has more than 1 MiB, the most that a configuration may have");
  DRAY_TRY(auto config, parse(raw, file.string()));
  config.notes_->folder = std::filesystem::absolute(file, error).parent_path();
  return config;
}

Result<Config> Config::parse(std::string_view text, std::string file_name) {
  // A letter of another encoding, mostly in a comment or a name, must not keep a program from starting.
  const std::string ascii = to_ascii(mend_utf8(text));
  if (const auto line = line_with_too_deep_a_key(ascii, kMostKeyParts))
    return wrong(file_name + ":" + std::to_string(*line) + ": a key has at most " + std::to_string(kMostKeyParts) + " parts");
  toml::parse_result parsed;
  try {
    parsed = toml::parse(ascii, std::string_view{file_name});
  } catch (const TomlAssertion&) {
    return wrong(file_name + ": is no TOML");
  }
  if (!parsed)
    return wrong(file_name + ":" + std::to_string(parsed.error().source().begin.line) +
                 ": is no TOML: " + clean_text(from_ascii(parsed.error().description()), 400));
  auto notes = std::make_shared<Notes>();
  notes->file = std::move(file_name);
  notes->root = std::move(parsed).table();
  turn_back(notes->root);
  const auto* root = &notes->root;
  return Config{std::move(notes), std::make_shared<const Node>(Node{"", 1, root})};
}

std::string Config::text(std::string_view key, std::optional<std::string> otherwise) const {
  const bool may_be_empty = otherwise && otherwise->empty();
  return node_->read<std::string>(*notes_, key, otherwise,
                                  [&](const toml::node& node) -> Result<std::string> {
                                    const auto value = node.value_exact<std::string>();
                                    if (!value) return wrong("must be a text in quotes");
                                    if (value->empty() && !may_be_empty) return wrong("must not be empty");
                                    return *value;
                                  });
}

std::string Config::choice(std::string_view key, std::initializer_list<std::string_view> words,
                           std::optional<std::string> otherwise) const {
  return node_->read<std::string>(
      *notes_, key, otherwise, [&](const toml::node& node) -> Result<std::string> {
        const auto value = node.value_exact<std::string>();
        if (value && std::ranges::find(words, *value) != words.end()) return *value;
        return wrong((value ? "is \"" + *value + "\", must be" : std::string{"must be"}) + " one of " +
                     list(words));
      });
}

bool Config::boolean(std::string_view key, std::optional<bool> otherwise) const {
  return node_->read<bool>(*notes_, key, otherwise, [](const toml::node& node) -> Result<bool> {
    if (const auto value = node.value_exact<bool>()) return *value;
    return wrong("must be true or false");
  });
}

std::int64_t Config::integer(std::string_view key, Limits limits,
                             std::optional<std::int64_t> otherwise) const {
  return node_->read<std::int64_t>(*notes_, key, otherwise,
                                   [&](const toml::node& node) -> Result<std::int64_t> {
                                     if (const auto value = node.value_exact<std::int64_t>())
                                       return checked(*value, limits, "");
                                     return wrong("must be a whole number, " + between(limits, ""));
                                   });
}

double Config::number(std::string_view key, double least, double most,
                      std::optional<double> otherwise) const {
  return node_->read<double>(*notes_, key, otherwise, [&](const toml::node& node) -> Result<double> {
    const auto whole = node.value_exact<std::int64_t>();
    const auto broken = node.value_exact<double>();
    const double value = whole ? static_cast<double>(*whole) : broken.value_or(std::nan(""));
    if (!(value >= least && value <= most))  // negated, so that NaN is refused too
      return wrong("must be a number between " + show(least) + " and " + show(most));
    return value;
  });
}

Duration Config::duration_s(std::string_view key, Limits limits, std::optional<Duration> otherwise) const {
  return node_->read<Duration>(*notes_, key, otherwise, [&](const toml::node& node) -> Result<Duration> {
    const auto whole = node.value_exact<std::int64_t>();
    const auto broken = node.value_exact<double>();
    if (!whole && !broken) return wrong("must be a number of seconds, " + between(limits, ""));
    const auto seconds = whole ? static_cast<double>(*whole) : *broken;
    // Negated, so that NaN is refused too. Longer than 100,000 years would overflow milliseconds later on.
    const auto most = std::min<double>(static_cast<double>(limits.most), 3e12);
    if (!(seconds >= static_cast<double>(limits.least) && seconds <= most))
      return wrong("is " + show(seconds) + ", must be " + between(limits, "seconds"));
    return Duration{std::llround(seconds * 1000)};
  });
}

Bytes Config::bytes(std::string_view key, Limits limits, std::optional<Bytes> otherwise) const {
  return node_->read<Bytes>(*notes_, key, otherwise, [&](const toml::node& node) {
    return quantity<Bytes>(node, limits, "bytes", R"("10 GB" or "512 KiB")", parse_bytes);
  });
}

BytesPerSecond Config::rate(std::string_view key, Limits limits,
                            std::optional<BytesPerSecond> otherwise) const {
  return node_->read<BytesPerSecond>(*notes_, key, otherwise, [&](const toml::node& node) {
    return quantity<BytesPerSecond>(node, limits, "bytes per second", R"("2 MB/s" or "8 Mbit/s")",
                                    parse_rate);
  });
}

WallTime Config::time(std::string_view key, std::optional<WallTime> otherwise) const {
  return node_->read<WallTime>(*notes_, key, otherwise, [](const toml::node& node) -> Result<WallTime> {
    auto value = Result<WallTime>{wrong("")};
    if (const auto stamp = node.value_exact<toml::date_time>()) value = to_wall(*stamp);
    if (const auto text = node.value_exact<std::string_view>()) value = parse_rfc3339(*text);
    if (value) return value;
    return wrong("must be a date and time with its offset, such as 2026-11-24T21:40:00Z");
  });
}

std::filesystem::path Config::path(std::string_view key,
                                   std::optional<std::filesystem::path> otherwise) const {
  std::optional<std::string> plain;
  if (otherwise) plain = otherwise->string();
  const std::filesystem::path value = text(key, std::move(plain));
  return value.empty() ? value : notes_->folder / value;  // an absolute value replaces the folder
}

std::vector<std::string> Config::strings(std::string_view key,
                                         std::optional<std::vector<std::string>> otherwise) const {
  using Texts = std::vector<std::string>;
  return node_->read<Texts>(*notes_, key, otherwise, [](const toml::node& node) -> Result<Texts> {
    const auto* array = node.as_array();
    if (!array) return wrong("must be a list of texts, such as [\"a\", \"b\"]");
    Texts out;
    for (const auto& element : *array) {
      const auto value = element.value_exact<std::string>();
      if (!value || value->empty()) return wrong("must hold texts only, and no empty one");
      out.push_back(*value);
    }
    return out;
  });
}

Config Config::table(std::string_view key) const {
  Node child{node_->full(key), node_->line, nullptr};
  if (const auto* found = node_->get(*notes_, key)) {
    child.line = found->source().begin.line;
    child.table = found->as_table();
    if (!child.table) notes_->add(child.line, child.name, "must be a table: [" + child.name + "]");
  }
  return Config{notes_, std::make_shared<const Node>(std::move(child))};
}

std::vector<Config> Config::tables(std::string_view key) const {
  std::vector<Config> out;
  const auto* found = node_->get(*notes_, key);
  if (!found) return out;
  const auto* array = found->as_array();
  for (std::size_t i = 0; array && i < array->size(); ++i) {
    const auto* element = array->get(i);
    if (!element->is_table()) break;
    out.push_back(Config{
        notes_, std::make_shared<const Node>(Node{node_->full(key) + "[" + std::to_string(i) + "]",
                                                  element->source().begin.line, element->as_table()})});
  }
  if (!array || out.size() != array->size())
    notes_->add(found->source().begin.line, node_->full(key), "must be tables: [[" + node_->full(key) + "]]");
  return out;
}

bool Config::has(std::string_view key) const { return node_->get(*notes_, key) != nullptr; }

std::vector<std::string> Config::keys() const {
  std::vector<std::string> out;
  if (node_->table)
    for (const auto& [key, value] : *node_->table) out.emplace_back(key.str());
  std::ranges::sort(out);
  return out;
}

void Config::refuse(std::string_view key, std::string_view what) const {
  const auto* found = node_->get(*notes_, key);
  notes_->add(found ? found->source().begin.line : node_->line, node_->full(key), what);
}

std::string Config::Notes::advice(const std::string& table, std::string_view key) const {
  const auto here = asked.find(table);
  if (here != asked.end())
    for (const auto& known : here->second)
      if (is_near(key, known)) return "; did you mean " + known + "?";
  for (const auto& [other, keys] : asked)
    if (keys.contains(key))
      return "; it belongs " + (other.empty() ? "to the top of the file" : "into [" + other + "]");
  return "";
}

void Config::Notes::add_unknown(const toml::table& table, const std::string& name) {
  const auto here = asked.find(name);
  for (const auto& [key, value] : table) {
    const std::string full = name.empty() ? std::string{key.str()} : name + "." + std::string{key.str()};
    if (here == asked.end() || !here->second.contains(key.str())) {
      add(key.source().begin.line, full, "is no known key" + advice(name, key.str()));
    } else if (const auto* inner = value.as_table()) {
      add_unknown(*inner, full);
    } else if (const auto* array = value.as_array()) {
      for (std::size_t i = 0; i < array->size(); ++i)
        if (const auto* element = array->get(i)->as_table())
          add_unknown(*element, full + "[" + std::to_string(i) + "]");
    }
  }
}

Result<> Config::finish() const {
  notes_->add_unknown(notes_->root, "");
  if (notes_->mistakes.empty()) return {};
  std::ranges::stable_sort(notes_->mistakes, {}, &Notes::Mistake::line);
  std::string all;
  for (const auto& mistake : notes_->mistakes) all += (all.empty() ? "" : "\n") + mistake.text;
  notes_->mistakes.clear();
  return wrong(all);
}

}  // namespace dray::adapters
