#include "adapters/toml/units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <vector>

namespace dray::adapters {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t bytes;
};

constexpr std::array kSizes{
    Unit{"B", 1},
    Unit{"kB", 1'000},
    Unit{"KB", 1'000},
    Unit{"MB", 1'000'000},
    Unit{"GB", 1'000'000'000},
    Unit{"TB", 1'000'000'000'000},
    Unit{"KiB", std::uint64_t{1} << 10},
    Unit{"MiB", std::uint64_t{1} << 20},
    Unit{"GiB", std::uint64_t{1} << 30},
    Unit{"TiB", std::uint64_t{1} << 40},
};
// Bits are sold in thousands; the smallest, kbit/s, is 125 bytes.
constexpr std::array kBits{Unit{"kbit/s", 125}, Unit{"Mbit/s", 125'000}, Unit{"Gbit/s", 125'000'000}};

struct Quantity {
  std::uint64_t number = 0;
  std::string_view unit;
};

Result<Quantity> split(std::string_view text) {
  Quantity out;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out.number);
  if (error != std::errc{}) return Error{ErrorCode::kInvalid, "begins with no whole number"};
  out.unit = text.substr(static_cast<std::size_t>(end - text.data()));
  while (out.unit.starts_with(' ')) out.unit.remove_prefix(1);
  return out;
}

Result<std::uint64_t> scale(Quantity quantity, std::span<const Unit> units) {
  const auto unit = std::ranges::find(units, quantity.unit, &Unit::name);
  if (unit == units.end()) return Error{ErrorCode::kNotFound, "unknown unit"};
  // Everything is kept in signed 64 bits further on (TOML, SQLite, JSON), so that is the limit.
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (quantity.number > kMost / unit->bytes) return Error{ErrorCode::kInvalid, "is too large"};
  return quantity.number * unit->bytes;
}

}  // namespace

Result<Bytes> parse_bytes(std::string_view text) {
  DRAY_TRY(const auto quantity, split(text));
  const auto bytes = scale(quantity, kSizes);
  if (bytes) return Bytes{*bytes};
  if (bytes.error().code() != ErrorCode::kNotFound) return bytes.error();
  return Error{ErrorCode::kInvalid, "has no known unit (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB)"};
}

Result<BytesPerSecond> parse_rate(std::string_view text) {
  DRAY_TRY(auto quantity, split(text));
  auto bytes = scale(quantity, kBits);
  if (!bytes && bytes.error().code() == ErrorCode::kNotFound && quantity.unit.ends_with("/s")) {
    quantity.unit.remove_suffix(2);
    bytes = scale(quantity, kSizes);
  }
  if (bytes) return BytesPerSecond{*bytes};
  if (bytes.error().code() != ErrorCode::kNotFound) return bytes.error();
  return Error{ErrorCode::kInvalid,
               "has no known unit (kB/s, MB/s, GB/s, KiB/s, MiB/s, kbit/s, Mbit/s, Gbit/s)"};
}

bool is_near(std::string_view typed, std::string_view known) {
  // Levenshtein, one row at a time.
  std::vector<std::size_t> row(known.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= typed.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= known.size(); ++j) {
      const auto substituted = diagonal + (typed[i - 1] == known[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  const auto shorter = std::min(typed.size(), known.size());
  return row.back() <= (shorter < 4 ? 1 : std::max<std::size_t>(2, shorter / 3));  // a swap counts two
}

}  // namespace dray::adapters
