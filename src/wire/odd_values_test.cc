// Every text and every number of every message through writer and reader: what one accepts the other takes,
// and what is accepted can be written and read again. A text that one side takes and another refuses once
// stopped a whole site.
#include <gtest/gtest.h>

#include "base/text.h"
#include "wire/admin_api.h"
#include "wire/ddi.h"
#include "wire/ddi_client.h"
#include "wire/gateway_api.h"
#include "wire/odd_values_testing.h"

namespace dray::wire {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the values are what this file is about

const WallTime kAt = *parse_rfc3339("2026-11-24T21:40:00Z");

bool is_number(const json::value& v) { return v.is_number(); }

// One report of each kind with `text` wherever a text for people, or what a device says of itself, can stand.
std::vector<ReportBody> reports_with(const std::string& text) {
  return {
      JobReport{JobId{"r12-till-014"},
                core::JobState::kFailed,
                text,
                text,
                kAt,
                kAt,
                0,
                2,
                138,
                {{text, text}},
                true,
                CancelAnswer{"c2", "too_late"}},
      DeviceReport{
          DeviceId{"till-014"}, kAt, text, {{text, {text, text}}, {"os", {"1", kSha}}}, text, {{text, text}}},
      LogReport{JobId{"j"}, 2, {text, "b", text}},
      DeferralReport{{"l9", DeviceId{"till-031"}, AssignmentId{}, kAt, text, text}, false},
      RegisteredReport{DeviceId{"unknown-7"}, {{text, text}}},
      UnknownReport{text}};
}

bool holds_only_fit_texts(const std::string& written) {
  bool fit = is_utf8(written);
  json::value value = json::parse(written);
  each_leaf(value, [&](json::value& leaf, const std::string&) {
    if (leaf.is_string()) fit = fit && clean_text(leaf.get_string(), kLongestSentence) == leaf.get_string();
  });
  return fit;
}

TEST(OddValues, EveryTextOfEveryReportIsReadBackAsItWasWritten) {
  for (const std::string& text : odd_texts())
    for (const ReportBody& body : reports_with(text)) {
      const std::string written = encode_report({3, 882, kAt, body});
      EXPECT_TRUE(holds_only_fit_texts(written)) << written.substr(0, 300);
      const auto read = decode_report(written);
      ASSERT_TRUE(read) << read.error().message() << " in " << written.substr(0, 300);
      EXPECT_EQ(read->body.index(), body.index());
      EXPECT_EQ(json::parse(encode_report(*read)), json::parse(written)) << "what was stored is what is sent";
    }
}

TEST(OddValues, TextsOfReportsAreCutWhereTheContractSays) {
  const std::string text = "a" + repeated("é", 4'000);
  const auto read = [&](const ReportBody& body) { return *decode_report(encode_report({1, 1, kAt, body})); };
  const auto bodies = reports_with(text);
  const auto job = std::get<JobReport>(read(bodies[0]).body);
  EXPECT_EQ(job.sentence, "a" + repeated("é", 2'047)) << "4,096 bytes would cut a character";
  const auto device = std::get<DeviceReport>(read(bodies[1]).body);
  EXPECT_EQ(device.attributes.begin()->second, "a" + repeated("é", 127));
  EXPECT_EQ(device.running.begin()->second.version, "a" + repeated("é", 127));
  EXPECT_EQ(device.running.begin()->second.sha256, "") << "no digest";
  EXPECT_EQ(std::get<LogReport>(read(bodies[2]).body).lines[0].size(), 4'095u);
  const auto deferral = std::get<DeferralReport>(read(bodies[3]).body).deferral;
  EXPECT_EQ(deferral.why.size(), 1'023u);
  EXPECT_EQ(deferral.by.size(), 127u);
}

// Of a gateway that cuts nothing.
TEST(OddValues, AReaderOfReportsRefusesNoTextForPeopleForItsLength) {
  const std::string text = repeated("ä", 1 << 19);
  for (const ReportBody& body : reports_with("HERE")) {
    std::string written = encode_report({3, 882, kAt, body});
    for (auto at = written.find("HERE"); at != std::string::npos; at = written.find("HERE", at + text.size()))
      written.replace(at, 4, text);
    const auto read = decode_report(written);
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_TRUE(decode_report(encode_report(*read)));
  }
}

TEST(OddValues, ALogReportOfTooManyLinesKeepsTheFirst) {
  const LogReport log{JobId{"j"}, 1, std::vector<std::string>(kMostLines + 5, "x")};
  const auto read = decode_report(encode_report({1, 1, kAt, log}));
  ASSERT_TRUE(read);
  EXPECT_EQ(std::get<LogReport>(read->body).lines.size(), kMostLines);
  std::string lines = R"({"epoch":1,"seq":1,"at":"2026-11-24T21:40:00Z","kind":"log","job":"j","lines":["x")";
  for (std::size_t i = 0; i < kMostLines; ++i) lines += ",\"x\"";
  EXPECT_TRUE(decode_report(lines + "]}"));
}

core::Plan plan_with(const std::string& text) {
  core::Plan plan;
  plan.revision = 7;
  plan.site = SiteId{"berlin"};
  plan.time_zone = "Europe/Berlin";
  plan.action_ids = {{1101, 1'001'100}};
  plan.limits = {{{kAt, kAt, 1'000'000}}, {}, 3, 32'000'000'000};
  plan.device_types = {{.name = "till", .components = {"os"}, .order = {{"os"}}, .parts = {{"os", "bApp"}}}};
  plan.devices = {{DeviceId{"till-014"}, "till", "9f", {{text, text}}}};
  plan.artifacts = {{.sha256 = *Sha256::parse(kSha),
                     .size = 5,
                     .name = "i",
                     .file = "i",
                     .component = "os",
                     .version = text,
                     .module_id = 31}};
  core::Assignment a;
  a.id = AssignmentId{"r12-berlin"};
  a.planned_at = kAt;
  a.expires_at = kAt;
  a.transfer = a.update = {{kAt, kAt}};
  a.retry.limit = 3;
  a.jobs = {{JobId{"r12-till-014"}, DeviceId{"till-014"}, {{*Sha256::parse(kSha)}}}};
  plan.assignments = {a};
  plan.deferrals = {{"d5", {}, AssignmentId{"r12-berlin"}, kAt, text, text}};
  plan.cancels = {{"c2", JobId{"r12-till-099"}, text, text}};
  return plan;
}

TEST(OddValues, EveryTextOfAPlanIsReadBackAsItWasWritten) {
  for (const std::string& text : odd_texts()) {
    const std::string written = encode_plan({plan_with(text), kAt, {3, 881}});
    const auto read = decode_plan(written);
    ASSERT_TRUE(read) << read.error().message() << " in " << written.substr(0, 300);
    EXPECT_EQ(json::parse(encode_plan(*read)), json::parse(written));
  }
}

// What is accepted is written so that it is accepted again.
template <class Decode, class Encode>
void survives(const std::string& document, const std::string& with,
              const std::function<bool(const json::value&)>& fits, Decode decode, Encode encode) {
  with_each_leaf(document, fits, with, [&](const std::string& text, const std::string& path) {
    const auto read = decode(text);
    if (!read) {
      EXPECT_FALSE(read.error().message().empty());
      EXPECT_TRUE(is_utf8(read.error().message()));
      EXPECT_LT(read.error().message().size(), 1'000u) << path;
      return;
    }
    const std::string again = encode(*read);
    const auto twice = decode(again);
    ASSERT_TRUE(twice) << path << ": " << twice.error().message() << " of " << with.substr(0, 60);
    EXPECT_EQ(json::parse(encode(*twice)), json::parse(again)) << path;
  });
}

std::string quoted(const std::string& text) { return json::serialize(json::string{text}); }

std::vector<ReportBody> every_kind() {
  std::vector<ReportBody> out = reports_with("x");
  out.emplace_back(StorageReport{{{*Sha256::parse(kSha), 5, true}}, 5, 9});
  out.emplace_back(RateReport{"lan", DeviceId{"till-1"}, 45, 740'000, 690'000, 214, 4, false, true});
  return out;
}

TEST(OddValues, EveryMemberOfEveryReportHasBounds) {
  for (const ReportBody& body : every_kind()) {
    const std::string document = encode_report({3, 882, kAt, body});
    for (const std::string& number : hostile_numbers())
      survives(document, number, is_number, decode_report, encode_report);
    for (const std::string& time : hostile_times())
      survives(document, quoted(time), is_text, decode_report, encode_report);
    for (const std::string& text : short_texts())
      survives(document, quoted(text), is_text, decode_report, encode_report);
  }
}

TEST(OddValues, EveryMemberOfAPlanHasBounds) {
  const auto encode = [](const PlanMessage& message) { return encode_plan(message); };
  const std::string document = encode_plan({plan_with("x"), kAt, {3, 881}});
  for (const std::string& number : hostile_numbers())
    survives(document, number, is_number, decode_plan, encode);
  for (const std::string& time : hostile_times())
    survives(document, quoted(time), is_text, decode_plan, encode);
  for (const std::string& text : short_texts())
    survives(document, quoted(text), is_text, decode_plan, encode);
}

TEST(OddValues, ABlockOfActionIdsThatIsEmptyIsRefused) {
  std::string text = encode_plan({plan_with("x"), kAt, {3, 881}});
  text.replace(text.find("1001100"), 7, "1100");
  EXPECT_EQ(decode_plan(text).error().message(),
            "action_ids[0].to: must lie between 1101 and 9007199254740991");
}

TEST(OddValues, TheAnswerToReportsHasBounds) {
  const auto encode = [](const ReportsAnswer& answer) { return encode_answer(answer); };
  for (const std::string& number : hostile_numbers())
    survives(encode_answer({{3, 888}, true}), number, is_number, decode_answer, encode);
}

TEST(OddValues, WhatGoesOutOfRangeIsWrittenAtItsBound) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  constexpr auto kMostUnsigned = std::numeric_limits<std::uint64_t>::max();
  JobReport job{JobId{"j"}, core::JobState::kFailed, "", "",    kWallMax, WallTime::min(), kMost,
                kMost,      kMostUnsigned, {}, false, {}};
  RateReport rate{"wan", {}, 1, kMostUnsigned, kMostUnsigned, kMost, kMost, false, false};
  StorageReport storage{{{*Sha256::parse(kSha), kMostUnsigned, true}}, kMostUnsigned, kMostUnsigned, {{*Sha256::parse(kSha), kMost}}};
  for (const ReportBody& body : std::vector<ReportBody>{job, rate, storage, LogReport{JobId{"j"}, -1, {}}}) {
    const auto read = decode_report(encode_report({kMostInteger, kMostInteger, kWallMax, body}));
    EXPECT_TRUE(read) << read.error().message();
  }
}

// --- the device door ---

std::string feedback_of(const std::string& text, const std::string& number = "1") {
  return R"({"id":")" + text + R"(","status":{"execution":"closed","result":{"finished":"failure"},"code":)" +
         number + R"(,"details":[")" + text + R"(",")" + text + R"("]},"dray":{"answer":"busy","phase":")" +
         text + R"(","by":")" + text + R"(","why":")" + text + R"(","until":")" + text +
         R"(","retry_after":)" + number + "}}";
}

TEST(OddValues, EveryTextOfFeedbackComesInAsALineThatFits) {
  for (const std::string& text : odd_texts()) {
    if (text.find_first_of("\"\\") != std::string::npos) continue;  // would be no JSON
    const auto read = decode_ddi_feedback(feedback_of(text));
    ASSERT_TRUE(read) << read.error().message();
    for (const std::string& line : read->details) EXPECT_EQ(clean_text(line, kLongestLine), line);
    EXPECT_EQ(clean_text(read->dray.why, kLongestWhy), read->dray.why);
    EXPECT_EQ(clean_text(read->dray.by, kLongestBy), read->dray.by);
    const auto denied = decode_ddi_confirmation(R"({"confirmation":"denied","details":[")" + text +
                                                R"("],"dray":{"answer":"busy","why":")" + text + "\"}}");
    ASSERT_TRUE(denied);
    EXPECT_EQ(clean_text(denied->dray.why, kLongestWhy), denied->dray.why);
  }
}

TEST(OddValues, WhatADeviceSaysOfItselfComesInCleaned) {
  for (const std::string& text : odd_texts()) {
    if (text.find_first_of("\"\\") != std::string::npos) continue;
    const auto config = decode_ddi_config_data(R"({"data":{")" + text + R"(":")" + text + "\"}}");
    ASSERT_TRUE(config) << config.error().message();
    const auto& [key, value] = *config->data.begin();
    EXPECT_EQ(clean_characters(key, kLongestAttribute + 1), key);
    EXPECT_EQ(clean_characters(*value, kLongestAttribute + 1), *value);
    const auto installed = decode_ddi_installed(R"({"name":")" + text + R"(","version":")" + text + "\"}");
    ASSERT_TRUE(installed) << installed.error().message();
    EXPECT_EQ(clean_characters(installed->version, kLongestVersion), installed->version);
    const auto activation =
        decode_ddi_activation(R"({"initiator":")" + text + R"(","remark":")" + text + "\"}");
    ASSERT_TRUE(activation) << activation.error().message();
    EXPECT_EQ(clean_text(activation->initiator, kLongestBy), activation->initiator);
    EXPECT_EQ(clean_text(activation->remark, kLongestWhy), activation->remark);
  }
}

