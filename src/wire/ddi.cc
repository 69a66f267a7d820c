#include "wire/ddi.h"

#include <array>
#include <utility>

#include "base/text.h"

namespace dray::wire {
namespace {

json::object link(std::string_view href) { return {{"href", json::value(href)}}; }

void add_link(json::object& links, std::string_view name, const std::string& href) {
  if (!href.empty()) links[name] = link(href);
}

json::object artifact_value(const DdiArtifact& a) {
  const std::string sum = a.href + ".MD5SUM";
  // All four links: swupdate, rauc and hawkbit-rs take `download`, Zephyr `download-http` (docs/ddi.md 4).
  return {{"filename", a.file},
          {"hashes", {{"sha1", a.sha1}, {"md5", a.md5}, {"sha256", a.sha256}}},
          {"size", a.size},
          {"_links",
           {{"download", link(a.href)}, {"md5sum", link(sum)}, {"download-http", link(a.href)}, {"md5sum-http", link(sum)}}}};
}

json::array artifact_array(const std::vector<DdiArtifact>& artifacts) {
  json::array out;
  for (const DdiArtifact& a : artifacts) out.push_back(artifact_value(a));
  return out;
}

// --- reading ---

std::string lenient_text(const Node& node) {
  const json::value& v = node.value();
  if (v.is_string()) return std::string{v.get_string()};
  if (v.is_number() || v.is_bool()) return json::serialize(v);
  if (v.is_null()) return {};
  node.refuse("must be a string");
}

std::vector<std::string> read_details(const Node& status) {
  std::vector<std::string> out;
  const auto details = status.maybe("details");
  if (!details) return out;
  if (details->value().is_array())
    details->each([&](const Node& one) { out.push_back(clean_text(lenient_text(one), kLongestLine)); });
  else
    out.push_back(clean_text(lenient_text(*details), kLongestLine));
  return out;
}

std::string short_text(const Node& node, std::string_view key, std::size_t longest) {
  const auto found = node.maybe(key);
  return found && found->value().is_string() ? found->cleaned(longest) : std::string{};
}

DdiDray read_dray(const Node& body) {
  DdiDray out;
  const auto dray = body.maybe("dray");
  if (!dray || !dray->value().is_object()) return out;
  out.answer = short_text(*dray, "answer", kLongestWord);
  out.phase = short_text(*dray, "phase", kLongestWord);
  out.by = short_text(*dray, "by", kLongestBy);
  out.why = short_text(*dray, "why", kLongestWhy);
  if (const auto until = parse_rfc3339(short_text(*dray, "until", kLongestWord))) out.until = *until;
  constexpr std::int64_t kLongest = 366 * 86'400;
  if (const auto wait = dray->maybe("retry_after")) out.retry_after = std::chrono::seconds{wait->integer(0, kLongest)};
  return out;
}

template <class E, std::size_t N>
E read_word(const Node& node, const std::array<std::pair<std::string_view, E>, N>& words) {
  const std::string text = node.text(kLongestWord);
  for (const auto& [word, value] : words)
    if (text == word) return value;
  node.refuse("'" + clean_text(text, kLongestWord) + "' is not known");
}

constexpr std::array<std::pair<std::string_view, DdiExecution>, 8> kExecutions{
    {{"closed", DdiExecution::kClosed},
     {"proceeding", DdiExecution::kProceeding},
     {"canceled", DdiExecution::kCanceled},
     {"scheduled", DdiExecution::kScheduled},
     {"rejected", DdiExecution::kRejected},
     {"resumed", DdiExecution::kResumed},
     {"downloaded", DdiExecution::kDownloaded},
     {"download", DdiExecution::kDownload}}};
constexpr std::array<std::pair<std::string_view, DdiFinished>, 3> kFinished{
    {{"success", DdiFinished::kSuccess}, {"failure", DdiFinished::kFailure}, {"none", DdiFinished::kNone}}};
constexpr std::array<std::pair<std::string_view, DdiMode>, 3> kModes{
    {{"merge", DdiMode::kMerge}, {"replace", DdiMode::kReplace}, {"remove", DdiMode::kRemove}}};
constexpr std::array<std::pair<std::string_view, bool>, 2> kConfirmations{{{"confirmed", true}, {"denied", false}}};

DdiFeedback read_feedback(const Node& body) {
  const Node status = body.at("status");
  DdiFeedback out;
  out.execution = read_word(status.at("execution"), kExecutions);
  out.finished = read_word(status.at("result").at("finished"), kFinished);
  if (const auto code = status.maybe("code"); code && code->value().is_int64()) out.code = code->value().get_int64();
  out.details = read_details(status);
  out.dray = read_dray(body);
  return out;
}

DdiConfigData read_config_data(const Node& body) {
  DdiConfigData out;
  if (const auto mode = body.maybe("mode")) out.mode = read_word(*mode, kModes);
  body.at("data").members([&](std::string_view key, const Node& value) {
    auto& slot = out.data[clean_characters(key, kLongestAttribute + 1)];  // one more: so that it is seen to be too long
    if (!value.value().is_null()) slot = clean_characters(lenient_text(value), kLongestAttribute + 1);
  });
  return out;
}

}  // namespace

std::string encode_ddi_poll(const DdiPoll& poll) {
  json::object links;
  add_link(links, "confirmationBase", poll.confirmation_base);
  add_link(links, "cancelAction", poll.cancel_action);
  add_link(links, "deploymentBase", poll.deployment_base);
  add_link(links, "installedBase", poll.installed_base);
  add_link(links, "configData", poll.config_data);
  add_link(links, "drayProbe", poll.probe);
  const json::object out{{"config", {{"polling", {{"sleep", to_hms(poll.sleep)}}}}}, {"_links", std::move(links)}};
  return json::serialize(out);
}

std::string encode_ddi_deployment(const DdiDeployment& deployment) {
  json::array chunks;
  for (const DdiChunk& c : deployment.chunks)
    chunks.push_back(
        {{"part", c.part}, {"version", c.version}, {"name", c.name}, {"artifacts", artifact_array(c.artifacts)}});
  json::object out;
  out["id"] = std::to_string(deployment.id.value());
  out[deployment.confirmation ? "confirmation" : "deployment"] =
      json::object{{"download", "forced"}, {"update", "forced"}, {"chunks", std::move(chunks)}};
  if (deployment.history) {
    json::array messages;
    for (const auto& m : deployment.history->messages) messages.emplace_back(m);
    out["actionHistory"] = json::object{{"status", deployment.history->status}, {"messages", std::move(messages)}};
  }
  return json::serialize(out);
}

std::string encode_ddi_artifacts(const std::vector<DdiArtifact>& artifacts) {
  return json::serialize(artifact_array(artifacts));
}

std::string encode_ddi_cancel(ActionId id) {
  const std::string text = std::to_string(id.value());
  const json::object out{{"id", text}, {"cancelAction", {{"stopId", text}}}};
  return json::serialize(out);
}

std::string encode_ddi_confirmation_base(const DdiConfirmationBase& base) {
  const DdiAutoConfirm& a = base.auto_confirm;
  json::object confirm{{"active", a.active}};
  if (a.active && !a.initiator.empty()) confirm["initiator"] = a.initiator;
  if (a.active && !a.remark.empty()) confirm["remark"] = a.remark;
  confirm["activatedAt"] = a.active ? a.activated_at.time_since_epoch().count() : 0;
  json::object links;
  add_link(links, "activateAutoConfirm", base.activate);
  add_link(links, "deactivateAutoConfirm", base.deactivate);
  add_link(links, "confirmationBase", base.confirmation_base);
  const json::object out{{"autoConfirm", std::move(confirm)}, {"_links", std::move(links)}};
  return json::serialize(out);
}

std::string encode_ddi_error(std::string_view exception, std::string_view code, std::string_view message) {
  const json::object out{{"exceptionClass", json::value(exception)}, {"errorCode", json::value(code)}, {"message", clean_text(message, kLongestSentence)}};
  return json::serialize(out);
}

Result<DdiFeedback> decode_ddi_feedback(std::string_view text) {
  return decode<DdiFeedback>(parse_device_json(text), read_feedback);
}

Result<DdiConfirmation> decode_ddi_confirmation(std::string_view text) {
  return decode<DdiConfirmation>(parse_device_json(text), [](const Node& body) {
    DdiConfirmation out;
    out.confirmed = read_word(body.at("confirmation"), kConfirmations);
    out.details = read_details(body);
    out.dray = read_dray(body);
    return out;
  });
}

Result<DdiConfigData> decode_ddi_config_data(std::string_view text) {
  return decode<DdiConfigData>(parse_device_json(text), read_config_data);
}

Result<DdiInstalled> decode_ddi_installed(std::string_view text) {
  return decode<DdiInstalled>(parse_device_json(text), [](const Node& body) {
    return DdiInstalled{body.at("name").cleaned_characters(kLongestTitle), body.at("version").version()};
  });
}

Result<DdiProbe> decode_ddi_probe(std::string_view text) {
  return decode<DdiProbe>(parse_device_json(text), [](const Node& body) {
    constexpr std::int64_t kMostBytes = 1 << 30, kMostTime = 86'400'000;
    return DdiProbe{static_cast<std::uint64_t>(body.at("bytes").integer(0, kMostBytes)),
                    Duration{body.at("ms").integer(0, kMostTime)}};
  });
}

Result<DdiAutoConfirm> decode_ddi_activation(std::string_view text) {
  if (text.empty()) return DdiAutoConfirm{};
  return decode<DdiAutoConfirm>(parse_device_json(text), [](const Node& body) {
    DdiAutoConfirm out;
    if (const auto initiator = body.maybe("initiator")) out.initiator = initiator->cleaned(kLongestBy);
    if (const auto remark = body.maybe("remark")) out.remark = remark->cleaned(kLongestWhy);
    return out;
  });
}

std::string escape_url(std::string_view segment) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : segment) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

std::optional<std::string> unescape_url(std::string_view segment) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  std::string out;
  for (std::size_t i = 0; i < segment.size(); ++i) {
    if (segment[i] != '%') {
      out += segment[i];
      continue;
    }
    if (i + 2 >= segment.size()) return {};
    const int high = digit(segment[i + 1]), low = digit(segment[i + 2]);
    if (high < 0 || low < 0) return {};
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

}  // namespace dray::wire
