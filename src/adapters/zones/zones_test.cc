// Every zone of the machine's tz database, ten years of it: our reading of the rules against the C library's,
// and windows in them.
#include "adapters/zones/zones.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <set>

#include "adapters/zones/tzif.h"

namespace dray::adapters {
namespace {

using namespace std::chrono;
namespace fs = std::filesystem;

constexpr const char* kFolder = "/usr/share/zoneinfo";
constexpr sys_seconds kFrom{sys_days{2026y / 1 / 1}};
constexpr sys_seconds kTo{sys_days{2036y / 1 / 1}};

struct EachZone {
  std::vector<std::string> all;       // every name
  std::vector<std::string> distinct;  // one of those that share their rules
};

EachZone zone_names() {
  EachZone out;
  std::set<std::string> seen;
  for (const auto& entry : fs::recursive_directory_iterator{kFolder}) {
    const std::string name = fs::relative(entry.path(), kFolder).string();
    if (!entry.is_regular_file() || name.starts_with("right/") || name.starts_with("posix/")) continue;
    if (name == "localtime" || name == "posixrules" || name == "Factory") continue;  // no zones of a place
    std::ifstream file{entry.path(), std::ios::binary};
    const std::string bytes{std::istreambuf_iterator<char>{file}, {}};
    if (!bytes.starts_with("TZif")) continue;
    out.all.push_back(name);
    if (seen.insert(bytes).second) out.distinct.push_back(name);
  }
  std::sort(out.distinct.begin(), out.distinct.end());
  return out;
}

// The C library's opinion, which is another program.
class LibraryZone {
 public:
  explicit LibraryZone(const std::string& name) {
    ::setenv("TZ", (":" + name).c_str(), 1);
    ::tzset();
  }
  ~LibraryZone() {
    ::unsetenv("TZ");
    ::tzset();
  }
  static seconds offset(sys_seconds at) {
    const std::time_t t = at.time_since_epoch().count();
    std::tm tm{};
    ::localtime_r(&t, &tm);
    return seconds{tm.tm_gmtoff};
  }
};

TEST(Zones, EveryZoneOfTheDatabaseIsReadAsTheLibraryReadsIt) {
  Zones zones{kFolder, kTo + days{366}};
  const EachZone names = zone_names();
  ASSERT_GT(names.all.size(), 400U) << "is tzdata there?";
  for (const std::string& name : names.all) ASSERT_TRUE(zones.find(name)) << name;
  for (const std::string& name : names.distinct) {
    const core::ZoneRules zone = **zones.find(name);
    const LibraryZone library{name};
    for (sys_seconds t = kFrom; t < kTo; t += hours{24 * 5 + 7})
      ASSERT_EQ(core::offset_at(zone, t), LibraryZone::offset(t)) << name << " " << to_rfc3339(t);
    for (const core::ZoneTransition& change : zone.transitions)
      if (change.at >= kFrom && change.at < kTo) {
        ASSERT_EQ(LibraryZone::offset(change.at), change.offset) << name << " " << to_rfc3339(change.at);
        ASSERT_NE(LibraryZone::offset(change.at - seconds{1}), change.offset)
            << name << " " << to_rfc3339(change.at);
      }
  }
}

core::ZoneRules ten_years_of(const core::ZoneRules& zone) {
  core::ZoneRules out{zone.name, core::offset_at(zone, kFrom), {}};
  for (const core::ZoneTransition& change : zone.transitions)
    if (change.at > kFrom && change.at < kTo) out.transitions.push_back(change);
  return out;
}

struct Checked {
  const core::ZoneRules& zone;
  const core::Window& window;

