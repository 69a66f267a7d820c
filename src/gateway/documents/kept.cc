#include "gateway/documents/kept.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

namespace dray::gateway::documents {
namespace {

constexpr std::size_t kDigits = 12;  // of a number, so that they sort as they count

struct Place {
  std::string kind, id;
  std::uint64_t number = 0;
};

// "job/000000000007/r1-till-014", or "job/r1-till-014".
Place place_of(std::string_view stored_as) {
  const auto slash = stored_as.find('/');
  if (slash == std::string_view::npos) return {std::string{stored_as}, "", 0};
  const std::string_view rest = stored_as.substr(slash + 1);
  Place out{std::string{stored_as.substr(0, slash)}, std::string{rest}, 0};
  if (rest.size() <= kDigits || rest[kDigits] != '/') return out;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + kDigits, number);
  if (error != std::errc{} || end != rest.data() + kDigits) return out;
  return {std::move(out.kind), std::string{rest.substr(kDigits + 1)}, number};
}

std::string stored_as(const std::string& kind, const std::string& id, std::uint64_t number) {
  std::string digits = std::to_string(number);
  digits.insert(0, kDigits - std::min(kDigits, digits.size()), '0');
  return kind + "/" + digits + "/" + id;
}

}  // namespace

void Kept::restore(const Document& kept) {
  Place place = place_of(kept.id);
  One& one = kinds_[place.kind][place.id];
  if (!one.stored_as.empty()) {  // twice: the newer one stays
    const bool newer = place.number > one.number;
    gone_.push_back(Write::erase(kind::kUnreadable, newer ? one.stored_as : kept.id));
    if (!newer) return;
  }
  one = {place.number, kept.id, kept.text};
  last_ = std::max(last_, place.number);
}

void Kept::add(const Document& unreadable, bool stays) {
  auto& all = kinds_[unreadable.kind];
  if (stays && all.size() >= kMostKept && !all.contains(unreadable.id)) return;
  One& one = all[unreadable.id];
  if (!one.stored_as.empty() && one.text == unreadable.text) return;
  if (!one.stored_as.empty()) gone_.push_back(Write::erase(kind::kUnreadable, one.stored_as));
  one = {++last_, "", unreadable.text};
}

Writes Kept::writes() {
  Writes out = std::move(gone_);
  for (auto& [kind, all] : kinds_) {
    std::vector<std::pair<std::uint64_t, std::string>> order;
    for (const auto& [id, one] : all) order.emplace_back(one.number, id);
    std::sort(order.begin(), order.end());
    const std::size_t most = std::min(order.size(), kMostKept), gone = order.size() - most;
    if (gone > 0) dropped_[kind] = gone;
    for (std::size_t i = 0; i < order.size(); ++i) {
      One& one = all[order[i].second];
      const bool goes = i < gone;
      if (goes && !one.stored_as.empty()) out.push_back(Write::erase(kind::kUnreadable, one.stored_as));
      if (!goes && one.stored_as.empty()) {
        one.stored_as = stored_as(kind, order[i].second, one.number);
        out.push_back(Write::put(kind::kUnreadable, one.stored_as, one.text));
      }
      if (goes) all.erase(order[i].second);
    }
  }
  return out;
}

}  // namespace dray::gateway::documents
