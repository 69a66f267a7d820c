// Odd texts at the admin door of the real server, and of its operator's shell: each is refused with its member, or
// comes back as a clean line; never 500, never a control character in an answer.
#include "base/text.h"
#include "program.h"
#include "wire/odd_values_testing.h"

namespace dray::testing_support {
namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

bool is_line(std::string_view text) { return clean_text(text, SIZE_MAX) == text; }

// Texts and keys of an answer, wherever they stand.
void expect_clean(const value& at, const std::string& where) {
  if (at.is_string()) {
    EXPECT_TRUE(is_line(at.get_string())) << where << ": " << at;
  } else if (at.is_array()) {
    for (const value& one : at.get_array()) expect_clean(one, where);
  } else if (at.is_object()) {
    for (const auto& [key, one] : at.get_object()) {
      EXPECT_TRUE(is_line(key)) << where;
      expect_clean(one, where);
    }
  }
}

class AdminTextsDoor : public ServerProgram {
 protected:
  void SetUp() override {
    ServerProgram::SetUp();
    add_type();
    site_token = add_site();
    add_device("till-1");
    sha = add_artifact("one");
    add_release("tills", "2", sha);
  }
  void TearDown() override { EXPECT_EQ(exchange(admin_port, {.path = "/healthz"}).status, 200) << "the program is alive"; }

