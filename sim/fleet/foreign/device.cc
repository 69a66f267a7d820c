#include "sim/fleet/foreign/device.h"

#include "base/digest.h"
#include "sim/fleet/foreign/odd_text.h"

namespace dray::sim::fleet {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLargest = 1 << 20;

constexpr auto kOtherIsThere = 6h;  // and so long it is not: that there were two has an end

std::string without_query(const std::string& link) { return link.substr(0, link.find('?')); }

}  // namespace

ForeignDevice::ForeignDevice(World& world, Node& node, ForeignSettings settings)
    : world_{world},
      node_{node},
      settings_{std::move(settings)},
      random_{node.random().fork("foreign" + std::to_string(node.boots()))},
      http_{world.network(), node} {
  node.spawn(run(*this));
}

bool ForeignDevice::is_alone() const { return world_.now().time_since_epoch() / kOtherIsThere % 2 != 0; }

Task<> ForeignDevice::sleep(Duration time) {
  const SteadyTime until = node_.clock().steady() + time;
  [[maybe_unused]] const auto how = co_await node_.clock().sleep_until(until, never_);
}

Task<TextResponse> ForeignDevice::call(Method method, std::string url, std::string body, std::string range) {
  HttpRequest request{method, std::move(url)};
  request.headers.set("Authorization", settings_.authorization);
  request.headers.set("Accept", "application/json");
  if (!body.empty()) request.headers.set("Content-Type", "application/json");
  if (!range.empty()) request.headers.set("Range", range);
  auto answer = co_await exchange(http_, std::move(request), std::move(body), kLargest, never_);
  TextResponse nothing;
  co_return answer ? std::move(*answer) : std::move(nothing);
}

Task<> ForeignDevice::run(ForeignDevice& self) {
  Duration first = self.random_.up_to(self.settings_.polls);
  co_await self.sleep(first);
  for (;;) {
    const SteadyTime now = self.world_.now();
    if (now >= self.settings_.off_from && now < self.settings_.off_until) {
      if (self.settings_.off_until == kSteadyMax) co_return;
      co_await self.sleep(self.settings_.off_until - now);
    }
    ++self.visits_;
    co_await self.come();
    const Duration most = self.has(Habit::kPollsRarely) ? Duration{6h} : Duration{self.settings_.polls / 10};
    const Duration pause = self.settings_.polls + self.random_.up_to(most);
    co_await self.sleep(pause);
  }
}

Task<> ForeignDevice::come() {
  const TextResponse answer = co_await call(Method::kGet, settings_.base, "", "");
  if (answer.status != 200) co_return;
  const auto poll = wire::client::decode_poll(answer.body);
  if (!poll) co_return;
  const bool talks = has(Habit::kOddTexts) || has(Habit::kOddVersions) || has(Habit::kOtherBoots) || has(Habit::kOddNumbers);
  if (!poll->config_data.empty()) {
    co_await describe_itself(poll->config_data);
  } else if (talks && random_.one_in(6)) {
    co_await describe_itself(settings_.base + "/configData");
  }
  if (has(Habit::kWrongActions) && random_.one_in(4)) co_await say_wrong_things();
  if (!poll->cancel.empty()) {
    co_await say(poll->cancel, "closed", "success");
  } else if (!poll->confirmation.empty()) {
    [[maybe_unused]] const TextResponse taken = co_await call(
        Method::kPost, without_query(poll->confirmation) + "/feedback", R"({"confirmation":"confirmed","details":["yes"]})", "");
  } else if (!poll->deployment.empty()) {
    co_await work(poll->deployment);
  }
}

Task<> ForeignDevice::work(std::string link) {
  const std::string place = without_query(link);
  if (has(Habit::kNeverFetches)) co_return;
  if (place == done_) {  // its end was not heard, or not believed: said once more
    co_await say(place, "closed", "success");
    co_return;
  }
  const TextResponse answer = co_await call(Method::kGet, link, "", "");
  if (answer.status != 200) co_return;
  const auto order = wire::client::decode_deployment(answer.body, {});
  if (!order) co_return;
  co_await say(place, "proceeding", "none");
  if (has(Habit::kOddTexts) && random_.one_in(3)) {
    co_await say(place, "closed", "failure");
    co_return;
  }
  for (const auto& part : order->order.parts) {
    if (has(Habit::kClosesUnfetched)) break;
    const bool whole = co_await fetch(part);
    if (!whole) co_return;
  }
  done_ = place;
  co_await say(place, "closed", "success");
}

