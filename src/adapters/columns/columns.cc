#include "adapters/columns/columns.h"

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <string_view>

#include "base/text.h"

namespace dray::adapters::rows {
namespace {

using wire::Node;
namespace json = boost::json;

// What a disk holds, in a sentence.
std::string shown(std::string_view text) {
  constexpr std::size_t kMostShown = 60;
  return "'" + clean_text(text, kMostShown) + "'";
}

json::array array_of(const std::vector<std::string>& items) {
  json::array out;
  for (const auto& item : items) out.emplace_back(item);
  return out;
}

template <class T, class F>
Result<T> read(const std::string& text, F f) {
  return wire::decode<T>(wire::parse_json(text), f);
}

// Members that a later version has written are passed over.
void keep(json::value& value, std::initializer_list<std::string_view> known) {
  if (!value.is_object()) return;
  json::object out;
  for (const std::string_view key : known)
    if (json::value* found = value.get_object().if_contains(key)) out[key] = std::move(*found);
  value = std::move(out);
}
void keep_in(json::value& value, std::string_view member, std::initializer_list<std::string_view> known) {
  json::value* found = value.is_object() ? value.get_object().if_contains(member) : nullptr;
  if (found == nullptr) return;
  if (found->is_array())
    for (json::value& item : found->get_array()) keep(item, known);
  else
    keep(*found, known);
}

// Of a list of values by their places: more than we know may follow.
const json::array& places(const Node& node, std::size_t least) {
  const json::array& out = node.array();
  if (out.size() < least) node.refuse("has fewer than " + std::to_string(least) + " values");
  return out;
}

std::vector<std::string> texts(const Node& node) {
  std::vector<std::string> out;
  node.each([&](const Node& n) { out.push_back(n.text()); });
  return out;
}

}  // namespace

std::string doc(const std::vector<std::string>& items) { return wire::to_text(array_of(items)); }

std::string doc(const std::map<std::string, std::string>& items) {
  json::object out;
  for (const auto& [key, value] : items) out[key] = value;
  return wire::to_text(out);
}

std::string doc(const std::vector<core::Components>& items) {
  json::array out;
  for (const auto& item : items) out.push_back(array_of(item));
  return wire::to_text(out);
}

std::string doc_steps(const std::vector<core::Step>& steps) {
  json::array out;
  for (const auto& step : steps) {
    json::array one;
    for (const Sha256& sha : step) one.emplace_back(sha.hex());
    out.push_back(std::move(one));
  }
  return wire::to_text(out);
}

std::string doc(const core::RunningByComponent& running) {
  json::object out;
  for (const auto& [component, r] : running) out[component] = json::array{r.version, r.sha256};
  return wire::to_text(out);
}

std::string doc(const core::Intervals& intervals) { return wire::to_text(wire::encode_intervals(intervals)); }
std::string doc(const std::vector<core::Window>& windows) {
  return wire::to_text(wire::encode_windows(windows));
}
std::string doc(const std::vector<core::BlackOut>& black_outs) {
  return wire::to_text(wire::encode_black_outs(black_outs));
}
std::string doc(const core::SiteLimits& limits) { return wire::to_text(wire::encode_limits(limits)); }

std::string doc(const wire::StorageReport& storage) {
  json::array artifacts;
  for (const auto& a : storage.artifacts)
    artifacts.push_back(json::array{a.sha256.hex(), a.bytes, a.verified});
  json::array out{storage.used, storage.quota, std::move(artifacts)};
  if (storage.damaged.empty()) return wire::to_text(out);
  json::array damaged;
  for (const auto& d : storage.damaged) damaged.push_back(json::array{d.sha256.hex(), d.times});
  out.push_back(std::move(damaged));
  return wire::to_text(out);
}

Result<std::vector<std::string>> strings(const std::string& text) {
  return read<std::vector<std::string>>(text, texts);
}

Result<std::vector<std::string>> other_names(const std::string& text) {
  return read<std::vector<std::string>>(text, wire::decode_other_names);
}

Result<std::map<std::string, std::string>> string_map(const std::string& text) {
  return read<std::map<std::string, std::string>>(text, [](const Node& node) {
    std::map<std::string, std::string> out;
    node.members([&](std::string_view key, const Node& n) { out[std::string{key}] = n.text(); });
    return out;
  });
}

Result<std::vector<core::Components>> string_lists(const std::string& text) {
  return read<std::vector<core::Components>>(text, [](const Node& node) {
    std::vector<core::Components> out;
    node.each([&](const Node& n) { out.push_back(texts(n)); });
    return out;
  });
}

Result<std::vector<core::Step>> steps(const std::string& text) {
  return read<std::vector<core::Step>>(text, [](const Node& node) {
    std::vector<core::Step> out;
    node.each([&](const Node& n) {
      core::Step step;
      n.each([&](const Node& sha) { step.push_back(sha.sha256()); });
      out.push_back(std::move(step));
    });
    return out;
  });
}

Result<core::RunningByComponent> running(const std::string& text) {
  return read<core::RunningByComponent>(text, [](const Node& node) {
    core::RunningByComponent out;
    node.members([&](std::string_view key, const Node& n) {
      const auto& pair = places(n, 2);
      out[std::string{key}] = {Node{pair[0], "version"}.text(), Node{pair[1], "sha256"}.text()};
    });
    return out;
  });
}

Result<core::Intervals> intervals(const std::string& text) {
  return read<core::Intervals>(text, wire::decode_intervals);
}

Result<core::SiteLimits> limits(const std::string& text) {
  DRAY_TRY(json::value value, wire::parse_json(text));
  keep(value, {"wan", "lan", "concurrency", "store"});
  for (const std::string_view member : {"wan", "lan"}) keep_in(value, member, {"from", "to", "rate"});
  return wire::decode<core::SiteLimits>(std::move(value), wire::decode_limits);
}

Result<std::vector<core::Window>> windows(const std::string& text) {
  return read<std::vector<core::Window>>(text, wire::decode_windows);
}
Result<std::vector<core::BlackOut>> black_outs(const std::string& text) {
  return read<std::vector<core::BlackOut>>(text, wire::decode_black_outs);
}

Result<core::PhaseTerms> phase_terms(const std::string& text) {
  DRAY_TRY(json::value value, wire::parse_json(text));
  keep(value, {"name", "filter", "percent", "count", "success", "failure", "soak", "approval"});
  keep_in(value, "success", {"percent", "count"});
  keep_in(value, "failure", {"percent", "count", "then"});
  return wire::decode<core::PhaseTerms>(std::move(value), wire::decode_phase);
}

Result<std::optional<wire::StorageReport>> storage(const std::string& text) {
  if (text.empty()) return std::optional<wire::StorageReport>{};
  return read<std::optional<wire::StorageReport>>(text, [](const Node& node) {
    wire::StorageReport out;
    const auto& parts = places(node, node.array().size() == 4 ? 4 : 3);
    out.used = Node{parts[0], "used"}.size();
    out.quota = Node{parts[1], "quota"}.size();
    Node{parts[2], "artifacts"}.each([&](const Node& n) {
      const auto& a = places(n, 3);
      out.artifacts.push_back(
          {Node{a[0], "sha256"}.sha256(), Node{a[1], "bytes"}.size(), Node{a[2], "verified"}.boolean()});
    });
    if (parts.size() == 4)
      Node{parts[3], "damaged"}.each([&](const Node& n) {
        const auto& d = places(n, 2);
        out.damaged.push_back({Node{d[0], "sha256"}.sha256(), Node{d[1], "times"}.integer(0, wire::kMostAttempt)});
      });
    return std::optional{std::move(out)};
  });
}

Result<core::Client> client_of(const std::string& text) {
  if (const auto known = core::parse_client(text)) return *known;
  return Error{ErrorCode::kInvalid, shown(text) + " is no client"};
}

namespace {

template <class T>
struct Word {
  std::string_view word;
  T value;
};

template <class T, std::size_t N>
Result<T> word_of(const Word<T> (&known)[N], const std::string& text, std::string_view what) {
  for (const Word<T>& one : known)
    if (one.word == text) return one.value;
  return Error{ErrorCode::kInvalid, shown(text) + " is no " + std::string{what}};
}

}  // namespace

Result<core::Ask> ask_of(const std::string& word) {
  static constexpr Word<core::Ask> kAll[]{{"confirmation", core::Ask::kConfirmation}, {"poll", core::Ask::kPoll}};
  return word_of(kAll, word, "way to ask");
}

Result<core::EndsOn> ends_on_of(const std::string& word) {
  static constexpr Word<core::EndsOn> kAll[]{{"power_on", core::EndsOn::kPowerOn}, {"closed", core::EndsOn::kClosed}};
  return word_of(kAll, word, "end of an update");
}

Result<core::BytesFrom> bytes_from_of(const std::string& word) {
  static constexpr Word<core::BytesFrom> kAll[]{{"gateway", core::BytesFrom::kGateway}, {"elsewhere", core::BytesFrom::kElsewhere}};
  return word_of(kAll, word, "source of a device's bytes");
}

Result<core::Delivery> delivery_of(const std::string& word) {
  static constexpr Word<core::Delivery> kAll[]{{"pull", core::Delivery::kPull}, {"push", core::Delivery::kPush}};
  return word_of(kAll, word, "delivery");
}

Result<core::Fetch> fetch_of(const std::string& word) {
  static constexpr Word<core::Fetch> kAll[]{
      {"at_update_time", core::Fetch::kAtUpdateTime}, {"hold", core::Fetch::kHold}, {"now", core::Fetch::kNow}};
  return word_of(kAll, word, "fetch");
}

Result<std::string> state_of(const std::string& word) {
  static constexpr Word<bool> kAll[]{{"scheduled", true}, {"held", true},     {"running", true}, {"soaking", true},
                                     {"paused", true},    {"finished", true}, {"aborted", true}, {"waiting_approval", true}};
  DRAY_CHECK(word_of(kAll, word, "state of a rollout"));
  return word;
}

Result<std::string> before_pause_of(const std::string& word) {
  if (word.empty()) return word;
  DRAY_CHECK(state_of(word));
  if (word != "paused" && word != "finished" && word != "aborted") return word;
  return Error{ErrorCode::kInvalid, shown(word) + " can't be paused"};
}

Result<core::Filter> filter_of(const std::string& text) { return core::parse_filter(text, core::kDeviceFields); }

Result<std::string> zone_of(const std::string& name) {
  const auto plain = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '+' || c == '-' || c == '/';
  };
  if (!name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), plain)) return name;
  return Error{ErrorCode::kInvalid, shown(name) + " is no time zone"};
}

