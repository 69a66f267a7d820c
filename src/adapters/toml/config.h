// A program's configuration: one TOML file, read once at start, every mistake in it said at once.
//
//   auto file = Config::open("/etc/dray/gateway.toml");
//   if (!file) return file.error();                      // can't be read, or is no TOML
//   GatewayConfig out;
//   out.listen = file->text("listen", "127.0.0.1:8090"); // may be left out
//   auto server = file->table("server");                 // [server]
//   out.server_url = server.text("url");                 // must be there
//   out.store_quota = file->bytes("store_quota", {.least = 1'000'000}, Bytes{10'000'000'000});
//   DRAY_CHECK(file->finish());                          // all errors and all keys that nobody asked for
//
// Getters never fail: a wrong or missing value is noted, the default (or an empty value) is returned, and
// finish() tells. Each line of its message reads "gateway.toml:12: server.url: what is wrong, what is
// allowed". A Config is a cheap handle on a table of the file; copies share the notes. Not thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

namespace dray::adapters {

// What a number may be, both ends included.
struct Limits {
  std::int64_t least = 0;
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
};

class Config {
 public:
  static Result<Config> open(const std::filesystem::path& file);
  static Result<Config> parse(std::string_view text, std::string file_name);

  // Each getter: without a default the key must be there. Texts are never empty, unless the default is.
  std::string text(std::string_view key, std::optional<std::string> otherwise = {}) const;
  // One of the given words.
  std::string choice(std::string_view key, std::initializer_list<std::string_view> words,
                     std::optional<std::string> otherwise = {}) const;
  bool boolean(std::string_view key, std::optional<bool> otherwise = {}) const;
  std::int64_t integer(std::string_view key, Limits limits, std::optional<std::int64_t> otherwise = {}) const;
  // A number, fractions allowed; both limits included.
  double number(std::string_view key, double least, double most, std::optional<double> otherwise = {}) const;
  // For keys that end in _s: a number of seconds, fractions allowed. The limits are in seconds.
  Duration duration_s(std::string_view key, Limits limits, std::optional<Duration> otherwise = {}) const;
  // 512, "10 GB", "512 KiB". The limits are in bytes.
  Bytes bytes(std::string_view key, Limits limits, std::optional<Bytes> otherwise = {}) const;
  // Bytes per second: 250000, "2 MB/s", "8 Mbit/s". The limits are in bytes per second.
  BytesPerSecond rate(std::string_view key, Limits limits,
                      std::optional<BytesPerSecond> otherwise = {}) const;
  // A TOML date-time with an offset, or the same as a string.
  WallTime time(std::string_view key, std::optional<WallTime> otherwise = {}) const;
  // A relative path starts at the folder of the file, not where the program was started.
  std::filesystem::path path(std::string_view key, std::optional<std::filesystem::path> otherwise = {}) const;
  std::vector<std::string> strings(std::string_view key,
                                   std::optional<std::vector<std::string>> otherwise = {}) const;

  // [key]; where it is left out, an empty one, so that its keys take their defaults.
  Config table(std::string_view key) const;
  // [[key]], in the order of the file; none where it is left out.
  std::vector<Config> tables(std::string_view key) const;

  bool has(std::string_view key) const;
  // The keys of this table, for tables that name things ("[device_types.board]"), in alphabetical order.
  std::vector<std::string> keys() const;
  // Notes a mistake that only the caller can see: refuse("listen", "is no host:port").
  void refuse(std::string_view key, std::string_view what) const;

  // Everything that was wrong, one line each, in the order of the file; kInvalid.
  Result<> finish() const;

 private:
  struct Notes;
  struct Node;
  Config(std::shared_ptr<Notes> notes, std::shared_ptr<const Node> node);

  std::shared_ptr<Notes> notes_;
  std::shared_ptr<const Node> node_;
};

}  // namespace dray::adapters
