#include "adapters/zones/tzif.h"

#include <algorithm>
#include <limits>

namespace dray::adapters {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr std::size_t kHeader = 44;
// Tables begin with "the Big Bang" (-2^59); nobody here plans before this, nor after that.
constexpr sys_seconds kFirst{std::chrono::sys_days{std::chrono::year{1800} / 1 / 1}};
constexpr sys_seconds kLast{std::chrono::sys_days{std::chrono::year{2500} / 1 / 1}};

// Big-endian numbers out of bytes that may end too early.
class Reader {
 public:
  explicit Reader(ByteView bytes) : rest_{bytes} {}
  bool has(std::size_t n) const { return rest_.size() >= n; }
  void skip(std::size_t n) { rest_ = rest_.subspan(n); }
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t value = 0;
    for (const std::byte b : rest_.first(bytes)) value = value << 8 | static_cast<unsigned>(b);
    skip(bytes);
    return value;
  }
  ByteView rest() const { return rest_; }

 private:
  ByteView rest_;
};

struct Counts {
  std::uint64_t version = 0, isut = 0, isstd = 0, leap = 0, times = 0, types = 0, chars = 0;
  std::size_t data(std::size_t time_size) const {
    return times * (time_size + 1) + types * 6 + chars + leap * (time_size + 4) + isstd + isut;
  }
};

std::optional<Counts> read_header(Reader& in) {
  if (!in.has(kHeader) || as_text(in.rest().first(4)) != "TZif") return {};
  in.skip(4);
  Counts c;
  c.version = in.number(1);
  in.skip(15);
  for (std::uint64_t* count : {&c.isut, &c.isstd, &c.leap, &c.times, &c.types, &c.chars})
    *count = in.number(4);
  return c;
}

}  // namespace

Result<core::ZoneRules> read_tzif(std::string name, ByteView file, WallTime until) {
  const Error corrupt{ErrorCode::kCorrupt, "the rules of time zone '" + name + "' are damaged"};
  Reader in{file};
  const auto old = read_header(in);
  if (!old || old->version < '2' || !in.has(old->data(4))) return corrupt;
  in.skip(old->data(4));  // what readers of 32-bit times get
  const auto counts = read_header(in);
  if (!counts || counts->types == 0 || !in.has(counts->data(8))) return corrupt;
  if (counts->leap != 0)
    return Error{ErrorCode::kInvalid, "time zone '" + name + "' counts leap seconds: its times are not UTC"};

  std::vector<sys_seconds> at(counts->times);
  for (auto& time : at) time = sys_seconds{seconds{static_cast<std::int64_t>(in.number(8))}};
  std::vector<std::size_t> type_of(counts->times);
  for (auto& type : type_of) type = in.number(1);
  std::vector<seconds> offsets(counts->types);
  for (auto& offset : offsets) {
    offset = seconds{static_cast<std::int32_t>(in.number(4))};
    in.skip(2);
  }
  in.skip(counts->chars + counts->isstd + counts->isut);

  core::ZoneRules zone{std::move(name), offsets[0], {}};
  seconds now = zone.offset;
  for (std::size_t i = 0; i < at.size(); ++i) {
    if (type_of[i] >= offsets.size() || (i > 0 && at[i] <= at[i - 1]) || at[i] > kLast) return corrupt;
    const seconds next = offsets[type_of[i]];
    if (std::chrono::abs(next) > std::chrono::hours{26}) return corrupt;
    if (at[i] < kFirst)
      zone.offset = next;
    else if (next != now)
      zone.transitions.push_back({at[i], next});  // else only the name or "is DST" changes
    now = next;
  }

  const std::string_view footer = as_text(in.rest());
  if (footer.size() < 2 || footer.front() != '\n' || footer.back() != '\n') return corrupt;
  const std::string_view rule = footer.substr(1, footer.size() - 2);
  if (rule.empty()) return zone;
  const sys_seconds known = at.empty() ? sys_seconds{seconds{0}} : std::max(at.back(), kFirst);
  DRAY_TRY(const PosixZone later, read_posix_zone(rule, known, until));
  if (at.empty()) zone.offset = later.standard;
  for (const core::ZoneTransition& t : later.transitions)
    if (t.offset != now) {
      zone.transitions.push_back(t);
      now = t.offset;
    }
  return zone;
}

}  // namespace dray::adapters
