// The rollout file: docs/rollout.sample.toml documents every key.
#include <cmath>
#include <iostream>

#include "adapters/toml/config.h"
#include "ctl/times.h"
#include "session.h"

namespace dray::ctl {
namespace {

using adapters::Config;

// A TOML date-time, RFC 3339 text, "now" or "+90s".
std::string when(const Config& file, std::string_view key, WallTime now) {
  const std::string text = file.text(key);
  if (text.empty()) return {};
  const auto time = parse_when(text, now);
  if (!time) {
    file.refuse(key, time.error().message());
    return {};
  }
  return to_rfc3339(*time);
}

json::array intervals(const Config& file, std::string_view key, WallTime now) {
  json::array out;
  for (const Config& one : file.tables(key)) out.push_back(json::array{json::value(when(one, "from", now)), json::value(when(one, "to", now))});
  return out;
}

json::value percent(const Config& file, std::string_view key) {
  const double value = file.number(key, 0.01, 100);
  return value == std::floor(value) ? json::value(static_cast<std::int64_t>(value)) : json::value(value);
}

// success_percent or success_count, and so on; nothing where neither is there.
std::optional<json::object> threshold(const Config& file, const std::string& name) {
  json::object out;
  if (file.has(name + "_percent")) out["percent"] = percent(file, name + "_percent");
  if (file.has(name + "_count")) out["count"] = file.integer(name + "_count", {1, 100'000'000});
  if (out.size() > 1) file.refuse(name + "_count", "stands beside " + name + "_percent: one of them is enough");
  return out.empty() ? std::nullopt : std::optional{out};
}

json::object phase(const Config& file) {
  json::object out;
  if (file.has("name")) out["name"] = file.text("name");
  if (file.has("filter")) out["filter"] = file.text("filter");
  if (file.has("percent")) out["percent"] = percent(file, "percent");
  if (file.has("count")) out["count"] = file.integer("count", {1, 100'000'000});
  if (auto success = threshold(file, "success")) out["success"] = *success;
  const std::string then = file.choice("on_failure", {"pause", "abort"}, "pause");
  if (auto failure = threshold(file, "failure")) {
    (*failure)["then"] = then;
    out["failure"] = *failure;
  } else if (file.has("on_failure")) {
    file.refuse("on_failure", "needs failure_percent or failure_count");
  }
  out["soak"] = std::chrono::duration_cast<std::chrono::seconds>(file.duration_s("soak_s", {0, 366LL * 86'400}, Duration{0})).count();
  out["approval"] = file.boolean("approval", false);
  return out;
}

}  // namespace

Result<json::value> read_rollout(const std::string& path, WallTime now) {
  auto file = Config::open(path);
  if (!file) return file.error();
  json::object out;
  out["release"] = file->text("release");
  if (file->has("filter")) out["filter"] = file->text("filter");
  const std::string delivery = file->choice("delivery", {"pull", "push"});
  out["delivery"] = delivery;
  const std::string schedule =
      file->choice("schedule", {"auto", "given"}, file->has("transmit_at") || file->has("update_at") ? "given" : "auto");
  out["schedule"] = schedule;
  if (schedule == "given") {
    if (delivery == "push" || file->has("transmit_at")) out["transmit_at"] = when(*file, "transmit_at", now);
    out["update_at"] = when(*file, "update_at", now);
  } else {
    for (const char* key : {"transmit_at", "update_at"})
      if (file->has(key)) {
        file->text(key);
        file->refuse(key, "is computed with schedule auto: leave one of them out");
      }
  }
  out["expires_at"] = when(*file, "expires_at", now);
  out["transfer"] = intervals(*file, "transfer", now);
  out["update"] = intervals(*file, "update", now);
  out["priority"] = file->integer("priority", {-1000, 1000}, 0);
  out["status_deferral"] = std::chrono::duration_cast<std::chrono::seconds>(file->duration_s("status_deferral_s", {1, 10LL * 366 * 86'400}, std::chrono::seconds{900})).count();
  if (file->has("retry_limit")) out["retry"] = {{"limit", file->integer("retry_limit", {1, 1'000'000})}};
  out["late_joiners"] = file->boolean("late_joiners", true);
  if (file->has("phase")) {
    json::array phases;
    for (const Config& one : file->tables("phase")) phases.push_back(phase(one));
    out["phases"] = std::move(phases);
  }
  DRAY_CHECK(file->finish());
  return json::value(std::move(out));
}

}  // namespace dray::ctl
