// Every text of every request of the admin API with values that nobody means: it is refused with the member and its
// limit, or taken; what is taken holds no control character.
#include <gtest/gtest.h>

#include "base/text.h"
#include "wire/admin_api.h"
#include "wire/odd_values_testing.h"

namespace dray::wire {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the values are what this file is about

struct Request {
  std::string document;
  std::function<Result<std::string>(const std::string&)> decode;  // what of it is kept, as one text
};

std::string kept(const Why& why) { return why.by + "|" + why.why; }
std::string kept(const NewUpload&) { return {}; }
std::string kept(const NewArtifact& a) {
  std::string out = a.name + "|" + a.file + "|" + a.component + "|" + a.version;
  for (const auto& type : a.device_types) out += "|" + type;
  return out;
}
std::string kept(const NewDeviceType& t) {
  std::string out = t.type.name + "|" + t.type.probe;
  for (const auto& [component, part] : t.type.parts) out += "|" + component + "|" + part;
  return out;
}
std::string kept(const NewSite& s) { return s.name + "|" + s.time_zone; }
std::string kept(const SitePatch& s) { return s.time_zone.value_or(""); }
std::string kept(const NewDevice& d) {
  std::string out = d.name + "|" + d.site + "|" + d.type;
  for (const auto& [key, value] : d.attributes) out += "|" + key + "|" + value;
  return out;
}
std::string kept(const std::vector<NewDevice>& all) { return all.empty() ? "" : kept(all.front()); }
std::string kept(const NewRelease& r) { return r.name + "|" + r.version; }
std::string kept(const NewRollout& r) {
  std::string out = r.release_name + "|" + r.release_version + "|" + r.filter;
  for (const auto& phase : r.phases) {
    out += "|" + phase.name;
    if (const auto* passing = std::get_if<core::Passing>(&phase.share)) out += "|" + passing->filter;
  }
  return out;
}
std::string kept(const NewDeferral& d) { return d.site + "|" + d.device + "|" + d.rollout + "|" + d.by + "|" + d.why; }
std::string kept(const NewApproval& a) { return kept(a.why); }
std::string kept(const NewReplace& r) { return kept(r.why) + "|" + r.instance.value_or(""); }
std::string kept(const NewRetry& r) { return kept(r.why); }
std::string kept(const IdRenewal& r) { return kept(r.why); }

template <class T>
Request request(std::string document, Result<T> (*decode)(std::string_view)) {
  return {std::move(document), [decode](const std::string& text) -> Result<std::string> {
            const auto read = decode(text);
            if (!read) return read.error();
            return kept(*read);
          }};
}

std::vector<Request> requests() {
  return {
      request(R"({"sha256":")" + kSha + R"(","size":5})", decode_upload),
      request(R"({"sha256":")" + kSha + R"(","name":"i","file":"i.img","component":"os","version":"1","device_types":["t"]})", decode_artifact),
      request(R"({"name":"t","components":["os"],"order":[["os"]],"client":"dray","ask":"poll","ends_on":"closed","probe":"p","parts":{"os":"x"}})", decode_device_type),
      request(R"({"name":"b","time_zone":"UTC","transfer_windows":["02:00-05:00"],"update_windows":["Mon-Fri 22:00-05:00"],"black_outs":["2026-12-24"]})", decode_site),
      request(R"({"time_zone":"UTC","transfer_windows":["02:00-05:00"],"black_outs":["2026-12-24"]})", decode_site_patch),
      request(R"({"name":"d","site":"b","type":"t","attributes":{"ort":"x"}})", decode_device),
      request(R"({"devices":[{"name":"d","site":"b","type":"t","attributes":{"ort":"x"}}]})", decode_devices),
      request(R"({"name":"r","version":"1","artifacts":[")" + kSha + "\"]}", decode_release),
      request(R"({"release":"r/1","filter":"site=b","delivery":"pull","schedule":"given","update_at":"2026-11-24T21:40:00Z","expires_at":"2026-11-25T21:40:00Z","update":[["2026-11-24T21:40:00Z","2026-11-25T21:40:00Z"]],"phases":[{"name":"Lab","filter":"site=lab","failure":{"count":1,"then":"abort"}},{"name":"All"}]})", decode_rollout),
      request(R"({"site":"b","rollout":"r1","until":"2026-11-24T21:40:00Z","by":"x","why":"y"})", decode_deferral),
      request(R"({"by":"x","why":"y"})", decode_why),
      request(R"({"by":"x","why":"y","phase":1})", decode_approval),
      request(R"({"instance":"a","by":"x","why":"y"})", decode_replace),
      request(R"({"by":"x","why":"y","expires_at":"2026-11-24T21:40:00Z"})", decode_retry),
      request(R"({"by":"x","why":"y","beyond_32_bits":true})", decode_id_renewal),
  };
}