Result<std::string> name_or_none(const std::string& name) {
  if (name.empty() || wire::is_device_name(name)) return name;
  return Error{ErrorCode::kInvalid, shown(name) + " is no name"};
}

namespace {
Result<std::string> digest_of(const std::string& text, std::size_t digits, std::string_view what) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (text.size() == digits && std::all_of(text.begin(), text.end(), is_digit)) return text;
  return Error{ErrorCode::kInvalid, shown(text) + " is no " + std::string{what}};
}
// As it is where cleaning would leave it so.
Result<std::string> plain_of(const std::string& text, std::string cleaned, std::string_view what) {
  if (cleaned == text) return text;
  return Error{ErrorCode::kInvalid, shown(text) + " is no " + std::string{what}};
}
}  // namespace

Result<std::string> file_name_of(const std::string& text) {
  if (wire::is_file_name(text)) return text;
  return Error{ErrorCode::kInvalid, shown(text) + " is no name of a file"};
}
Result<std::string> version_of(const std::string& text) {
  if (text.empty()) return Error{ErrorCode::kInvalid, "it is empty"};
  return plain_of(text, clean_characters(text, wire::kLongestVersion), "version");
}
Result<std::string> probe_of(const std::string& text) { return plain_of(text, clean_text(text, wire::kLongestWhy), "probe"); }
Result<std::string> name_of(const std::string& text) {
  if (wire::is_name(text)) return text;
  return Error{ErrorCode::kInvalid, shown(text) + " is no name"};
}
Result<std::string> device_name_of(const std::string& text) {
  if (wire::is_device_name(text)) return text;
  return Error{ErrorCode::kInvalid, shown(text) + " is no device's name"};
}
Result<std::string> sha1_of(const std::string& text) { return digest_of(text, 40, "SHA-1"); }
Result<std::string> md5_of(const std::string& text) { return digest_of(text, 32, "MD5"); }
Result<std::string> token_hash_of(const std::string& text) { return digest_of(text, 64, "SHA-256"); }