  seconds clock(WallTime t) const {
    const auto shown = t.time_since_epoch() + core::offset_at(zone, t);
    return duration_cast<seconds>(shown - floor<days>(shown));
  }
  bool is_change(WallTime t) const {
    for (const core::ZoneTransition& change : zone.transitions)
      if (WallTime{change.at} == t) return true;
    return false;
  }
  bool changes_within(WallTime from, WallTime to) const {
    for (const core::ZoneTransition& change : zone.transitions)
      if (from <= change.at && change.at <= to) return true;
    return false;
  }
  bool inside(WallTime t) const {  // for windows on every day
    const seconds c = clock(t);
    return window.from < window.to ? c >= window.from && c < window.to : c >= window.from || c < window.to;
  }
};

// M4, M5, M10, M11: windows are local time, also where clocks change.
TEST(Zones, WindowsKeepToTheWallClockInEveryZoneForTenYears) {
  Zones zones{kFolder, kTo + days{366}};
  const core::Window windows[] = {*core::parse_window("02:30-04:15"), *core::parse_window("22:07-05:00"),
                                  *core::parse_window("00:30-01:30")};
  for (const std::string& name : zone_names().distinct)
    for (const core::Window& window : windows) {
      const core::ZoneRules zone = ten_years_of(**zones.find(name));
      const Checked checked{zone, window};
      const core::Intervals got = core::resolve({{window}, {}}, zone, {kFrom, kTo});
      const seconds full = (window.to - window.from + hours{24}) % hours{24};
      for (std::size_t i = 0; i < got.size(); ++i) {
        const auto& [from, to] = got[i];
        ASSERT_TRUE(from < to && (i == 0 || got[i - 1].to < from)) << name << " " << to_rfc3339(from);
        // Ends are the stated wall times, or the jump of the clock, or the ends of the ten years.
        ASSERT_TRUE(checked.clock(from) == window.from || checked.is_change(from) || from == kFrom)
            << name << " " << to_rfc3339(from);
        ASSERT_TRUE(checked.clock(to) == window.to || checked.is_change(to) || to == kTo)
            << name << " " << to_rfc3339(to);
        ASSERT_TRUE(to - from == full || from == kFrom || to == kTo || checked.changes_within(from, to))
            << name << " " << to_rfc3339(from);
      }
      // Around each change, minute by minute: permitted exactly while the clock shows it.
      std::size_t next = 0;
      for (const core::ZoneTransition& change : zone.transitions)
        for (WallTime t = change.at - hours{2}; t < change.at + hours{2}; t += minutes{1}) {
          while (next < got.size() && got[next].to <= t) ++next;
          ASSERT_EQ(next < got.size() && got[next].from <= t, checked.inside(t))
              << name << " " << to_rfc3339(t);
        }
      // One a day, but for those that the clock skipped whole or showed in two pieces.
      const auto changes = std::ssize(zone.transitions);
      const auto count = static_cast<std::int64_t>(got.size()), days_there = (kTo - kFrom) / days{1};
      ASSERT_LE(std::abs(count - days_there), changes + 1) << name;
    }
}

TEST(Zones, GoOnAfterTheTableByTheRuleInTheFooter) {
  Zones zones{kFolder, sys_days{2101y / 1 / 1}};
  const core::ZoneRules berlin = **zones.find("Europe/Berlin");
  EXPECT_EQ(core::offset_at(berlin, sys_days{2100y / 7 / 1}), hours{2});
  EXPECT_EQ(core::offset_at(berlin, sys_days{2100y / 12 / 1}), hours{1});
  EXPECT_EQ(core::to_local_text(berlin, sys_days{2100y / 7 / 1}), "Thu 2100-07-01 02:00");
}

TEST(Zones, RulesOfEveryKindAreRead) {
  const auto changes = [](const char* rule) {
    std::string out;
    const auto zone = read_posix_zone(rule, sys_days{2026y / 1 / 1}, sys_days{2026y / 12 / 31});
    if (!zone) return std::string{"none"};
    for (const core::ZoneTransition& t : zone->transitions)
      out += to_rfc3339(t.at) + " " + std::to_string(t.offset / minutes{1}) + " ";
    return out;
  };
  EXPECT_EQ(changes("CET-1CEST,M3.5.0,M10.5.0/3"),
            "2026-01-01T00:00:00Z 60 2026-03-29T01:00:00Z 120 2026-10-25T01:00:00Z 60 ");
  EXPECT_EQ(changes("<-02>2<-01>,M3.5.0/-1,M10.5.0/0"),
            "2026-01-01T00:00:00Z -120 2026-03-29T01:00:00Z -60 2026-10-25T01:00:00Z -120 ");
  EXPECT_EQ(changes("XXX3YYY,J60/0,300/12"),
            "2026-01-01T00:00:00Z -180 2026-03-01T03:00:00Z -120 2026-10-28T14:00:00Z -180 ");
  EXPECT_EQ(changes("<+0530>-5:30"), "2026-01-01T00:00:00Z 330 ");
  for (const char* bad : {"", "CET", "C-1", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.1.0,M10.5.0",
                          "CET-1x", "CET-1CEST,M3.5.0,M10.5.0/3x", "CET-1CEST,J0,J1", "<CET-1"})
    EXPECT_EQ(changes(bad), "none") << bad;
}

TEST(Zones, NamesThatAreNoneAreRefused) {
  Zones zones{kFolder, kTo};
  for (const char* name : {"", "Mars/Olympus", "../../../etc/passwd", "/etc/passwd", "Europe", "Europe/",
                           "Europe//Berlin", "tzdata.zi", "zone.tab", "Europe/Berlin\n"}) {
    const auto found = zones.find(name);
    ASSERT_FALSE(found) << name;
    EXPECT_EQ(found.error().code(), ErrorCode::kInvalid) << name;
  }
}

TEST(Zones, DamagedFilesAreRefusedAndNothingElseHappens) {
  std::ifstream file{fs::path{kFolder} / "Europe/Berlin", std::ios::binary};
  const std::string whole{std::istreambuf_iterator<char>{file}, {}};
  ASSERT_TRUE(read_tzif("x", as_bytes(whole), kTo));
  for (std::size_t n = 0; n < whole.size(); n += 7)
    EXPECT_FALSE(read_tzif("x", as_bytes(whole.substr(0, n)), kTo)) << n;
  for (std::size_t n = 0; n < whole.size(); n += 3) {  // any answer, but an answer
    std::string flipped = whole;
    flipped[n] = static_cast<char>(flipped[n] ^ 0xa5);
    (void)read_tzif("x", as_bytes(flipped), kTo);
  }
}

// A tz database of the test's own.
class OwnZones : public ::testing::Test {
 protected:
  OwnZones() : folder_{fs::path{::testing::TempDir()} / "zones-XXXXXX"} {
    std::string name = folder_.string();
    folder_ = ::mkdtemp(name.data());
  }
  ~OwnZones() override { fs::remove_all(folder_); }
  // As a package does it: beside, then renamed.
  void put(const std::string& name, const std::string& like) {
    fs::copy_file(fs::path{kFolder} / like, folder_ / "new");
    fs::rename(folder_ / "new", folder_ / name);
  }
  fs::path folder_;
};

TEST_F(OwnZones, FollowTheirFilesWhileTheProgramRuns) {
  Zones zones{folder_, WallTime{kTo}};
  EXPECT_FALSE(zones.find("Here"));
  put("Here", "Europe/Berlin");
  const auto berlin = zones.find("Here");
  ASSERT_TRUE(berlin);
  EXPECT_EQ(core::offset_at(**berlin, WallTime{kFrom}), hours{1});
  EXPECT_EQ(zones.find("Here")->get(), berlin->get()) << "read once";
  put("Here", "Asia/Tokyo");
  EXPECT_EQ(core::offset_at(*zones.find("Here").value(), WallTime{kFrom}), hours{9});
  fs::remove(folder_ / "Here");
  const auto gone = zones.find("Here");
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code(), ErrorCode::kInvalid);
  put("Here", "Europe/Berlin");
  EXPECT_TRUE(zones.find("Here"));
}

TEST_F(OwnZones, WhatMeansAnotherZoneOnEachMachineIsNone) {
  Zones zones{folder_, WallTime{kTo}};
  for (const std::string name : {"localtime", "posixrules", "Factory"}) {
    put(name, "Europe/Berlin");
    EXPECT_FALSE(zones.find(name)) << name;
  }
  fs::create_directory(folder_ / "posix");
  put("posix/localtime", "Europe/Berlin");
  EXPECT_FALSE(zones.find("posix/localtime"));
}

}  // namespace
}  // namespace dray::adapters
