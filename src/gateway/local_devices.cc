// The devices in the local API: who was seen, and the word of the site's people that one agent calls again.
#include "gateway/local_answers.h"
#include "gateway/local_api.h"
#include "wire/limits.h"

namespace dray::gateway {
namespace {

namespace json = boost::json;

struct Word {
  std::string by, why;
};

Task<Result<Word>> read_word(HttpRequest& request) {
  const auto text = co_await read_wish_text(request);
  if (!text) co_return text.error();
  co_return wire::decode<Word>(wire::parse_json(*text), [](const wire::Node& n) {
    n.only({"by", "why"});
    return Word{line_or_empty(n, "by", wire::kLongestBy), line_or_empty(n, "why", wire::kLongestWhy)};
  });
}

// What is not as it should be with a device.
struct Oddness {
  json::value reason, sentence, since;  // null: nothing
};
Oddness oddness_of(const DeviceState& device, const std::optional<core::OtherType>& other, const std::string& lost) {
  if (device.boots.doubt)
    return {"two_agents", "Two agents seem to call under this name; nothing new begins before only one does.",
            json::value(to_rfc3339(device.boots.doubt->since))};
  if (other) return {"type_differs", json::value(core::sentence_of(*other)), nullptr};
  if (!lost.empty()) return {"stored_unreadable", json::value(lost), nullptr};
  if (!device.attributes_refused) return {};
  const std::string sentence = "It has more than " + std::to_string(wire::kMostAttributes) +
                               " attributes: those of its newest report were not taken, what runs there was.";
  return {"attributes_refused", json::value(sentence), nullptr};
}

}  // namespace

HttpResponse LocalApi::devices() const {
  json::array out;
  for (const auto& [name, device] : site_.devices()) {
    const Oddness odd = oddness_of(*device, site_.other_type_of(*device), site_.why_lost(*device));
    out.push_back({{"name", name},
                   {"in_plan", device->in_plan},
                   {"seen_at", maybe_time(device->seen_at)},
                   {"boot_id", device->boot_id},
                   {"status", site_.reported_status(*device)},
                   {"reason", odd.reason},
                   {"sentence", odd.sentence},
                   {"since", odd.since}});
  }
  return with_json(200, json::object{{"devices", std::move(out)}});
}

Task<HttpResponse> LocalApi::confirm_device(HttpRequest& request, std::string name) {
  const auto word = co_await read_word(request);
  if (!word) co_return refused(word.error());
  DeviceState* device = site_.find_device(name);
  if (device == nullptr) co_return problem(404, "Not Found", "there is no such device");
  site_.confirm_alone(*device, word->by, word->why);
  HttpResponse response = with_json(200, json::object{{"device", name}});
  co_return co_await durable(std::move(response));
}

}  // namespace dray::gateway