std::string doc(const core::PhaseTerms& phase) { return wire::to_text(wire::encode_phase(phase)); }

}  // namespace dray::adapters::rows

namespace dray::adapters::times {

using namespace rows;
namespace json = boost::json;

namespace {

// Lists of numbers by their places; more than we know may follow.
template <class T, class F>
Result<std::vector<T>> read(const std::string& text, std::size_t numbers, F make) {
  return wire::decode<std::vector<T>>(wire::parse_json(text), [&](const wire::Node& node) {
    std::vector<T> out;
    node.each([&](const wire::Node& item) {
      const json::array& values = item.array();
      if (values.size() < numbers) item.refuse("has fewer than " + std::to_string(numbers) + " numbers");
      std::vector<std::int64_t> n;
      for (std::size_t i = 0; i < numbers; ++i) n.push_back(wire::Node{values[i], item.path()}.integer());
      out.push_back(make(n));
    });
    return out;
  });
}

}  // namespace

std::string doc(const core::Intervals& intervals) {
  json::array out;
  for (const core::Interval& i : intervals) out.push_back(json::array{ms(i.from), ms(i.to)});
  return wire::to_text(out);
}
Result<core::Intervals> intervals(const std::string& text) {
  return read<core::Interval>(text, 2, [](const auto& n) { return core::Interval{wall(n[0]), wall(n[1])}; });
}

std::string doc(const std::vector<core::RateLimit>& shares) {
  json::array out;
  for (const core::RateLimit& s : shares)
    out.push_back(json::array{ms(s.from), ms(s.to), static_cast<std::int64_t>(s.rate)});
  return wire::to_text(out);
}
Result<std::vector<core::RateLimit>> shares(const std::string& text) {
  return read<core::RateLimit>(text, 3, [](const auto& n) {
    return core::RateLimit{wall(n[0]), wall(n[1]), static_cast<std::uint64_t>(n[2])};
  });
}

}  // namespace dray::adapters::times
