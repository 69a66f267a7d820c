#include "wire/ddi_client.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "wire/json.h"

namespace dray::wire::client {
namespace {

constexpr std::size_t kMostChunks = 100;  // hawkBit's own limit of modules in a set
constexpr std::size_t kMostSentence = 512;  // of what we tell a server: hawkBit stores messages in pieces of so many

Result<ActionId> parse_id(std::string_view text) {
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc{} || end != text.data() + text.size() || id <= 0)
    return Error{ErrorCode::kInvalid, "\"" + clean_text(text, 40) + "\" is no action id"};
  return ActionId{id};
}

ActionId id_of(const Node& node) {  // hawkBit: a string; some servers: a number
  if (node.value().is_string()) {
    const auto id = parse_id(node.text(kLongestWord));
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
  part.component = chunk.at("part").text(kLongestTitle);
  if (const auto found = components.find(part.component); found != components.end())
    part.component = found->second;
  part.version = chunk.at("version").version();
  const Node artifacts = chunk.at("artifacts");
  if (artifacts.array().size() != 1) artifacts.refuse("must hold exactly one artifact");
  artifacts.each([&](const Node& artifact) {
    part.size = artifact.at("size").size(kMostSize);
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

// "[a-zA-Z0-9_\-!@#$%^&*()+=\[\]{}|;:'",.<>/\\?\s]*" is what hawkBit takes of an attribute.
std::string plain(std::string_view text) {
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view one = cut_characters(rest, 1);
    const bool known = one.size() == 1 && one[0] >= ' ' && one[0] <= '}' && one[0] != '`';
    out += known ? one[0] : '?';
    rest.remove_prefix(one.size());
  }
  return out;
}

json::array messages_of(std::string_view text) {
  json::array out;
  while (!text.empty() && out.size() < kMostDetails) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string line = clean_text(text.substr(0, end), kMostSentence);
    if (!line.empty()) out.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace

Result<PollAnswer> decode_poll(std::string_view text) {
  return decode<PollAnswer>(parse_json(text), [](const Node& root) {
    PollAnswer out;
    root.object();
    if (const auto config = root.maybe("config"))
      if (const auto polling = config->maybe("polling"))
        if (const auto sleep = polling->maybe("sleep"))
          if (const auto parsed = parse_hms(sleep->text(kLongestWord))) out.sleep = *parsed;
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
    out.fetch = deployment.at("download").text(kLongestWord) != "skip";
    out.order.hold = deployment.at("update").text(kLongestWord) == "skip";
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

std::string encode_config_data(const std::map<std::string, std::string>& data, ConfigMode mode) {
  json::object members;
  for (const auto& [key, value] : data)
    members[clean_characters(key, kLongestAttribute)] = clean_characters(value, kLongestAttribute);
  return to_text(json::object{{"mode", mode == ConfigMode::kReplace ? "replace" : "merge"}, {"data", std::move(members)}});
}

std::map<std::string, std::string> plain_attributes(const std::map<std::string, std::string>& data) {
  std::map<std::string, std::string> out;
  for (const auto& [key, value] : data)
    out[plain(clean_characters(key, kLongestAttribute))] = plain(clean_characters(value, kLongestAttribute));
  return out;
}

FeedbackBody reduced(FeedbackBody body) {
  body.sentence.clear();
  body.dray.erase("by");
  body.dray.erase("why");
  return body;
}

Confirmation reduced(Confirmation confirmation) {
  confirmation.why.clear();
  return confirmation;
}

std::string encode_feedback(ActionId action, const FeedbackBody& body) {
  json::object out{{"id", std::to_string(action.value())},
                   {"status", {{"execution", body.execution}, {"result", {{"finished", body.finished}}}}}};
  if (json::array messages = messages_of(body.sentence); !messages.empty())
    out["status"].as_object()["details"] = std::move(messages);
  json::object dray;
  for (const auto& [key, value] : body.dray) dray[key] = one_line(value, key == "by" ? kLongestBy : kLongestWhy);
  if (!dray.empty()) out["dray"] = std::move(dray);
  return to_text(out);
}

std::string encode_confirmation(const Confirmation& confirmation) {
  json::object out{{"confirmation", confirmation.confirmed ? "confirmed" : "denied"}};
  if (!confirmation.why.empty()) out["details"] = messages_of(confirmation.why);
  if (!confirmation.confirmed && !confirmation.answer.empty()) {
    json::object dray{{"answer", confirmation.answer}};
    if (confirmation.retry_after) dray["retry_after"] = confirmation.retry_after->count();
    if (!confirmation.why.empty()) dray["why"] = one_line(confirmation.why, kLongestWhy);
    out["dray"] = std::move(dray);
  }
  return to_text(out);
}

}  // namespace dray::wire::client
