// The rollout file: docs/rollout.sample.toml documents every key.
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

}  // namespace

Result<json::value> read_rollout(const std::string& path, WallTime now) {
  auto file = Config::open(path);
  if (!file) return file.error();
  json::object out;
  out["release"] = file->text("release");
  if (file->has("filter")) out["filter"] = file->text("filter");
  const std::string delivery = file->choice("delivery", {"pull", "push"});
  out["delivery"] = delivery;
  if (delivery == "push" || file->has("transmit_at")) out["transmit_at"] = when(*file, "transmit_at", now);
  out["update_at"] = when(*file, "update_at", now);
  out["expires_at"] = when(*file, "expires_at", now);
  out["transfer"] = intervals(*file, "transfer", now);
  out["update"] = intervals(*file, "update", now);
  out["priority"] = file->integer("priority", {-1000, 1000}, 0);
  out["status_deferral"] = std::chrono::duration_cast<std::chrono::seconds>(file->duration_s("status_deferral_s", {1, 10LL * 366 * 86'400}, std::chrono::seconds{900})).count();
  if (file->has("retry_limit")) out["retry"] = {{"limit", file->integer("retry_limit", {1, 1'000'000})}};
  DRAY_CHECK(file->finish());
  return json::value(std::move(out));
}

}  // namespace dray::ctl
