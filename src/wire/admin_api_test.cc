#include "wire/admin_api.h"

#include <gtest/gtest.h>

namespace dray::wire {
namespace {

const std::string kUploaded(64, 'a');

template <class T>
std::string why(const Result<T>& result) {
  return result ? "it was taken" : result.error().message();
}

std::string artifact(const std::string& member, const std::string& value) {
  json::object o{{"sha256", kUploaded},    {"name", "image"}, {"file", "image.img"},
                 {"component", "os"}, {"version", "1"},  {"device_types", json::array{"till"}}};
  o[member] = json::parse(value);
  return to_text(o);
}

std::string rollout(const std::string& change = "{}") {
  json::object o{{"release", "till/26.11"},
                 {"delivery", "push"},
                 {"transmit_at", "2026-11-24T21:00:00Z"},
                 {"update_at", "2026-11-24T22:00:00Z"},
                 {"expires_at", "2026-11-30T00:00:00Z"}};
  const json::value changes = json::parse(change);
  for (const auto& [key, value] : changes.as_object()) {
    if (value.is_null())
      o.erase(key);
    else
      o[key] = value;
  }
  return to_text(o);
}

const WallTime kEarly{};

TEST(AdminApi, RefusesFileNamesThatLeadSomewhereElse) {
  EXPECT_TRUE(decode_artifact(artifact("file", R"("till-image_2.tar.gz")")));
  for (const auto* bad : {R"("../x")", R"("a/b")", R"("..")", R"(".hidden")", R"("a\u0000b")", R"("a\nb")",
                          R"("a\\b")", R"("a%2fb")", R"("")", R"("a..b")"})
    EXPECT_NE(why(decode_artifact(artifact("file", bad))).find("file: "), std::string::npos) << bad;
}

TEST(AdminApi, RefusesNamesThatAreNone) {
  for (const auto* bad : {R"("")", R"("a b")", R"("-x")", R"("a/b")", R"("ü")", "7", "null"})
    EXPECT_NE(why(decode_artifact(artifact("name", bad))).find("name: "), std::string::npos) << bad;
  EXPECT_NE(why(decode_artifact(artifact("name", "\"" + std::string(200, 'x') + "\""))).find("128"),
            std::string::npos);
}

// Clients choose their own names, and the door writes them in its own way: what it lists can be added.
TEST(AdminApi, ADeviceIsCalledWhatItsClientCallsItself) {
  const auto device = [](const std::string& name) { return decode_device(to_text(json::object{{"name", name}, {"site", "berlin"}, {"type", "till"}})); };
  for (const std::string& good : {std::string{"till-014"}, std::string{"Kasse 3"}, std::string{"b8:27:eb:01:02:03"}, std::string{"Käßchen"}, clean_name("kasse-\xFC"), clean_name("a\tb"),
                                  clean_name("50%AB"), std::string{"..."}, std::string{".x"}, std::string{"[x](y)=,;\"'"}, std::string(128, 'x')}) {
    EXPECT_TRUE(device(good)) << good;
    EXPECT_TRUE(encode(RegisteredView{.name = good}).at("may_be_added").as_bool()) << good;
    EXPECT_TRUE(decode_deferral(to_text(json::object{{"device", good}, {"until", "2026-11-24T12:00:00Z"}}))) << good;
  }
  for (const std::string& bad : {std::string{}, std::string{" x"}, std::string{"x "}, std::string{"-x"}, std::string{"a/b"}, std::string{"a\tb"}, std::string{"a\nb"}, std::string{"."}, std::string{".."}, std::string(129, 'x')}) {
    EXPECT_EQ(why(device(bad)).find("name: "), 0U) << bad;
    EXPECT_FALSE(encode(RegisteredView{.name = bad}).at("may_be_added").as_bool()) << bad;
  }
}

TEST(AdminApi, AnArtifactsVersionIsWhatDevicesMaySay) {
  std::string longest;
  for (int i = 0; i < 128; ++i) longest += "ä";
  for (const std::string& good : {std::string{"26.11"}, std::string{"2.0~rc1"}, std::string{"1:2.0-1/b"}, std::string{"26.11-β"}, std::string{"2.0 rc 1"}, longest})
    EXPECT_TRUE(decode_artifact(artifact("version", to_text(json::value(good))))) << good;
  for (const std::string& bad : {std::string{}, std::string{" 2.0"}, std::string{"2.0 "}, std::string{"2.0\r"}, std::string{"2\t0"}, std::string{"2\n0"}, longest + "x"})
    EXPECT_EQ(why(decode_artifact(artifact("version", to_text(json::value(bad))))).find("version: "), 0U) << bad;
}

TEST(AdminApi, ARolloutThatNoFailureStopsIsWarnedAbout) {
  const auto careless = decode_rollout(rollout());
  ASSERT_TRUE(careless);
  ASSERT_EQ(warnings_of(*careless, kEarly).size(), 1U);
  EXPECT_NE(warnings_of(*careless, kEarly)[0].find("failure threshold"), std::string::npos);
  const auto careful = decode_rollout(rollout(R"({"phases": [{"failure": {"percent": 5}}]})"));
  ASSERT_TRUE(careful) << careful.error().message();
  EXPECT_TRUE(warnings_of(*careful, kEarly).empty());
}

TEST(AdminApi, ATimeThatIsOverIsTakenWithAWarning) {
  const auto careful = decode_rollout(rollout(R"({"phases": [{"failure": {"percent": 5}}]})"));
  ASSERT_TRUE(careful);
  // "now", as who asks has it.
  for (const std::string& one : warnings_of(*careful, careful->terms.update_at + std::chrono::seconds{1})) EXPECT_EQ(one.find("update_at: "), std::string::npos) << one;
  const auto late = warnings_of(*careful, careful->terms.update_at + std::chrono::minutes{3});
  ASSERT_FALSE(late.empty());
  EXPECT_NE(late.back().find("update_at: " + to_rfc3339(careful->terms.update_at) + " is over already"), std::string::npos) << late.back();
  auto computed = *careful;
  computed.terms.computed = true;
  EXPECT_TRUE(warnings_of(computed, kWallMax).empty());
}

TEST(AdminApi, NamesUnknownMissingAndWrongMembers) {
  EXPECT_EQ(why(decode_artifact(artifact("versoin", "\"1\""))), "versoin: is not known here");
  EXPECT_EQ(why(decode_upload(R"({"sha256": ")" + kUploaded + R"("})")), "size: is missing");
  EXPECT_NE(why(decode_upload(R"({"sha256": "xyz", "size": 1})")).find("sha256: "), std::string::npos);
  EXPECT_NE(why(decode_upload(R"({"sha256": ")" + kUploaded + R"(", "size": -1})")).find("size: "),
            std::string::npos);
  EXPECT_NE(why(decode_upload("{")).find("not JSON"), std::string::npos);
  EXPECT_NE(why(decode_upload(std::string(1000, '['))).find("not JSON"), std::string::npos);
}

TEST(AdminApi, ReadsARollout) {
  const auto read = decode_rollout(rollout(
      R"({"retry": {"limit": 3}, "priority": 5, "transfer": [["2026-11-24T21:00:00Z", "2026-11-25T05:00:00Z"]]})"));
  ASSERT_TRUE(read) << why(read);
  EXPECT_EQ(read->release_name, "till");
  EXPECT_EQ(read->release_version, "26.11");
  EXPECT_EQ(read->retry.limit, 3);
  EXPECT_EQ(read->transfer.size(), 1u);
  EXPECT_EQ(to_rfc3339(*read->terms.transmit_at), "2026-11-24T21:00:00Z");
}

TEST(AdminApi, RefusesTimesThatContradictEachOther) {
  EXPECT_EQ(why(decode_rollout(rollout(R"({"expires_at": "2026-11-24T22:00:00Z"})"))),
            "expires_at: must lie after update_at");
  EXPECT_EQ(why(decode_rollout(rollout(R"({"transmit_at": null})"))), "transmit_at: is missing");
  EXPECT_EQ(why(decode_rollout(rollout(R"({"transmit_at": "2026-12-24T22:00:00Z"})"))),
            "transmit_at: must lie before expires_at");
  EXPECT_NE(
      why(decode_rollout(rollout(R"({"delivery": "pull"})"))).find("transmit_at: is for delivery push only"),
      std::string::npos);
  EXPECT_EQ(why(decode_rollout(rollout(R"({"expires_at": null})"))), "expires_at: is missing");
  EXPECT_NE(why(decode_rollout(rollout(R"({"update": [["2026-11-25T05:00:00Z", "2026-11-24T21:00:00Z"]]})")))
                .find("update[0]: ends before"),
            std::string::npos);
  EXPECT_NE(why(decode_rollout(rollout(R"({"retry": {"limit": 0}})"))).find("retry.limit: "),
            std::string::npos);
}

TEST(AdminApi, ARolloutWithoutTimesIsPlanned) {
  const auto planned = decode_rollout(rollout(R"({"transmit_at": null, "update_at": null})"));
  ASSERT_TRUE(planned) << why(planned);
  EXPECT_TRUE(planned->terms.computed);
  EXPECT_EQ(planned->terms.update_at, planned->terms.expires_at) << "until there are times";
  EXPECT_EQ(planned->terms.transmit_at, planned->terms.expires_at);
  EXPECT_FALSE(decode_rollout(rollout("{}"))->terms.computed);
  EXPECT_FALSE(decode_rollout(rollout(R"({"schedule": "given"})"))->terms.computed);
  EXPECT_EQ(why(decode_rollout(rollout(R"({"schedule": "auto"})"))),
            "transmit_at: is computed with schedule auto: leave one of them out");
  EXPECT_EQ(why(decode_rollout(rollout(R"({"schedule": "given", "update_at": null})"))),
            "update_at: is missing");
  EXPECT_EQ(why(decode_rollout(rollout(R"({"schedule": "soon"})"))), "schedule: must be one of auto, given");
}

TEST(AdminApi, ASiteSaysWhenItMayBeUsed) {
  const auto site = decode_site(
      R"({"name": "berlin", "transfer_windows": ["Mon-Fri 22:00-05:00", "Sat,Sun 00:00-24:00"],
          "black_outs": ["2026-12-24..2027-01-02"]})");
  ASSERT_TRUE(site) << why(site);
  SiteView view{.name = "berlin", .windows = site->windows};
  const auto shown = encode(view);
  EXPECT_EQ(to_text(shown.at("transfer_windows")), R"(["Mon-Fri 22:00-05:00","Sat,Sun 00:00-24:00"])");
  EXPECT_EQ(to_text(shown.at("update_windows")), "[]");
  EXPECT_EQ(to_text(shown.at("black_outs")), R"(["2026-12-24..2027-01-02"])");
  const auto patch = decode_site_patch(R"({"update_windows": []})");
  ASSERT_TRUE(patch) << why(patch);
  EXPECT_TRUE(patch->update_windows && patch->update_windows->empty());
  EXPECT_FALSE(patch->transfer_windows);
  EXPECT_EQ(why(decode_site_patch(R"({"update_windows": ["02:00-04:00", "Mon 22:00-22:00"]})")),
            "update_windows[1]: begins and ends at the same time; a whole day is 00:00-24:00");
  EXPECT_TRUE(decode_site_patch(R"({"transfer_windows": ["00:00-24:00", "22:00-00:00"]})").has_value());
  EXPECT_TRUE(why(decode_site_patch(R"({"update_windows": ["02:00"]})")).starts_with("update_windows[0]: '02:00' is "));
  EXPECT_TRUE(why(decode_site_patch(R"({"black_outs": ["24.12."]})")).starts_with("black_outs[0]: '24.12.' is not a date"));
  EXPECT_NE(why(decode_site_patch(R"({"window": []})")), "");
}

TEST(AdminApi, WhatDoesNotFitIsSaidWithTheRollout) {
  const WallTime expiry{std::chrono::sys_days{std::chrono::year{2026} / 11 / 30}};
  RolloutView view{.id = RolloutId{"r1"}};
  view.rollout.terms = {.update_at = expiry, .expires_at = expiry, .computed = true};
  view.rollout.phases.resize(1);
  view.rollout.released = 1;
  view.states.resize(1);
  view.counts.resize(1);
  EXPECT_EQ(encode(view).at("reason").as_string(), "waiting_planning");
  EXPECT_TRUE(encode(view).at("update_at").is_null());
  view.planning = {.sites = 2, .misfits = 1, .site = "lyon", .misfit = "no_window", .sentence = "Never."};
  view.rollout.terms.update_at = expiry - std::chrono::hours{1};
  EXPECT_EQ(encode(view).at("reason").as_string(), "waiting_update_time");
  EXPECT_TRUE(encode(view).at("sentence").as_string().ends_with("1 of 2 sites do not fit; lyon: Never."));
  view.planning.sites = 1;
  EXPECT_EQ(encode(view).at("reason").as_string(), "no_window");
  view.rollout.state = core::RolloutFinished{};
  EXPECT_EQ(encode(view).at("reason").as_string(), "finished") << "it is over";
}

TEST(AdminApi, ADeviceTypeForOurAgentAsksAndEndsWithThePowerOnReport) {
  const auto ours = decode_device_type(
      R"({"name": "t", "components": ["os", "app"], "order": [["os"], ["app"]], "client": "dray"})");
  ASSERT_TRUE(ours) << why(ours);
  EXPECT_EQ(ours->type.ask, core::Ask::kConfirmation);
  EXPECT_EQ(ours->type.ends_on, core::EndsOn::kPowerOn);
  const auto theirs = decode_device_type(R"({"name": "t", "components": ["os"]})");
  ASSERT_TRUE(theirs);
  EXPECT_EQ(theirs->type.ask, core::Ask::kPoll);
  EXPECT_EQ(theirs->type.bytes_from, core::BytesFrom::kGateway);
  const auto elsewhere = decode_device_type(R"({"name": "t", "components": ["os"], "bytes_from": "elsewhere"})");
  ASSERT_TRUE(elsewhere);
  EXPECT_EQ(elsewhere->type.bytes_from, core::BytesFrom::kElsewhere);
  EXPECT_EQ(encode(*elsewhere).at("bytes_from").as_string(), "elsewhere");
  EXPECT_NE(why(decode_device_type(R"({"name": "t", "components": ["os"], "bytes_from": "the moon"})")).find("bytes_from"), std::string::npos);
  EXPECT_EQ(theirs->type.order, (std::vector<core::Components>{{"os"}}));
  EXPECT_EQ(why(decode_device_type(R"({"name": "t", "components": ["os"], "order": [["app"]]})")),
            "order: 'app' is none of the components");
  EXPECT_NE(why(decode_device_type(R"({"name": "t", "components": ["os"], "client": "mender"})"))
                .find("client: must be one of"),
            std::string::npos);
}

TEST(AdminApi, OtherNamesOfATypeAreWhatDevicesMaySay) {
  const auto type = decode_device_type(R"({"name": "t", "components": ["os"], "also_called": ["t3", "Kasse 3"]})");
  ASSERT_TRUE(type) << why(type);
  EXPECT_EQ(type->type.also_called, (std::vector<std::string>{"t3", "Kasse 3"}));
  EXPECT_EQ(to_text(encode(*type).at("also_called")), R"(["t3","Kasse 3"])");
  const auto none = decode_type_patch(R"({"also_called": []})");
  ASSERT_TRUE(none) << why(none);
  EXPECT_TRUE(none->also_called.empty());
  const std::string longest(128, 'x'), umlauts = [] {
    std::string out;
    for (int i = 0; i < 128; ++i) out += "ü";
    return out;
  }();
  EXPECT_TRUE(decode_type_patch(R"({"also_called": [")" + longest + R"(", ")" + umlauts + R"("]})"));
  EXPECT_EQ(why(decode_type_patch(R"({"also_called": ["x", ")" + longest + R"(y"]})")), "also_called[1]: is longer than 128 characters");
  EXPECT_EQ(why(decode_type_patch(R"({"also_called": ["x", "x"]})")), "also_called[1]: is named twice");
  EXPECT_EQ(why(decode_type_patch(R"({"also_called": [""]})")), "also_called[0]: must not be empty");
  EXPECT_NE(why(decode_type_patch(R"({"also_called": ["a\u0007b"]})")).find("also_called[0]: "), std::string::npos);
  EXPECT_NE(why(decode_type_patch(R"({"also_called": ["x"], "ask": "poll"})")).find("ask"), std::string::npos);
  EXPECT_EQ(why(decode_type_patch("{}")), "also_called: is missing");
  json::array many;
  for (std::size_t i = 0; i <= kMostOtherNames; ++i) many.push_back(json::value("n" + std::to_string(i)));
  EXPECT_EQ(why(decode_type_patch(to_text(json::object{{"also_called", std::move(many)}}))), "also_called: has more than 20 elements");
}

TEST(AdminApi, ADeviceMovesToAnotherTypeAndSaysWhereItDiffers) {
  const auto move = decode_device_patch(R"({"type": "till-t3"})");
  ASSERT_TRUE(move) << why(move);
  EXPECT_EQ(move->type, "till-t3");
  EXPECT_NE(why(decode_device_patch(R"({"type": "till t3"})")).find("type: must be made of"), std::string::npos);
  EXPECT_NE(why(decode_device_patch(R"({"type": "t", "site": "lyon"})")).find("site"), std::string::npos);
  EXPECT_EQ(why(decode_device_patch("{}")), "type: is missing");
  DeviceView view;
  EXPECT_TRUE(encode(view).at("reason").is_null());
  EXPECT_TRUE(encode(view).at("sentence").is_null());
  view.other_type = core::OtherType{"scale-s2", "till-t3"};
  EXPECT_EQ(encode(view).at("reason").as_string(), "type_differs");
  EXPECT_EQ(encode(view).at("sentence").as_string(), core::sentence_of(*view.other_type));
}

TEST(AdminApi, LimitsHowManyDevicesComeAtOnce) {
  json::array devices;
  for (std::size_t i = 0; i <= kMostDevicesAtOnce; ++i)
    devices.push_back({{"name", "d" + std::to_string(i)}, {"site", "s"}, {"type", "t"}});
  EXPECT_EQ(why(decode_devices(to_text(json::object{{"devices", std::move(devices)}}))),
            "devices: has more than 10000 elements");
}

TEST(AdminApi, APageSaysHowToGoOn) {
  Page<LogLine> page;
  page.items.push_back({1, {}, "text"});
  EXPECT_TRUE(encode(page).at("next").is_null());
  page.next = "17";
  EXPECT_EQ(encode(page).at("next").as_string(), "17");
}

}  // namespace
}  // namespace dray::wire
