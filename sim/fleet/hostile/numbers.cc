#include "sim/fleet/hostile/numbers.h"

#include <limits>

#include "sim/fleet/foreign/odd_text.h"
#include "wire/json.h"

namespace dray::sim::fleet {
namespace {

using wire::json::value;

constexpr std::size_t kLargest = 16 << 20;
constexpr std::string_view kMost = "9223372036854775807";

// Entries whose loss harms nobody, with a number that can't be.
std::string spoiled(const std::string& text) {
  auto parsed = wire::parse_json(text);
  if (!parsed || !parsed->is_array()) return text;
  bool any = false;
  for (value& entry : parsed->as_array()) {
    auto* object = entry.if_object();
    if (object == nullptr || !object->contains("kind")) continue;
    const value& kind = object->at("kind");
    // Read before a member is added, which moves all of them.
    const bool rate = kind == "rate", log = kind == "log";
    constexpr std::int64_t kLargestNumber = std::numeric_limits<std::int64_t>::max();
    if (rate) (*object)["age"] = kLargestNumber;
    if (log) (*object)["attempt"] = kLargestNumber;
    any = any || rate || log;
  }
  return any ? wire::to_text(*parsed) : text;
}

class SpoiledBody final : public BodySource {
 public:
  explicit SpoiledBody(std::shared_ptr<BodySource> inner) : inner_{std::move(inner)} {}
  Task<Result<ByteView>> read() override {
    if (done_) co_return ByteView{};
    done_ = true;
    auto all = co_await read_all(*inner_, kLargest);
    if (!all) co_return all.error();
    text_ = spoiled(*all);
    co_return as_bytes(text_);
  }

 private:
  std::shared_ptr<BodySource> inner_;
  std::string text_;
  bool done_ = false;
};

}  // namespace

void HostileNumbers::heard(const std::string& gateway, const HttpRequest& request) { headers_[gateway] = request.headers; }

std::shared_ptr<BodySource> HostileNumbers::in_place(std::shared_ptr<BodySource> body) {
  return std::make_shared<SpoiledBody>(std::move(body));
}

void HostileNumbers::post(const std::string& gateway) {
  const auto found = headers_.find(gateway);
  if (found == headers_.end()) return;
  HttpRequest request{Method::kPost, "http://server/gateway/v1/reports"};
  for (const auto& item : found->second)
    if (item.name != "Host" && item.name != "Content-Length") request.headers.set(item.name, item.value);
  const bool place = random_.one_in(3);
  const std::string epoch = place ? "1" : std::string{kMost}, seq = place ? std::string{kMost} : "1";
  std::string body = "[{\"epoch\":" + epoch + ",\"seq\":" + seq +
                     R"(,"at":"2026-11-24T12:00:00Z","kind":"rate","link":"wan","device":null,"hour_of_week":5,"rate":)" +
                     odd_number(random_) + ",\"low\":1,\"samples\":1,\"age\":" + odd_number(random_) +
                     R"(,"assumed":false,"capped":false}])";
  people_.spawn(send(*this, std::move(request), std::move(body)));
}

Task<> HostileNumbers::send(HostileNumbers& self, HttpRequest request, std::string body) {
  [[maybe_unused]] const auto answer = co_await exchange(self.http_, std::move(request), std::move(body), kLargest, self.never_);
}

}  // namespace dray::sim::fleet
