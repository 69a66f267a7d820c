// The admin door of the real server: clear errors, nothing stored, the program alive; and its command line.
#include <sys/stat.h>

#include "support/built.h"
#include "program.h"

namespace dray::testing_support {
namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

class AdminDoor : public ServerProgram {
 protected:
  void TearDown() override {
    EXPECT_EQ(exchange(admin_port, {.path = "/healthz"}).status, 200) << "the program is alive";
  }
  Answer raw(const std::string& path, const std::string& body) {
    return admin({.method = "POST", .path = "/api/v1/" + path, .body = body});
  }
};

TEST_F(AdminDoor, LeavesItsTokenInAFileThatOnlyItsUserReads) {
  struct stat info{};
  ASSERT_EQ(::stat(data("admin-token").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(token.size(), 40u);
  EXPECT_EQ(admin({.path = "/api/v1/sites", .token = "wrong"}).status, 401);
  EXPECT_EQ(exchange(admin_port, {.path = "/api/v1/sites"}).status, 401);
  EXPECT_EQ(get("sites").status, 200);
  const std::string before = token;
  EXPECT_EQ(terminate(), 0);
  start();
  EXPECT_EQ(token, before);
  EXPECT_EQ(get("sites").status, 200);
}

TEST_F(AdminDoor, SaysHealthAndReadinessWithoutAToken) {
  EXPECT_EQ(exchange(admin_port, {.path = "/healthz"}).body, "ok\n");
  EXPECT_EQ(exchange(admin_port, {.path = "/readyz"}).status, 200);
}

TEST_F(AdminDoor, AnswersNonsenseWithAProblemAndStoresNothing) {
  const std::vector<std::string> bodies{std::string{},
                                        std::string{"{"},
                                        std::string{"[]"},
                                        std::string{"null"},
                                        std::string{"\"x\""},
                                        std::string{"{\"name\": 7}"},
                                        std::string{"{\"name\": \"a/../b\"}"},
                                        std::string(100'000, '['),
                                        std::string("\xff\xfe\x00", 3)};
  for (const std::string& body : bodies) {
    const auto refused = raw("sites", body);
    EXPECT_EQ(refused.status, 400) << body.substr(0, 40);
    EXPECT_EQ(refused.headers.at("content-type"), "application/problem+json");
    EXPECT_FALSE(refused.detail().empty());
  }
  EXPECT_EQ(raw("sites", "{\"name\": \"" + std::string(2 << 20, 'x') + "\"}").status, 413);
  EXPECT_TRUE(get("sites").json().at("items").as_array().empty());
}

TEST_F(AdminDoor, RefusesMembersThatItDoesNotKnow) {
  const object site{{"name", "berlin"}, {"timezone", "Europe/Berlin"}};
  const auto refused = post("sites", site);
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.detail(), "timezone: is not known here");
}

TEST_F(AdminDoor, PathTricksLeadNowhere) {
  for (const auto* path : {"/api/v1/uploads/..%2f..%2fadmin-token", "/api/v1/../../admin-token",
                           "/api/v1/artifacts/%2e%2e", "//api/v1/sites", "/api/v1/sites/%00", "/%zz"}) {
    const auto answer = admin({.path = path});
    EXPECT_TRUE(answer.status == 404 || answer.status == 400) << path << " " << answer.status;
    EXPECT_EQ(answer.body.find(token), std::string::npos);
  }
}

TEST_F(AdminDoor, WrongMethodsAreToldTheRightOnes) {
  const auto answer = admin({.method = "DELETE", .path = "/api/v1/devices"});
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(answer.headers.at("allow"), "POST, GET");
}

TEST_F(AdminDoor, ARepeatedPostMakesOneThing) {
  const Call call{.method = "POST",
                  .path = "/api/v1/sites",
                  .body = R"({"name": "berlin"})",
                  .headers = {{"Idempotency-Key", "k1"}}};
  const auto first = admin(call), second = admin(call);
  EXPECT_EQ(first.status, 201);
  EXPECT_TRUE(first.json().at("token").is_string());
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(second.headers.at("idempotency-replayed"), "true");
  EXPECT_TRUE(second.json().at("token").is_null()) << "shown once";
  Call other = call;
  other.body = R"({"name": "lyon"})";
  EXPECT_EQ(admin(other).status, 409);
  EXPECT_EQ(post("sites", object{{"name", "berlin"}}).status, 409);
}

TEST_F(AdminDoor, DevicesAreAddedInBulkFilteredAndPaged) {
  add_type();
  add_site();
  array devices;
  for (int i = 0; i < 250; ++i)
    devices.push_back({{"name", "till-" + std::to_string(i)},
                       {"site", "berlin"},
                       {"type", "till"},
                       {"attributes", {{"floor", std::to_string(i % 5)}}}});
  const object bulk{{"devices", std::move(devices)}};
  const auto made = post("devices/bulk", bulk);
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.json().at("devices").at(249).at("token").as_string().size(), 32u);
  std::size_t seen = 0;
  std::string cursor;
  do {
    const auto page = get("devices?limit=20&filter=attribute.floor%3D3%20and%20site%3Dberlin" +
                          (cursor.empty() ? "" : "&cursor=" + cursor))
                          .json();
    seen += page.at("items").as_array().size();
    cursor = page.at("next").is_null() ? "" : std::string{page.at("next").as_string()};
  } while (!cursor.empty());
  EXPECT_EQ(seen, 50u);
  EXPECT_NE(get("devices?filter=colour%3Dred").detail().find("at character 1"), std::string::npos);
  EXPECT_EQ(get("devices?limit=5000").status, 400);
  EXPECT_EQ(get("devices?lmit=5").status, 400);
}

TEST_F(AdminDoor, ASiteIsChangedOnlyAsItWasRead) {
  add_site();
  const auto read = get("sites/berlin");
  const Call change{.method = "PATCH",
                    .path = "/api/v1/sites/berlin",
                    .body = R"({"limits": {"concurrency": 9}})",
                    .headers = {{"If-Match", read.headers.at("etag")}}};
  const auto changed = admin(change);
  EXPECT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(changed.json().at("limits").at("concurrency").as_int64(), 9);
  EXPECT_EQ(admin(change).status, 412);
}

TEST_F(AdminDoor, ARolloutSaysWhyItIsRefused) {
  add_type();
  add_site();
  const auto why = [&](object change) {
    object rollout{{"release", "tills/2"},
                   {"delivery", "pull"},
                   {"update_at", in_seconds(60)},
                   {"expires_at", in_seconds(600)}};
    for (const auto& [key, value] : change) rollout[key] = value;
    return post("rollouts", rollout).detail();
  };
  EXPECT_EQ(why({}), "release: no such release: 'tills/2'");
  add_release("tills", "2", add_artifact(image(1000)));
  EXPECT_EQ(why({}), "filter: no device passes it");
  add_device("till-1");
  EXPECT_EQ(why({{"expires_at", in_seconds(-5)}, {"update_at", in_seconds(-10)}}),
            "expires_at: is over already");
  EXPECT_EQ(why({{"filter", "site=berlin und x"}}),
            "filter: at character 13: 'and', 'or' or the end is expected here");
  EXPECT_EQ(why({{"expire_at", "x"}}), "expire_at: is not known here");
  EXPECT_TRUE(get("rollouts").json().at("items").as_array().empty());
}

TEST_F(AdminDoor, ARolloutIsAbortedWithItsReason) {
  add_type();
  add_site();
  add_device("till-1");
  add_release("tills", "2", add_artifact(image(1000)));
  const object rollout{{"release", "tills/2"},
                       {"delivery", "pull"},
                       {"update_at", in_seconds(60)},
                       {"expires_at", in_seconds(600)}};
  ASSERT_EQ(post("rollouts", rollout).status, 201);
  const object why{{"by", "ines"}, {"why", "wrong release"}};
  const auto aborted = post("rollouts/r1/abort", why);
  ASSERT_EQ(aborted.status, 200) << aborted.body;
  EXPECT_EQ(aborted.json().at("state").as_string(), "aborted");
  EXPECT_EQ(aborted.json().at("aborted"), value(why));
  EXPECT_NE(get("jobs/r1-till-1").json().at("sentence").as_string().find("cancel"), std::string::npos);
  EXPECT_EQ(post("rollouts/r1/abort", why).status, 409);
  EXPECT_EQ(get("rollouts/r2").status, 404);
}

TEST_F(AdminDoor, TheConfigurationIsChecked) {
  const auto check = [&](const std::string& text) {
    write_file(folder / "c.toml", text);
    Process process{
        {built("dray-server"), "--config", folder / "c.toml", "--check-config"}};
    const auto status = process.wait();
    return std::to_string(status.value_or(-1)) + " " + process.output();
  };
  EXPECT_EQ(check("data = \"x\"\n").substr(0, 2), "0 ");
  const std::string wrong = check("data = \"x\"\ndat = 1\n[admin]\nlisten = \"nowhere\"\n");
  EXPECT_EQ(wrong.substr(0, 2), "2 ");
  EXPECT_NE(wrong.find("c.toml:2"), std::string::npos) << wrong;
  EXPECT_NE(wrong.find("admin.listen"), std::string::npos) << wrong;
  EXPECT_EQ(check(read_file(in_sources("docs/server.sample.toml"))).substr(0, 2), "0 ");
}

}  // namespace
}  // namespace dray::testing_support