  static void expect_fit(const Answer& answer, const std::string& where) {
    EXPECT_GE(answer.status, 200) << where;
    EXPECT_LT(answer.status, 500) << where << ": " << answer.body;
    for (const auto& [name, text] : answer.headers) EXPECT_TRUE(is_line(text)) << where << ", " << name;
    if (answer.body.empty()) return;
    EXPECT_TRUE(is_utf8(answer.body)) << where;
    expect_clean(answer.json(), where);
    if (answer.status >= 400) {
      EXPECT_FALSE(answer.detail().empty()) << where;
    }
  }
  // What each POST takes; the names in it are new each time.
  std::vector<std::pair<std::string, object>> wishes() {
    const std::string n = std::to_string(++made_);
    return {
        {"uploads", {{"sha256", sha256_hex(n)}, {"size", 5}}},
        {"device-types", {{"name", "t" + n}, {"components", array{"os"}}, {"client", "any"}, {"probe", "p"}, {"parts", {{"os", "x"}}}}},
        {"sites", {{"name", "s" + n}, {"time_zone", "UTC"}, {"transfer_windows", array{"02:00-05:00"}}, {"black_outs", array{"2026-12-24"}}}},
        {"devices", {{"name", "d" + n}, {"site", "berlin"}, {"type", "till"}, {"attributes", {{"ort", "x"}}}}},
        {"releases", {{"name", "r" + n}, {"version", "v"}, {"artifacts", array{sha}}}},
        {"rollouts", {{"release", "tills/2"}, {"filter", "site=berlin"}, {"delivery", "pull"}, {"expires_at", in_seconds(86'400)},
                      {"phases", array{{{"name", "Lab"}, {"filter", "name=till-1"}}, {{"name", "All"}}}}}},
        {"deferrals", {{"device", "till-1"}, {"until", in_seconds(60)}, {"by", "x"}, {"why", "y"}, {"accept_expiry", true}}},
        {"sites/berlin/action-ids", {{"by", "x"}, {"why", "y"}}},
        {"sites/berlin/gateway/replace", {{"instance", "x"}, {"by", "x"}, {"why", "y"}}},
        {"rollouts/r1/pause", {{"by", "x"}, {"why", "y"}}},
        {"rollouts/r1/resume", {{"by", "x"}, {"why", "y"}}},
        {"rollouts/r1/approve", {{"by", "x"}, {"why", "y"}}},
        {"rollouts/r1/retry-failed", {{"by", "x"}, {"why", "y"}, {"expires_at", in_seconds(86'400)}}},
        {"jobs/r1-till-1/cancel", {{"by", "x"}, {"why", "y"}}},
        {"rollouts/r1/abort", {{"by", "x"}, {"why", "y"}}},
    };
  }
  std::vector<std::string> lists() {
    return {"uploads/" + sha, "artifacts", "device-types", "sites", "sites/berlin", "devices", "devices/till-1", "registered", "releases",
            "releases/tills/2", "rollouts", "rollouts/r1", "rollouts/r1/jobs", "rollouts/r1/sites", "jobs/r1-till-1", "deferrals"};
  }

  std::string site_token, sha;

 private:
  int made_ = 0;
};

const std::vector<std::string>& texts() {
  using namespace std::string_literals;
  static const std::vector<std::string> all{"a\0b"s,          "one\r\ntwo", "\x1b[31mred", "\u0085\u009B1m", "\u202Egnp", "\u2028",
                                            "\"q\\/<>&'",     "%00%FC?#/",  " ",           "",             "Größe 🛒",  std::string(129, 'x'),
                                            std::string(1'024, 'y'), std::string(1 << 20, 'z')};
  return all;
}

TEST_F(AdminTextsDoor, EachTextOfEachRequestIsRefusedOrComesBackClean) {
  for (const auto& [path, wish] : wishes()) ASSERT_LT(post(path, wish).status, 410) << path << ": " << post(path, wish).body;
  for (const std::string& text : texts())
    for (const auto& [path, wish] : wishes())
      wire::testing::with_each_leaf(wire::to_text(wish), [](const value& v) { return v.is_string(); }, wire::to_text(value(text)),
                                    [&, path = path](const std::string& body, const std::string& member) {
                                      expect_fit(admin({.method = "POST", .path = "/api/v1/" + path, .body = body}),
                                                 path + " " + member + " " + wire::to_text(value(text.substr(0, 20))));
                                    });
  for (const std::string& path : lists()) expect_fit(get(path), path);
}

TEST_F(AdminTextsDoor, SoAreNamesAndFiltersInAddresses) {
  for (const char* odd : {"%00", "a%0Ab", "%1B%5B31m", "kasse-%FC", "%C2%9B", "%E2%80%AE", "%22%3C%3E", "%2e%2e", "%F0%9F%9B%92"}) {
    for (const char* path : {"sites/", "devices/", "rollouts/", "jobs/", "deferrals/", "artifacts/", "uploads/", "device-types/", "releases/r/"})
      expect_fit(get(path + std::string{odd}), path + std::string{odd});
    for (const char* query : {"devices?filter=", "devices?cursor=", "devices?limit=", "devices?odd", "rollouts/plan?facts="})
      expect_fit(get(query + std::string{odd}), query + std::string{odd});
    expect_fit(admin({.method = "DELETE", .path = "/api/v1/deferrals/" + std::string{odd}}), odd);
    expect_fit(admin({.method = "POST", .path = "/api/v1/sites/" + std::string{odd} + "/resync"}), odd);
    expect_fit(admin({.method = "PUT", .path = "/api/v1/rows/site/" + std::string{odd} + "/limits", .body = R"({"value":{}})"}), odd);
  }
}

TEST_F(AdminTextsDoor, WhatAGatewayTellsIsShownClean) {
  const auto at = [](const char* kind, int seq) { return object{{"epoch", 1}, {"seq", seq}, {"at", in_seconds(0)}, {"kind", kind}}; };
  int seq = 0;
  array reports;
  for (const std::string& text : texts()) {
    if (text.size() > 2'000) continue;
    object seen = at("registered", ++seq), put_off = at("deferral", ++seq), job = at("job", ++seq), device = at("device", ++seq);
    seen["device"] = text;
    seen["attributes"] = {{text, text}};
    put_off["id"] = text;
    put_off["device"] = text;
    put_off["until"] = in_seconds(600);
    put_off["by"] = put_off["why"] = text;
    job["job"] = text;
    job["state"] = text;
    device["device"] = "till-1";
    device["boot_id"] = device["status"] = text;
    device["running"] = {{text, {{"version", text}}}};
    for (object* one : {&seen, &put_off, &job, &device}) reports.push_back(*one);
  }
  const auto told = report(site_token, reports);
  EXPECT_EQ(told.status, 200) << told.body;
  EXPECT_EQ(told.json().at("acknowledged").at("seq").to_number<int>(), seq);
  for (const std::string& path : lists()) expect_fit(get(path), path);
  EXPECT_NE(get("registered").body.find("one%0D%0Atwo"), std::string::npos) << "two that differ stay two, and each can be typed";
  EXPECT_EQ(get("sites/berlin").json().at("reason").as_string(), "report_refused");
}

TEST_F(AdminTextsDoor, ABodyThatIsTooLargeIsRefusedBeforeItIsSent) {
  for (const auto& [path, most] : {std::pair{"rollouts", 1 << 20}, {"rollouts/r1/pause", 64 << 10}, {"devices/bulk", 16 << 20}}) {
    Connection connection{admin_port};
    connection.send({.method = "POST", .path = "/api/v1/" + std::string{path}, .token = token, .announce = static_cast<std::uint64_t>(most) + 1});
    const auto refused = connection.receive();
    EXPECT_EQ(refused.status, 413) << path;
    EXPECT_EQ(refused.detail(), "body: is larger than " + std::to_string(most) + " bytes");
  }
}

TEST_F(AdminTextsDoor, TheShellIsToldWhichArgumentIsNoText) {
  const auto [status, words] = drayctl({"device", "why", "kasse-\xFC"});
  EXPECT_EQ(status, 2);
  EXPECT_NE(words.find("argument 7, 'kasse-\uFFFD': byte 7 is not UTF-8"), std::string::npos) << words;
  EXPECT_EQ(drayctl({"device", "defer", "till-1", "--for", "1h", "--why", "K\xF6ln"}).first, 2);
  EXPECT_EQ(drayctl({"device", "defer", "till-1", "--for", "1m", "--why", "Köln"}).first, 0);
}

TEST_F(AdminTextsDoor, AnOperatorAsksAGatewayToTellEverythingAgain) {
  const auto [status, words] = drayctl({"site", "resync", "berlin"});
  EXPECT_EQ(status, 0) << words;
  EXPECT_NE(words.find("asked with the next reports"), std::string::npos) << words;
  EXPECT_TRUE(report(site_token, {}).json().at("resync").as_bool()) << "and so it is";
  EXPECT_EQ(drayctl({"site", "resync", "paris"}).first, 1);
  EXPECT_NE(drayctl({"site", "resync", "--help"}).second.find("again"), std::string::npos);
}

}  // namespace
}  // namespace dray::testing_support
