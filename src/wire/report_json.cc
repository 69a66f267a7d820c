// POST reports: Report <-> JSON. Member names and meanings: docs/gateway-api.md.
//
// One pair of limits a member (wire/limits.h): the writer cleans texts and bounds numbers, so that whatever the memory
// or an older document holds, the reader takes what is written. The reader cleans texts for people instead of refusing
// them; names and ids it refuses where they are too long.
#include <algorithm>

#include "base/overloaded.h"
#include "wire/gateway_api.h"
#include "wire/json_write.h"

namespace dray::wire {
namespace {

std::string sentence(const std::string& text) { return clean_text(text, kLongestSentence); }
std::string version(const std::string& text) { return clean_version(text, kLongestVersion); }
std::int64_t within(std::int64_t number, std::int64_t most) { return std::clamp<std::int64_t>(number, 0, most); }

// --- writing: each adds its members to the common ones ---

void add(json::object& o, const JobReport& r) {
  o["kind"] = "job";
  o["job"] = r.job.value();
  o["state"] = core::to_string(r.state);
  o["reason"] = sentence(r.reason);
  o["sentence"] = sentence(r.sentence);
  o["until"] = time_or_null(r.until);
  o["update_at"] = time_or_null(r.update_at);
  o["step"] = within(r.step, kMostStep);
  o["attempt"] = within(r.attempt, kMostAttempt);
  o["bytes"] = at_most(r.bytes, kMostInteger);
  o["running"] = encode_attributes(r.running);
  if (r.late) o["late"] = true;
  if (r.unproven) o["unproven"] = true;
  if (r.cause) o["cause"] = {{"reason", sentence(r.cause->reason)}, {"sentence", sentence(r.cause->sentence)}};
  if (r.cancel) o["cancel"] = {{"id", r.cancel->id}, {"answer", r.cancel->answer}};
}

void add(json::object& o, const DeviceReport& r) {
  json::object running;
  for (const auto& [component, what] : r.running)
    running[clean_characters(component, kLongestAttribute)] = {
        {"version", version(what.version)}, {"sha256", Sha256::parse(what.sha256) ? json::value(what.sha256) : json::value{}}};
  o["kind"] = "device";
  o["device"] = r.device.value();
  o["seen_at"] = time_or_null(r.seen_at);
  o["boot_id"] = clean_characters(r.boot_id, kLongestAttribute);
  o["running"] = std::move(running);
  o["status"] = clean_text(r.status, kLongestSentence);
  o["attributes"] = encode_attributes(r.attributes);
  o["signed"] = nullptr;
  if (r.said_since_end) o["said_since_end"] = true;
}

void add(json::object& o, const StorageReport& r) {
  json::array artifacts;
  for (const auto& a : r.artifacts) artifacts.push_back({{"sha256", a.sha256.hex()}, {"bytes", at_most(a.bytes, kMostSize)}, {"verified", a.verified}});
  o["kind"] = "storage";
  o["artifacts"] = std::move(artifacts);
  json::array damaged;
  for (const auto& d : r.damaged) damaged.push_back({{"sha256", d.sha256.hex()}, {"times", within(d.times, kMostAttempt)}});
  if (!damaged.empty()) o["damaged"] = std::move(damaged);
  o["used"] = at_most(r.used, kMostInteger);
  o["quota"] = at_most(r.quota, kMostInteger);
}

void add(json::object& o, const RateReport& r) {
  o["kind"] = "rate";
  o["link"] = r.link;
  o["device"] = r.device.empty() ? json::value{} : json::value(r.device.value());
  o["hour_of_week"] = r.hour_of_week;
  o["rate"] = at_most(r.rate, kMostRate);
  o["low"] = at_most(r.low, kMostRate);
  o["samples"] = within(r.samples, kMostSamples);
  o["age"] = within(r.age, kMostSeconds);
  o["assumed"] = r.assumed;
  o["capped"] = r.capped;
}

void add(json::object& o, const LogReport& r) {
  json::array lines;
  for (const auto& line : r.lines)
    if (lines.size() < kMostLines) lines.emplace_back(clean_text(line, kLongestLine));
  o["kind"] = "log";
  o["job"] = r.job.value();
  o["attempt"] = within(r.attempt, kMostAttempt);
  o["lines"] = std::move(lines);
}

void add(json::object& o, const DeferralReport& r) {
  const core::Deferral& d = r.deferral;
  o["kind"] = "deferral";
  const std::string id = plain_name(d.id);  // of one that could not be read it may be any bytes
  o["id"] = std::string{cut_text(id, kLongestTitle)};
  o["device"] = d.device.empty() ? json::value{} : json::value(d.device.value());
  o["assignment"] = d.assignment.empty() ? json::value{} : json::value(d.assignment.value());
  o["until"] = to_rfc3339(d.until);
  o["by"] = clean_text(d.by, kLongestBy);
  o["why"] = clean_text(d.why, kLongestWhy);
  o["withdrawn"] = r.withdrawn;
}

void add(json::object& o, const RegisteredReport& r) {
  o["kind"] = "registered";
  o["device"] = r.device.value();
  o["attributes"] = encode_attributes(r.attributes);
}

void add(json::object& o, const UnknownReport& r) { o["kind"] = clean_text(r.kind, kLongestWord); }

// --- reading ---

std::string maybe_name(const Node& n, std::string_view key, std::size_t longest) {
  const auto node = n.maybe(key);
  return node ? node->name(longest) : std::string{};
}
std::string maybe_cleaned(const Node& n, std::string_view key, std::size_t longest) {
  const auto node = n.maybe(key);
  return node ? node->cleaned(longest) : std::string{};
}
std::int64_t maybe_integer(const Node& n, std::string_view key, std::int64_t most) {
  const auto node = n.maybe(key);
  return node ? node->integer(0, most) : 0;
}
bool maybe_boolean(const Node& n, std::string_view key) {
  const auto node = n.maybe(key);
  return node && node->boolean();
}
std::map<std::string, std::string> maybe_attributes(const Node& n, std::string_view key) {
  const auto node = n.maybe(key);
  return node ? decode_attributes(*node) : std::map<std::string, std::string>{};
}

// What is decided follows from it, so another word than these decides nothing: its entry is set aside.
core::JobState state_at(const Node& n) {
  const std::string word = n.name(kLongestWord);
  const auto state = core::job_state_of(word);
  if (!state) n.refuse("'" + clean_text(word, kLongestWord) + "' is not known here; there is " + core::job_state_words());
  return *state;
}

JobReport decode_job_report(const Node& n) {
  JobReport r;
  r.job = JobId{n.at("job").name(kLongestId)};
  r.state = state_at(n.at("state"));
  r.reason = maybe_cleaned(n, "reason", kLongestSentence);
  r.sentence = maybe_cleaned(n, "sentence", kLongestSentence);
  r.until = maybe_time(n, "until");
  r.update_at = maybe_time(n, "update_at");
  r.step = maybe_integer(n, "step", kMostStep);
  r.attempt = maybe_integer(n, "attempt", kMostAttempt);
  r.bytes = static_cast<std::uint64_t>(maybe_integer(n, "bytes", kMostInteger));
  r.running = maybe_attributes(n, "running");
  r.late = maybe_boolean(n, "late");
  r.unproven = maybe_boolean(n, "unproven");
  if (const auto cause = n.maybe("cause")) r.cause = core::Cause{maybe_cleaned(*cause, "reason", kLongestSentence), maybe_cleaned(*cause, "sentence", kLongestSentence)};
  if (const auto cancel = n.maybe("cancel")) r.cancel = CancelAnswer{cancel->at("id").name(kLongestTitle), cancel->at("answer").name(kLongestWord)};
  return r;
}

DeviceReport decode_device_report(const Node& n) {
  DeviceReport r;
  r.device = DeviceId{n.at("device").name(kLongestTitle)};
  r.seen_at = maybe_time(n, "seen_at");
  if (const auto boot = n.maybe("boot_id")) r.boot_id = boot->cleaned_characters(kLongestAttribute);
  if (const auto running = n.maybe("running"))
    running->members([&](std::string_view component, const Node& v) {
      const std::string sha256 = maybe_cleaned(v, "sha256", kLongestAttribute);  // only a whole one says anything
      r.running[clean_characters(component, kLongestAttribute)] = {v.at("version").version(),
                                                                   Sha256::parse(sha256) ? sha256 : std::string{}};
    });
  r.status = maybe_cleaned(n, "status", kLongestSentence);
  r.attributes = maybe_attributes(n, "attributes");
  if (const auto said = n.maybe("said_since_end")) r.said_since_end = said->boolean();
  return r;
}

StorageReport decode_storage(const Node& n) {
  StorageReport r;
  n.at("artifacts").each([&](const Node& a) {
    r.artifacts.push_back({a.at("sha256").sha256(), a.at("bytes").size(kMostSize), a.at("verified").boolean()});
  });
  if (const auto damaged = n.maybe("damaged"))
    damaged->each([&](const Node& d) { r.damaged.push_back({d.at("sha256").sha256(), d.at("times").integer(0, kMostAttempt)}); });
  r.used = n.at("used").size();
  r.quota = n.at("quota").size();
  return r;
}

RateReport decode_rate(const Node& n) {
  RateReport r;
  r.link = n.at("link").name(kLongestWord);
  r.device = DeviceId{maybe_name(n, "device", kLongestTitle)};
  r.hour_of_week = n.at("hour_of_week").integer(0, 167);
  r.rate = n.at("rate").size(kMostRate);
  r.low = static_cast<std::uint64_t>(maybe_integer(n, "low", kMostRate));
  r.samples = maybe_integer(n, "samples", kMostSamples);
  r.age = maybe_integer(n, "age", kMostSeconds);
  r.assumed = maybe_boolean(n, "assumed");
  r.capped = maybe_boolean(n, "capped");
  return r;
}

LogReport decode_log(const Node& n) {
  LogReport r{JobId{n.at("job").name(kLongestId)}, maybe_integer(n, "attempt", kMostAttempt), {}};
  n.at("lines").each([&](const Node& line) {
    if (r.lines.size() < kMostLines) r.lines.push_back(line.cleaned(kLongestLine));
  });
  return r;
}

DeferralReport decode_deferral_report(const Node& n) {
  return {{n.at("id").name(kLongestTitle), DeviceId{maybe_name(n, "device", kLongestTitle)},
           AssignmentId{maybe_name(n, "assignment", kLongestId)}, n.at("until").time(), maybe_cleaned(n, "by", kLongestBy),
           maybe_cleaned(n, "why", kLongestWhy)},
          maybe_boolean(n, "withdrawn")};
}

ReportBody decode_body(const Node& n, const std::string& kind) {
  if (kind == "job") return decode_job_report(n);
  if (kind == "device") return decode_device_report(n);
  if (kind == "storage") return decode_storage(n);
  if (kind == "rate") return decode_rate(n);
  if (kind == "log") return decode_log(n);
  if (kind == "deferral") return decode_deferral_report(n);
  if (kind == "registered") return RegisteredReport{DeviceId{n.at("device").name(kLongestTitle)}, maybe_attributes(n, "attributes")};
  return UnknownReport{kind};
}

Report decode_one(const Node& n) {
  Report report;
  report.epoch = n.at("epoch").integer(0);
  report.seq = n.at("seq").integer(0);
  report.at = n.at("at").time();
  report.body = decode_body(n, n.at("kind").cleaned(kLongestWord));
  return report;
}

}  // namespace

std::string subject_of(const Report& report) {
  return std::visit(
      Overloaded{
          [](const JobReport& r) { return "job/" + r.job.value(); },
          [](const DeviceReport& r) { return "device/" + r.device.value(); },
          [](const StorageReport&) { return std::string{"storage"}; },
          [](const RateReport& r) { return "rate/" + r.link + "/" + r.device.value() + "/" + std::to_string(r.hour_of_week); },
          [&](const LogReport& r) { return "log/" + r.job.value() + "/" + std::to_string(report.seq); },
          [](const DeferralReport& r) { return "deferral/" + r.deferral.id; },
          [](const RegisteredReport& r) { return "registered/" + r.device.value(); },
          [](const UnknownReport& r) { return "unknown/" + r.kind; },
      },
      report.body);
}

std::string encode_report(const Report& report) {
  json::object out{{"epoch", report.epoch}, {"seq", report.seq}, {"at", to_rfc3339(report.at)}};
  std::visit([&](const auto& body) { add(out, body); }, report.body);
  return mend_utf8(to_text(out));  // whatever older data hold: one entry that is no text would keep all others back
}

std::string encode_reports(const std::vector<std::string>& encoded) {
  std::string out = "[";
  for (const std::string& one : encoded) {
    if (out.size() > 1) out += ',';
    out += one;
  }
  return out + "]";
}

Result<Report> decode_report(std::string_view text) { return decode<Report>(parse_json(text), decode_one); }
Result<Report> decode_parsed_report(const json::value& entry) {
  try {
    return decode_one(Node{entry, ""});
  } catch (const BadField& bad) {
    return Error{ErrorCode::kInvalid, bad.message};
  }
}

Result<std::vector<Report>> decode_reports(std::string_view text) {
  if (text.size() > kMostReportBytes)
    return Error{ErrorCode::kInvalid, "body: is larger than " + std::to_string(kMostReportBytes) + " bytes"};
  return decode<std::vector<Report>>(parse_json(text), [](const Node& n) {
    std::vector<Report> out;
    n.each([&](const Node& one) { out.push_back(decode_one(one)); }, kMostReports);
    return out;
  });
}

std::string encode_answer(const ReportsAnswer& answer) {
  return to_text(json::object{{"acknowledged", {{"epoch", answer.acknowledged.epoch}, {"seq", answer.acknowledged.seq}}},
                              {"resync", answer.resync}});
}

Result<ReportsAnswer> decode_answer(std::string_view text) {
  return decode<ReportsAnswer>(parse_json(text), [](const Node& n) {
    const Node acknowledged = n.at("acknowledged");
    return ReportsAnswer{{acknowledged.at("epoch").integer(0), acknowledged.at("seq").integer(0)}, maybe_boolean(n, "resync")};
  });
}

std::string problem(int status, std::string_view title, std::string_view detail, std::string_view type) {
  // It may quote what was asked, in whatever bytes.
  return to_text(json::object{{"type", type}, {"title", title}, {"status", status}, {"detail", sentence(std::string{detail})}});
}

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid: return 400;
    case ErrorCode::kNotFound: return 404;
    case ErrorCode::kConflict: return 409;
    case ErrorCode::kDenied: return 403;
    case ErrorCode::kUnavailable: return 503;
    case ErrorCode::kTimeout: return 504;
    case ErrorCode::kExhausted: return 507;
    case ErrorCode::kCorrupt: return 422;
    case ErrorCode::kStopped: return 503;
    case ErrorCode::kInternal: return 500;
  }
  return 500;
}

}  // namespace dray::wire
