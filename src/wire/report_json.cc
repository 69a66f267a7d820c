// POST reports: Report <-> JSON. Member names and meanings: docs/gateway-api.md.
#include "wire/gateway_api.h"
#include "wire/json_write.h"

namespace dray::wire {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

// --- writing: each adds its members to the common ones ---

void add(json::object& o, const JobReport& r) {
  o["kind"] = "job";
  o["job"] = r.job.value();
  o["state"] = r.state;
  o["reason"] = r.reason;
  o["sentence"] = r.sentence;
  o["until"] = time_or_null(r.until);
  o["update_at"] = time_or_null(r.update_at);
  o["step"] = r.step;
  o["attempt"] = r.attempt;
  o["bytes"] = r.bytes;
  o["running"] = encode_map(r.running);
  if (r.late) o["late"] = true;
  if (r.cancel) o["cancel"] = {{"id", r.cancel->id}, {"answer", r.cancel->answer}};
}

void add(json::object& o, const DeviceReport& r) {
  json::object running;
  for (const auto& [component, what] : r.running)
    running[component] = {{"version", what.version}, {"sha256", what.sha256.empty() ? json::value{} : json::value(what.sha256)}};
  o["kind"] = "device";
  o["device"] = r.device.value();
  o["seen_at"] = time_or_null(r.seen_at);
  o["boot_id"] = r.boot_id;
  o["running"] = std::move(running);
  o["status"] = r.status;
  o["attributes"] = encode_map(r.attributes);
  o["signed"] = nullptr;
}

void add(json::object& o, const StorageReport& r) {
  json::array artifacts;
  for (const auto& a : r.artifacts) artifacts.push_back({{"sha256", a.sha256.hex()}, {"bytes", a.bytes}, {"verified", a.verified}});
  o["kind"] = "storage";
  o["artifacts"] = std::move(artifacts);
  o["used"] = r.used;
  o["quota"] = r.quota;
}

void add(json::object& o, const RateReport& r) {
  o["kind"] = "rate";
  o["link"] = r.link;
  o["device"] = r.device.empty() ? json::value{} : json::value(r.device.value());
  o["hour_of_week"] = r.hour_of_week;
  o["rate"] = r.rate;
  o["low"] = r.low;
  o["samples"] = r.samples;
  o["age"] = r.age;
  o["assumed"] = r.assumed;
  o["capped"] = r.capped;
}

void add(json::object& o, const LogReport& r) {
  json::array lines;
  for (const auto& line : r.lines) lines.emplace_back(line);
  o["kind"] = "log";
  o["job"] = r.job.value();
  o["attempt"] = r.attempt;
  o["lines"] = std::move(lines);
}

void add(json::object& o, const DeferralReport& r) {
  const core::Deferral& d = r.deferral;
  o["kind"] = "deferral";
  o["id"] = d.id;
  o["device"] = d.device.empty() ? json::value{} : json::value(d.device.value());
  o["assignment"] = d.assignment.empty() ? json::value{} : json::value(d.assignment.value());
  o["until"] = to_rfc3339(d.until);
  o["by"] = d.by;
  o["why"] = d.why;
  o["withdrawn"] = r.withdrawn;
}

void add(json::object& o, const RegisteredReport& r) {
  o["kind"] = "registered";
  o["device"] = r.device.value();
  o["attributes"] = encode_map(r.attributes);
}

void add(json::object& o, const UnknownReport& r) { o["kind"] = r.kind; }

// --- reading ---

std::optional<WallTime> maybe_time(const Node& n, std::string_view key) {
  const auto node = n.maybe(key);
  return node ? std::optional{node->time()} : std::nullopt;
}
std::string maybe_text(const Node& n, std::string_view key, std::size_t longest = 4096) {
  const auto node = n.maybe(key);
  return node ? node->text(longest) : std::string{};
}
std::int64_t maybe_integer(const Node& n, std::string_view key) {
  const auto node = n.maybe(key);
  return node ? node->integer(0) : 0;
}
bool maybe_boolean(const Node& n, std::string_view key) {
  const auto node = n.maybe(key);
  return node && node->boolean();
}
std::map<std::string, std::string> maybe_map(const Node& n, std::string_view key) {
  std::map<std::string, std::string> out;
  if (const auto node = n.maybe(key))
    node->members([&](std::string_view k, const Node& v) { out[std::string{k}] = v.text(); });
  return out;
}

JobReport decode_job(const Node& n) {
  JobReport r;
  r.job = JobId{n.at("job").text(512)};
  r.state = n.at("state").text(64);
  r.reason = maybe_text(n, "reason");
  r.sentence = maybe_text(n, "sentence");
  r.until = maybe_time(n, "until");
  r.update_at = maybe_time(n, "update_at");
  r.step = maybe_integer(n, "step");
  r.attempt = maybe_integer(n, "attempt");
  r.bytes = static_cast<std::uint64_t>(maybe_integer(n, "bytes"));
  r.running = maybe_map(n, "running");
  r.late = maybe_boolean(n, "late");
  if (const auto cancel = n.maybe("cancel")) r.cancel = CancelAnswer{cancel->at("id").text(256), cancel->at("answer").text(64)};
  return r;
}

DeviceReport decode_device(const Node& n) {
  DeviceReport r;
  r.device = DeviceId{n.at("device").text(256)};
  r.seen_at = maybe_time(n, "seen_at");
  r.boot_id = maybe_text(n, "boot_id", 256);
  if (const auto running = n.maybe("running"))
    running->members([&](std::string_view component, const Node& v) {
      r.running[std::string{component}] = {v.at("version").text(256), maybe_text(v, "sha256", 64)};
    });
  r.status = maybe_text(n, "status", 256);
  r.attributes = maybe_map(n, "attributes");
  return r;
}

StorageReport decode_storage(const Node& n) {
  StorageReport r;
  n.at("artifacts").each([&](const Node& a) {
    r.artifacts.push_back({a.at("sha256").sha256(), a.at("bytes").size(), a.at("verified").boolean()});
  });
  r.used = n.at("used").size();
  r.quota = n.at("quota").size();
  return r;
}

RateReport decode_rate(const Node& n) {
  RateReport r;
  r.link = n.at("link").text(16);
  r.device = DeviceId{maybe_text(n, "device", 256)};
  r.hour_of_week = n.at("hour_of_week").integer(0, 167);
  r.rate = n.at("rate").size();
  r.low = static_cast<std::uint64_t>(maybe_integer(n, "low"));
  r.samples = maybe_integer(n, "samples");
  r.age = maybe_integer(n, "age");
  r.assumed = maybe_boolean(n, "assumed");
  r.capped = maybe_boolean(n, "capped");
  return r;
}

LogReport decode_log(const Node& n) {
  LogReport r{JobId{n.at("job").text(512)}, maybe_integer(n, "attempt"), {}};
  n.at("lines").each([&](const Node& line) { r.lines.push_back(line.text(16'384)); }, 10'000);
  return r;
}

DeferralReport decode_deferral(const Node& n) {
  return {{n.at("id").text(256), DeviceId{maybe_text(n, "device", 256)}, AssignmentId{maybe_text(n, "assignment", 512)},
           n.at("until").time(), maybe_text(n, "by"), maybe_text(n, "why")},
          maybe_boolean(n, "withdrawn")};
}

ReportBody decode_body(const Node& n, const std::string& kind) {
  if (kind == "job") return decode_job(n);
  if (kind == "device") return decode_device(n);
  if (kind == "storage") return decode_storage(n);
  if (kind == "rate") return decode_rate(n);
  if (kind == "log") return decode_log(n);
  if (kind == "deferral") return decode_deferral(n);
  if (kind == "registered") return RegisteredReport{DeviceId{n.at("device").text(256)}, maybe_map(n, "attributes")};
  return UnknownReport{kind};
}

Report decode_one(const Node& n) {
  Report report;
  report.epoch = n.at("epoch").integer(0);
  report.seq = n.at("seq").integer(0);
  report.at = n.at("at").time();
  report.body = decode_body(n, n.at("kind").text(64));
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
  return to_text(out);
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
  return to_text(json::object{{"type", type}, {"title", title}, {"status", status}, {"detail", detail}});
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
