#include "wire/ddi_client.h"

#include <algorithm>
#include <charconv>

#include "wire/json.h"

namespace dray::wire::client {
namespace {

constexpr std::size_t kMostChunks = 100;  // hawkBit's own limit of modules in a set
constexpr std::size_t kLongestLink = 4096;

Result<ActionId> parse_id(std::string_view text) {
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc{} || end != text.data() + text.size() || id <= 0)
    return Error{ErrorCode::kInvalid, "\"" + std::string{text} + "\" is no action id"};
  return ActionId{id};
}

ActionId id_of(const Node& node) {  // hawkBit: a string; some servers: a number
  if (node.value().is_string()) {
    const auto id = parse_id(node.text(32));
    if (!id) node.refuse(id.error().message());
    return *id;
  }
  return ActionId{node.integer(1)};
}

std::string href_of(const std::optional<Node>& links, std::string_view name) {
  if (!links) return "";
  const auto link = links->maybe(name);
  return link ? link->at("href").text(kLongestLink) : "";
}

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

core::attempt::Part part_of(const Node& chunk, const ComponentOfPart& components) {
  core::attempt::Part part;
  part.component = chunk.at("part").text(256);
  if (const auto found = components.find(part.component); found != components.end())
    part.component = found->second;
  part.version = chunk.at("version").text(256);
  const Node artifacts = chunk.at("artifacts");
  if (artifacts.array().size() != 1) artifacts.refuse("must hold exactly one artifact");
  artifacts.each([&](const Node& artifact) {
    part.size = artifact.at("size").size();
    const Node hashes = artifact.at("hashes");
    if (const auto sha256 = hashes.maybe("sha256")) part.sha256 = sha256->sha256();
    if (const auto sha1 = hashes.maybe("sha1")) part.sha1 = lower_case(sha1->text(40));
    const bool plain_hex =
        part.sha1.size() == 40 && part.sha1.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (!plain_hex) part.sha1.clear();  // it becomes a file name
    if (part.sha256.empty() && part.sha1.empty()) hashes.refuse("must hold sha256 or sha1");
    const auto links = artifact.maybe("_links");
    part.url = href_of(links, "download");
    if (part.url.empty()) part.url = href_of(links, "download-http");
    if (part.url.empty()) artifact.refuse("has no download link");
  });
  return part;
}

}  // namespace

Result<PollAnswer> decode_poll(std::string_view text) {
  return decode<PollAnswer>(parse_json(text), [](const Node& root) {
    PollAnswer out;
    root.object();
    if (const auto config = root.maybe("config"))
      if (const auto polling = config->maybe("polling"))
        if (const auto sleep = polling->maybe("sleep"))
          if (const auto parsed = parse_hms(sleep->text(64))) out.sleep = *parsed;
    const auto links = root.maybe("_links");
    out.config_data = href_of(links, "configData");
    out.deployment = href_of(links, "deploymentBase");
    out.cancel = href_of(links, "cancelAction");
    out.confirmation = href_of(links, "confirmationBase");
    out.probe = href_of(links, "drayProbe");
    return out;
  });
}

Result<Deployment> decode_deployment(std::string_view text, const ComponentOfPart& components) {
  return decode<Deployment>(parse_json(text), [&](const Node& root) {
    Deployment out;
    out.order.action = id_of(root.at("id"));
    const Node deployment = root.at("deployment");
    out.fetch = deployment.at("download").text(32) != "skip";
    out.order.hold = deployment.at("update").text(32) == "skip";
    deployment.at("chunks").each(
        [&](const Node& chunk) { out.order.parts.push_back(part_of(chunk, components)); }, kMostChunks);
    return out;
  });
}

Result<ActionId> decode_cancel(std::string_view text) {
  return decode<ActionId>(parse_json(text),
                          [](const Node& root) { return id_of(root.at("cancelAction").at("stopId")); });
}

Result<ActionId> action_in_link(std::string_view href) {
  href = href.substr(0, href.find('?'));
  const auto slash = href.rfind('/');
  return parse_id(slash == std::string_view::npos ? href : href.substr(slash + 1));
}

std::string encode_config_data(const std::map<std::string, std::string>& data) {
  json::object members;
  for (const auto& [key, value] : data) members[key] = value;
  return to_text(json::object{{"mode", "merge"}, {"data", std::move(members)}});
}

std::string encode_feedback(ActionId action, const FeedbackBody& body) {
  json::object out{{"id", std::to_string(action.value())},
                   {"status", {{"execution", body.execution}, {"result", {{"finished", body.finished}}}}}};
  if (!body.sentence.empty())
    out["status"].as_object()["details"] = json::array{body.sentence.substr(0, 512)};
  json::object dray;
  for (const auto& [key, value] : body.dray) dray[key] = value;
  if (!dray.empty()) out["dray"] = std::move(dray);
  return to_text(out);
}

std::string encode_confirmation(const Confirmation& confirmation) {
  json::object out{{"confirmation", confirmation.confirmed ? "confirmed" : "denied"}};
  if (!confirmation.why.empty()) out["details"] = json::array{confirmation.why.substr(0, 512)};
  if (!confirmation.confirmed && !confirmation.answer.empty()) {
    json::object dray{{"answer", confirmation.answer}};
    if (confirmation.retry_after) dray["retry_after"] = confirmation.retry_after->count();
    if (!confirmation.why.empty()) dray["why"] = confirmation.why.substr(0, 512);
    out["dray"] = std::move(dray);
  }
  return to_text(out);
}

}  // namespace dray::wire::client