// ".phases[0].name" -> "phases": what a refusal begins with. Of a type's components its order and parts may say it.
bool names_member(const std::string& message, const std::string& path) {
  const std::string member = path.substr(1, path.find_first_of(".[", 1) - 1);
  const bool other = member == "components" && (message.starts_with("order") || message.starts_with("parts"));
  return message.starts_with(member) || message.starts_with("body: ") || other;
}

void expect_well_taken(const Request& request, const std::string& text, const std::string& path) {
  const auto read = request.decode(text);
  if (read) {
    EXPECT_EQ(clean_text(*read, SIZE_MAX), *read) << path << " keeps what is no line";
    return;
  }
  const std::string message = read.error().message();
  EXPECT_TRUE(names_member(message, path)) << path << ": " << message.substr(0, 200);
  EXPECT_LE(problem(400, "Bad request", message).size(), kLongestSentence + 200);
}

TEST(AdminTexts, EachIsRefusedWithItsMemberOrKeptAsALine) {
  std::vector<std::string> texts = odd_texts();
  for (const std::size_t limit : {std::size_t{115}, kLongestName, core::kLongestFilter})
    for (std::string& text : texts_around(limit)) texts.push_back(std::move(text));
  for (const Request& one : requests()) {
    ASSERT_TRUE(one.decode(one.document)) << one.document;
    for (const std::string& text : texts) {
      if (!is_utf8(text)) continue;
      with_each_leaf(one.document, is_text, json::serialize(json::string{text}),
                     [&](const std::string& document, const std::string& path) { expect_well_taken(one, document, path); });
    }
  }
}

TEST(AdminTexts, BytesThatAreNoTextAreNamedByTheirPlace) {
  for (const Request& one : requests())
    for (const std::string& bytes : odd_bytes()) {
      if (is_utf8(bytes)) continue;
      with_each_leaf(one.document, is_text, "\"" + bytes + "\"", [&](const std::string& document, const std::string& path) {
        const auto read = one.decode(document);
        ASSERT_FALSE(read) << path;
        EXPECT_TRUE(read.error().message().starts_with("not JSON: byte ")) << read.error().message();
        EXPECT_NE(read.error().message().find("is not UTF-8"), std::string::npos) << read.error().message();
      });
    }
  EXPECT_EQ(decode_why("{\"by\":\"kasse-\xFC\"}").error().message(), "not JSON: byte 14 is not UTF-8");
  EXPECT_FALSE(decode_why(R"({"by":"\ud800"})")) << "half of a pair";
}

TEST(AdminTexts, KeysAreMembersToo) {
  const auto refusal = [](const std::string& key) {
    const json::object device{{"name", "d"}, {"site", "s"}, {"type", "t"}, {"attributes", json::object{{key, "x"}}}};
    const auto read = decode_device(json::serialize(device));
    return read ? std::string{"taken"} : read.error().message();
  };
  EXPECT_EQ(refusal("Größe"), "taken");
  for (const std::string& odd : {std::string{}, std::string{"a\x1b"}, std::string{"\u202Egnp"}, std::string{"\u009B"}, std::string(129, 'x')})
    EXPECT_TRUE(refusal(odd).starts_with("attributes: has a key that is empty, longer than 128 characters")) << refusal(odd);
}

TEST(AdminTexts, AnEmptyFilterIsNotTakenForAll) {
  const auto refusal = [](const std::string& filter) {
    const json::object rollout{{"release", "r/1"}, {"delivery", "pull"}, {"expires_at", "2026-11-25T21:40:00Z"}, {"filter", filter}};
    const auto read = decode_rollout(json::serialize(rollout));
    return read ? "taken as '" + read->filter + "'" : read.error().message();
  };
  for (const char* blank : {"", " ", "\t\n "}) EXPECT_EQ(refusal(blank), "filter: must not be empty: leave it out where all are meant");
  EXPECT_EQ(refusal("site=b\n  and type=t"), "taken as 'site=b   and type=t'");
  EXPECT_EQ(refusal("site=\"a\x1b\""), "filter: must not hold control characters");
  const std::string all = R"({"release":"r/1","delivery":"pull","expires_at":"2026-11-25T21:40:00Z")";
  EXPECT_EQ(decode_rollout(all + "}")->filter, "");
  EXPECT_EQ(decode_rollout(all + R"(,"phases":[{"filter":""},{}]})").error().message(),
            "phases[0].filter: must not be empty: leave it out where all are meant");
}

}  // namespace
}  // namespace dray::wire