TEST(OddValues, NumbersAndTimesOfADeviceHaveBounds) {
  for (const std::string& number : hostile_numbers()) {
    const auto read = decode_ddi_feedback(feedback_of("x", number));
    const auto wait = read ? read->dray.retry_after : std::nullopt;
    EXPECT_LE(wait.value_or(std::chrono::seconds{0}), std::chrono::seconds{366 * 86'400});
    const auto probe = decode_ddi_probe(R"({"bytes":)" + number + R"(,"ms":)" + number + "}");
    EXPECT_TRUE(!probe || probe->took <= Duration{86'400'000});
  }
  for (const std::string& time : hostile_times()) {
    const auto read = decode_ddi_feedback(feedback_of(time));
    ASSERT_TRUE(read);
    EXPECT_TRUE(!read->dray.until || (*read->dray.until >= kWrittenMin && *read->dray.until <= kWrittenMax));
  }
}

// What our agent writes, our door reads.
TEST(OddValues, TheAgentsWordsAreReadByTheDoor) {
  for (const std::string& text : odd_texts()) {
    client::FeedbackBody body{
        "closed", "failure", text, {{"answer", "cancelled"}, {"by", text}, {"why", text}}};
    const std::string written = client::encode_feedback(ActionId{101}, body);
    EXPECT_TRUE(is_utf8(written));
    ASSERT_TRUE(parse_json(written)) << "strict";
    const auto read = decode_ddi_feedback(written);
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_LE(read->details.size(), kMostDetails);
    EXPECT_EQ(read->dray.why, one_line(text, kLongestWhy));
    EXPECT_TRUE(decode_ddi_feedback(client::encode_feedback(ActionId{101}, client::reduced(body))));
    const client::Confirmation no{false, "busy", std::chrono::seconds{5}, text};
    ASSERT_TRUE(parse_json(client::encode_confirmation(no)));
    EXPECT_TRUE(decode_ddi_confirmation(client::encode_confirmation(no)));
    EXPECT_TRUE(decode_ddi_confirmation(client::encode_confirmation(client::reduced(no))));
    const std::string config = client::encode_config_data({{text, text}});
    ASSERT_TRUE(parse_json(config));
    EXPECT_EQ(decode_ddi_config_data(config)->data.begin()->second,
              clean_characters(text, kLongestAttribute));
  }
  EXPECT_EQ(client::plain_attributes({{"ort", "Köln\x1b`"}}),
            (std::map<std::string, std::string>{{"ort", "K?ln??"}}));
}

// --- the admin API: people can mend what is refused, so it names the field and the limit ---

TEST(OddValues, TextsOfTheAdminApiAreRefusedWithTheirLimit) {
  const auto why = [](const std::string& by, const std::string& text) {
    const auto read = decode_why(json::serialize(json::object{{"by", by}, {"why", text}}));
    return read ? std::string{"taken"} : read.error().message();
  };
  EXPECT_EQ(why("ines", "Köln"), "taken");
  EXPECT_EQ(why(std::string(128, 'x'), std::string(1'024, 'x')), "taken");
  EXPECT_EQ(why(std::string(129, 'x'), ""), "by: is longer than 128 bytes");
  EXPECT_EQ(why("", std::string(1'025, 'x')), "why: is longer than 1024 bytes");
  EXPECT_EQ(why("", "a\x1b[2Jb"), "why: must not hold control characters");
  EXPECT_EQ(why("", "\u202Egnp"), "why: must not hold control characters");
  const auto attribute = [](const std::string& value) {
    const auto read =
        decode_device(R"({"name":"d","site":"s","type":"t","attributes":{"ort":")" + value + "\"}}");
    return read ? std::string{"taken"} : read.error().message();
  };
  EXPECT_EQ(attribute(repeated("ö", 128)), "taken");
  EXPECT_EQ(attribute(repeated("ö", 129)), "attributes.ort: is longer than 128 characters");
  EXPECT_EQ(attribute("K\xF6ln").substr(0, 8), "not JSON");
}

TEST(OddValues, WhatIsQuotedInAProblemIsText) {
  for (const std::string& text : odd_texts()) {
    EXPECT_TRUE(parse_json(problem(400, "Bad request", text)));
    EXPECT_TRUE(parse_json(encode_ddi_error("x", "y", text)));
  }
  const std::string longest(115, 'x');
  EXPECT_TRUE(decode_device_type(R"({"name":"till","components":[")" + longest + "\"]}"));
  EXPECT_EQ(decode_device_type(R"({"name":"till","components":[")" + longest + "x\"]}").error().message(),
            "components: holds a name of more than 115 bytes");
}

TEST(OddValues, NumbersAndTimesOfTheAdminApiHaveBounds) {
  const std::string type =
      R"({"name":"till","components":["os"],"ends_on":"power_on","power_on_within":600})";
  const std::string site =
      R"({"name":"b","limits":{"wan":[{"from":"2026-11-24T21:40:00Z","to":"2026-11-25T21:40:00Z","rate":9}],"concurrency":3,"store":9}})";
  const std::string rollout =
      R"({"release":"till/1","delivery":"pull","update_at":"2026-11-24T21:40:00Z","expires_at":"2026-11-25T21:40:00Z","retry":{"limit":3},"priority":1,"status_deferral":900,"phases":[{"percent":10,"soak":5},{"count":4}],"update":[["2026-11-24T21:40:00Z","2026-11-25T21:40:00Z"]]})";
  const std::string deferral = R"({"site":"b","until":"2026-11-24T21:40:00Z","by":"x","why":"y"})";
  const std::string retry = R"({"by":"x","expires_at":"2026-11-24T21:40:00Z"})";
  const std::string upload = R"({"sha256":")" + kSha + R"(","size":5})";
  std::vector<std::pair<std::string, std::function<Result<>(const std::string&)>>> rows;
  const auto row = [&](const std::string& document, auto decode) {
    EXPECT_TRUE(decode(document)) << document;
    rows.emplace_back(document, [decode](const std::string& text) -> Result<> {
      const auto read = decode(text);
      return read ? Result<>{} : Result<>{read.error()};
    });
  };
  row(type, decode_device_type);
  row(site, decode_site);
  row(rollout, decode_rollout);
  row(deferral, [](const std::string& text) { return decode_deferral(text); });
  row(retry, decode_retry);
  row(upload, decode_upload);
  for (const auto& [document, decode] : rows) {
    const auto refused_well = [&](const std::string& text, const std::string& path) {
      const auto read = decode(text);
      const std::string refusal = read ? "" : read.error().message();
      EXPECT_LT(refusal.size(), 400u) << path;
      EXPECT_TRUE(is_utf8(refusal));
    };
    for (const std::string& number : hostile_numbers())
      with_each_leaf(document, is_number, number, refused_well);
    for (const std::string& time : hostile_times())
      with_each_leaf(document, is_text, quoted(time), refused_well);
    for (const std::string& text : odd_bytes()) with_each_leaf(document, is_text, quoted(text), refused_well);
  }
  for (const std::string time : {"9999-12-31T23:59:59-10:00", "0000-01-01T00:00:00+10:00"}) {
    const auto read = decode_retry(R"({"by":"x","expires_at":")" + time + "\"}");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().message(),
              "expires_at: '" + time + "' is not an RFC 3339 time such as 2026-11-24T21:40:00Z");
  }
}

}  // namespace
}  // namespace dray::wire