// Resumed a few times; what is not whole then is begun anew at a later poll.
Task<bool> ForeignDevice::fetch(const core::attempt::Part& part) {
  std::string bytes;
  for (int tries = 0; tries < 4 && bytes.size() < part.size; ++tries) {
    const std::string range = bytes.empty() ? "" : "bytes=" + std::to_string(bytes.size()) + "-";
    const TextResponse answer = co_await call(Method::kGet, part.url, "", range);
    if (answer.status == 200) bytes = answer.body;
    if (answer.status == 206) bytes += answer.body;
    if (answer.status != 200 && answer.status != 206) break;
  }
  co_return bytes.size() == part.size && sha256_of(as_bytes(bytes)) == part.sha256;
}

std::string ForeignDevice::feedback(ActionId action, std::string_view execution, std::string_view finished) {
  const bool numbers = has(Habit::kOddNumbers), texts = has(Habit::kOddTexts);
  std::string out = R"({"id":")" + std::to_string(action.value()) + R"(","status":{"execution":")" + std::string{execution} +
                    R"(","result":{"finished":")" + std::string{finished} + "\"";
  if (numbers) out += ",\"progress\":{\"cnt\":" + odd_number(random_) + ",\"of\":" + odd_number(random_) + "}";
  out += "}";
  if (numbers && random_.one_in(2)) out += ",\"code\":" + odd_number(random_);
  out += ",\"details\":[";
  const auto lines = texts ? random_.uniform(4) : 1;
  for (std::uint64_t i = 0; i < lines; ++i)
    out += (i == 0 ? "" : ",") + odd_json(random_, texts ? odd_text(random_) : "working");
  out += "]}";
  if (texts && random_.one_in(3))
    out += ",\"dray\":{\"why\":" + odd_json(random_, odd_text(random_)) + ",\"by\":" + odd_json(random_, odd_text(random_)) + "}";
  if (numbers && random_.one_in(2)) {
    static constexpr std::string_view kUntil[] = {"9999-12-31T23:59:59-10:00", "0000-01-01T00:00:00+10:00",
                                                  "2026-02-30T12:00:00Z", "9999-12-31T23:59:59Z"};
    out += R"(,"dray":{"answer":"busy","until":")" + std::string{kUntil[random_.uniform(std::size(kUntil))]} + "\"}";
  }
  return out + "}";
}

Task<> ForeignDevice::say(const std::string& link, std::string_view execution, std::string_view finished) {
  const std::string url = without_query(link) + "/feedback";
  const auto action = wire::client::action_in_link(link);
  const int times = !has(Habit::kRepeatsFeedback) ? 1 : execution == "closed" ? 3 : 2;
  for (int i = 0; i < times; ++i) {
    std::string body = feedback(action ? *action : ActionId{}, execution, finished);
    [[maybe_unused]] const TextResponse taken = co_await call(Method::kPost, url, std::move(body), "");
  }
}

Task<> ForeignDevice::say_wrong_things() {
  static constexpr std::string_view kIds[] = {"1",  "0",   "-1",  "101", "102", "2147483647", "9223372036854775807",
                                              "9223372036854775808", "abc", "%00", "103",     "1000101"};
  static constexpr std::string_view kKinds[] = {"deploymentBase", "cancelAction", "confirmationBase"};
  const std::string url = settings_.base + "/" + std::string{kKinds[random_.uniform(std::size(kKinds))]} + "/" +
                          std::string{kIds[random_.uniform(std::size(kIds))]} + "/feedback";
  std::string body = random_.one_in(3) ? R"({"confirmation":"denied"})" : feedback(ActionId{1}, "closed", "success");
  [[maybe_unused]] const TextResponse taken = co_await call(Method::kPost, url, std::move(body), "");
}

std::string ForeignDevice::attributes() {
  std::string out = R"("serial":"0815")";
  const auto add = [&](std::string_view key, const std::string& value) { out += ",\"" + std::string{key} + "\":" + value; };
  if (has(Habit::kOddTexts)) add("ort", odd_json(random_, random_.one_in(2) ? "K\xc3\xb6ln" : odd_text(random_)));
  if (has(Habit::kOddVersions)) {
    add("dray.version.os", odd_json(random_, odd_version(random_)));
    add("hw", odd_json(random_, odd_version(random_)));
  }
  if (has(Habit::kOtherBoots)) add("dray.boot_id", visits_ % 2 == 0 || is_alone() ? "\"boot-a\"" : "\"boot-b\"");
  if (has(Habit::kOddNumbers)) add("count", odd_number(random_));
  return out;
}

Task<> ForeignDevice::describe_itself(std::string link) {
  std::string body = R"({"mode":"merge","data":{)" + attributes() + "}}";
  const TextResponse taken = co_await call(Method::kPut, link, std::move(body), "");
  if (taken.status == 200) co_return;
  std::string plain = R"({"data":{"serial":"0815"}})";  // its maker has thought of that
  [[maybe_unused]] const TextResponse second = co_await call(Method::kPut, std::move(link), std::move(plain), "");
}

}  // namespace dray::sim::fleet
