// Structured log: one line per event, "2026-11-24T21:40:00.250Z info artifact_staged sha256=c1.. bytes=812".
// The event is in the past tense; fields carry the rest. Never a secret, never a whole body.
//   error: a human must act · warn: degraded but handled · info: state changed · debug: the rest
//
// Injected (no global): each part gets a Log by value, cheap to copy; the sink outlives it.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/time.h"

namespace dray {

enum class Level { kDebug, kInfo, kWarn, kError };
std::string_view to_string(Level level);
Result<Level> parse_level(std::string_view text);

struct Field {
  std::string_view key;
  std::string value;

  Field(std::string_view k, std::string v) : key{k}, value{std::move(v)} {}
  Field(std::string_view k, std::string_view v) : key{k}, value{v} {}
  Field(std::string_view k, const char* v) : key{k}, value{v} {}
  Field(std::string_view k, bool v) : key{k}, value{v ? "true" : "false"} {}
  template <class T>
    requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>)
  Field(std::string_view k, T v) : key{k}, value{std::to_string(v)} {}
};

class Log {
 public:
  // Gets each line whole, without the newline. Called on the thread that logs.
  using Sink = std::function<void(Level, std::string_view line)>;
  using Now = std::function<WallTime()>;

  Log() = default;  // drops everything
  Log(Level least, Now now, Sink sink)
      : shared_{std::make_shared<Shared>(Shared{least, std::move(now), std::move(sink)})} {}

  void debug(std::string_view event, std::initializer_list<Field> fields = {}) const { write(Level::kDebug, event, fields); }
  void info(std::string_view event, std::initializer_list<Field> fields = {}) const { write(Level::kInfo, event, fields); }
  void warn(std::string_view event, std::initializer_list<Field> fields = {}) const { write(Level::kWarn, event, fields); }
  void error(std::string_view event, std::initializer_list<Field> fields = {}) const { write(Level::kError, event, fields); }

 private:
  struct Shared {
    Level least;
    Now now;
    Sink sink;
  };
  void write(Level level, std::string_view event, std::initializer_list<Field> fields) const;

  std::shared_ptr<const Shared> shared_;
};

// To standard error; under systemd (JOURNAL_STREAM set) with "<3>" priorities and without the time.
Log::Sink stderr_sink();

}  // namespace dray
