#include "adapters/toml/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace dray::adapters {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Config config(std::string_view text) {
  auto parsed = Config::parse(text, "a.toml");
  EXPECT_TRUE(parsed) << parsed.error().message();
  return *parsed;
}

std::string complaint(const Config& config) {
  const auto done = config.finish();
  return done ? "" : done.error().message();
}

TEST(TomlConfig, ReadsEveryKindOfValue) {
  const auto file = config(R"(
listen = "127.0.0.1:8080"
delivery = "push"
strict = true
devices = 1_000
poll_s = 2.5
quota = "10 GB"
reserve = "512 KiB"
plain = 77
link = "8 Mbit/s"
cap = "2MB/s"
at = 2026-11-24T23:40:00.25+02:00
also_at = "2026-11-24T21:40:00Z"
names = ["a", "b"]
)");
  EXPECT_EQ(file.text("listen"), "127.0.0.1:8080");
  EXPECT_EQ(file.choice("delivery", {"pull", "push"}), "push");
  EXPECT_TRUE(file.boolean("strict"));
  EXPECT_EQ(file.integer("devices", {.least = 1}), 1000);
  EXPECT_EQ(file.duration_s("poll_s", {}), Duration{2500});
  EXPECT_EQ(file.bytes("quota", {}), Bytes{10'000'000'000});
  EXPECT_EQ(file.bytes("reserve", {}), Bytes{524'288});
  EXPECT_EQ(file.bytes("plain", {}), Bytes{77});
  EXPECT_EQ(file.rate("link", {}), BytesPerSecond{1'000'000});
  EXPECT_EQ(file.rate("cap", {}), BytesPerSecond{2'000'000});
  EXPECT_EQ(to_rfc3339(file.time("at")), "2026-11-24T21:40:00.250Z");
  EXPECT_EQ(to_rfc3339(file.time("also_at")), "2026-11-24T21:40:00Z");
  EXPECT_THAT(file.strings("names"), ElementsAre("a", "b"));
  EXPECT_EQ(complaint(file), "");
}

TEST(TomlConfig, TakesTheDefaultsOfWhatIsLeftOut) {
  const auto file = config("");
  EXPECT_EQ(file.text("a", "x"), "x");
  EXPECT_FALSE(file.boolean("b", false));
  EXPECT_EQ(file.integer("c", {.least = 1, .most = 9}, 4), 4);
  EXPECT_EQ(file.duration_s("d_s", {}, std::chrono::seconds{9}), std::chrono::seconds{9});
  EXPECT_EQ(file.bytes("e", {}, Bytes{5}), Bytes{5});
  EXPECT_THAT(file.strings("f", std::vector<std::string>{"z"}), ElementsAre("z"));
  const auto inner = file.table("g");
  EXPECT_EQ(inner.text("h", ""), "");
  EXPECT_THAT(file.tables("i"), testing::IsEmpty());
  EXPECT_EQ(complaint(file), "");
}

TEST(TomlConfig, NamesFileLineAndKeyOfWhatIsMissing) {
  const auto file = config("\n[server]\nretries = 3\n");
  const auto server = file.table("server");
  EXPECT_EQ(server.text("url"), "");
  EXPECT_EQ(server.integer("retries", {}), 3);
  EXPECT_EQ(complaint(file), "a.toml:2: server.url: is missing and has no default");
}

TEST(TomlConfig, SaysEveryMistakeAtOnceInTheOrderOfTheFile) {
  const auto file = config(
      "port = 70000\nname = 7\nquota = \"10 GX\"\nwait_s = -1\nmode = \"pul\"\nwhen = 2026-11-24T21:40:00\n");
  file.time("when");
  file.choice("mode", {"pull", "push"});
  file.duration_s("wait_s", {.least = 1, .most = 60});
  file.bytes("quota", {});
  EXPECT_EQ(file.text("name", "fallback"), "fallback");
  file.integer("port", {.least = 1, .most = 65535});
  EXPECT_EQ(complaint(file),
            "a.toml:1: port: is 70000, must be between 1 and 65535\n"
            "a.toml:2: name: must be a text in quotes\n"
            "a.toml:3: quota: \"10 GX\" has no known unit (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB)\n"
            "a.toml:4: wait_s: is -1, must be between 1 and 60 seconds\n"
            "a.toml:5: mode: is \"pul\", must be one of \"pull\", \"push\"\n"
            "a.toml:6: when: must be a date and time with its offset, such as 2026-11-24T21:40:00Z");
}

TEST(TomlConfig, RefusesKeysThatNobodyAskedForAndSaysWhatWasMeant) {
  const auto file = config("lisen = \"x\"\n\n[link]\nlisten = \"y\"\nzzz.q = 1\n");
  file.text("listen", "");
  file.table("link").integer("cap", {}, 0);
  EXPECT_EQ(complaint(file),
            "a.toml:1: lisen: is no known key; did you mean listen?\n"
            "a.toml:4: link.listen: is no known key; it belongs to the top of the file\n"
            "a.toml:5: link.zzz: is no known key");
}

TEST(TomlConfig, ReadsListsOfTablesAndRefusesTheirUnknownKeysToo) {
  const auto file = config("[[types]]\nname = \"a\"\n[[types]]\nname = \"b\"\nnmae = 1\n");
  std::vector<std::string> names;
  for (const auto& type : file.tables("types")) names.push_back(type.text("name"));
  EXPECT_THAT(names, ElementsAre("a", "b"));
  EXPECT_EQ(complaint(file), "a.toml:5: types[1].nmae: is no known key; did you mean name?");
}

TEST(TomlConfig, ReadsTablesWhoseKeysAreNames) {
  const auto file = config("[types.y]\nx = 1\n[types.b]\nx = 2\n");
  const auto types = file.table("types");
  EXPECT_THAT(types.keys(), ElementsAre("b", "y"));
  std::int64_t sum = 0;
  for (const auto& name : types.keys()) sum += types.table(name).integer("x", {});
  EXPECT_EQ(sum, 3);
  EXPECT_EQ(complaint(file), "");
}

TEST(TomlConfig, RefusesTheWrongShapes) {
  const auto file = config("a = 1\nb = [1, 2]\nc = [\"x\", 2]\nd = nan\n");
  file.table("a");
  file.tables("b");
  file.strings("c");
  file.duration_s("d", {});
  const auto said = complaint(file);
  for (const char* part : {"a.toml:1: a: must be a table", "a.toml:2: b: must be tables",
                           "a.toml:3: c: must hold texts only", "a.toml:4: d: is nan"})
    EXPECT_THAT(said, HasSubstr(part));
}

TEST(TomlConfig, RefusesNumbersThatDoNotFit) {
  const auto file = config("a = \"99999999999 TB\"\nb = \"-1 MB\"\nc = 1e300\nd = \"\"\ne = -5\n");
  file.bytes("a", {});
  file.bytes("b", {});
  file.duration_s("c", {});
  file.text("d");
  file.bytes("e", {});
  const auto said = complaint(file);
  for (const char* part :
       {":1: a: \"99999999999 TB\" is too large", ":2: b: \"-1 MB\" begins with no whole number",
        ":3: c: is 1e+300", ":4: d: must not be empty", ":5: e: is -5, must be at least 0 bytes"})
    EXPECT_THAT(said, HasSubstr(part));
}

TEST(TomlConfig, TakesTheCallersOwnMistakes) {
  const auto file = config("listen = \"nowhere\"\n");
  file.text("listen");
  file.refuse("listen", "must be host:port");
  EXPECT_EQ(complaint(file), "a.toml:1: listen: must be host:port");
}

TEST(TomlConfig, SaysWhereAFileIsNoToml) {
  for (const char* text : {"a = 1\nb = \n", "a = 1\na = 2\n", "x = 1\n[t\n"}) {
    const auto parsed = Config::parse(text, "a.toml");
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error().message(), HasSubstr("a.toml:2: is no TOML: ")) << text;
  }
}

class TomlFile : public testing::Test {
 protected:
  TomlFile() {
    std::string name = (std::filesystem::temp_directory_path() / "dray-toml-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~TomlFile() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
};

TEST_F(TomlFile, RelativePathsStartAtTheFoldersOfTheFile) {
  std::ofstream{folder_ / "c.toml"} << "a = \"data/x\"\nb = \"/abs\"\n";
  const auto file = Config::open(folder_ / "c.toml");
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_EQ(file->path("a"), folder_ / "data/x");
  EXPECT_EQ(file->path("b"), "/abs");
  EXPECT_EQ(file->path("c", "deep"), folder_ / "deep");
  EXPECT_EQ(file->path("d", ""), "");
}

TEST_F(TomlFile, SaysWhatIsWrongWithAFileThatCannotBeRead) {
  EXPECT_EQ(Config::open(folder_ / "none.toml").error().code(), ErrorCode::kNotFound);
  EXPECT_FALSE(Config::open(folder_));
  std::ofstream{folder_ / "big.toml"} << std::string(2 << 20, '#');
  EXPECT_THAT(Config::open(folder_ / "big.toml").error().message(), HasSubstr("may have 1 MiB"));
}

// An editor of another encoding, and what people write into names.
TEST(TomlConfig, KeysHaveABoundInTheirParts) {
  const auto dotted = [](int parts) {
    std::string out = "a";
    for (int i = 1; i < parts; ++i) out += ".a";
    return out;
  };
  const auto why = [](const std::string& text) {
    const auto config = Config::parse(text, "deep.toml");
    return config ? std::string{} : config.error().message();
  };
  EXPECT_EQ(why(dotted(16) + " = 1\n"), "");
  EXPECT_EQ(why("x = 1\n" + dotted(17) + " = 1\n"), "deep.toml:2: a key has at most 16 parts");
  for (const std::string& text :
       {dotted(50'000) + "=1", "[" + dotted(50'000) + "]", "x = {" + dotted(50'000) + "=1}", "\"a\"." + dotted(50'000) + "=1",
        "x = '\n" + dotted(50'000) + "=1", "x = \"\\\n" + dotted(50'000) + "=1", "s = \"\"\"\n\"\"\"\n" + dotted(50'000) + "=1"})
    EXPECT_NE(why(text).find("a key has at most 16 parts"), std::string::npos) << text.substr(0, 40);
  std::string nested;
  for (int i = 0; i < 200; ++i) nested += dotted(16) + " = {";
  EXPECT_NO_FATAL_FAILURE(why(nested));
  const std::string dots(100, '.');
  EXPECT_EQ(why("a = \"" + dots + "\"  # " + dots + "\nb = '" + dots + "'\nc = \"\"\"\n" + dots + "\n\"\"\"\nd = [1.0, 1.5, 2.5]\n"), "");
}

TEST_F(TomlFile, AFileThatBreaksOffWhileItIsReadIsOneSentence) {
  const auto config = Config::open("/proc/self/mem");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message(), "/proc/self/mem: can't be read");
  EXPECT_FALSE(Config::open("/dev/zero"));
}

TEST(TomlConfig, AFileOfAnotherEncodingIsReadAndItsTextsAreText) {
  const std::filesystem::path path =
      std::filesystem::path{::testing::TempDir()} / ("dray-latin1-" + std::to_string(::getpid()) + ".toml");
  std::ofstream{path} << "# f\xFCr K\xF6ln\n[attributes]\nort = \"K\xF6ln\"\nnah = \"K\u00f6ln\"\n";
  const auto file = Config::open(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(file) << file.error().message();
  const Config attributes = file->table("attributes");
  EXPECT_EQ(attributes.text("ort"), "K\xEF\xBF\xBDln");
  EXPECT_EQ(attributes.text("nah"), "K\u00f6ln");
  EXPECT_EQ(complaint(*file), "");
}

TEST(TomlConfig, TimesLieInTheYearsThatCanBeWritten) {
  for (const std::string at : {"9999-12-31T23:59:59-10:00", "0000-01-01T00:00:00+10:00"}) {
    for (const std::string& written : {at, "\"" + at + "\""}) {
      const auto file = config("at = " + written + "\n");
      file.time("at");
      EXPECT_THAT(complaint(file), HasSubstr("at: must be a date and time")) << written;
    }
  }
  const auto last = config("at = 9999-12-31T23:59:59Z\n");
  EXPECT_EQ(to_rfc3339(last.time("at")), "9999-12-31T23:59:59Z");
}

}  // namespace
}  // namespace dray::adapters
