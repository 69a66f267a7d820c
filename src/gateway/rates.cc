#include "gateway/rates.h"

#include <cmath>

#include "gateway/documents/stored.h"

namespace dray::gateway {
namespace {

constexpr double kRelevant = 0.1;  // a change of a tenth
constexpr std::chrono::hours kStale{1};

// "wan/45", "lan/till-014/45"
std::string document_id(const DeviceId& device, int hour) {
  return (device.empty() ? "wan/" : "lan/" + device.value() + "/") + std::to_string(hour);
}

bool differs(std::uint64_t a, std::uint64_t b) {
  const auto x = static_cast<double>(a), y = static_cast<double>(b);
  return std::abs(x - y) > kRelevant * std::max(x, y);
}

bool is_news(const core::HourRate& told, const core::HourRate& now) {
  return told.capped != now.capped || differs(told.value, now.value) || differs(told.low, now.low) ||
         now.samples >= 2 * told.samples || now.newest - told.newest >= kStale;
}

}  // namespace

Result<> Rates::restore(const Document& document) {
  const std::size_t slash = document.id.rfind('/');
  const std::string link = document.id.substr(0, slash);
  const DeviceId device{link.starts_with("lan/") ? link.substr(4) : std::string{}};
  DRAY_TRY(auto rate, documents::read_rate(document.text));
  if (rate.own) links_[device].put({rate.hour, false}, std::move(*rate.own));
  if (rate.capped) links_[device].put({rate.hour, true}, std::move(*rate.capped));
  return {};
}

void Rates::take(const DeviceId& device, const core::RatePiece& piece) {
  if (!site_.time().known()) return;
  const WallTime now = site_.now();
  links_[device].add({piece.bytes, piece.took, now, piece.capped});
  changed_.insert({device, core::hour_of_week(now)});
}

// Devices that have left the site take their rates with them.
void Rates::drop_strangers() {
  if (site_.plan_etag().empty()) return;
  for (auto link = links_.begin(); link != links_.end();) {
    const DeviceId& device = link->first;
    if (device.empty() || site_.plan().device(device) != nullptr) {
      ++link;
      continue;
    }
    for (const auto& [key, cell] : link->second.cells())
      site_.save({Write::erase(kind::kRate, document_id(device, key.hour))});
    std::erase_if(changed_, [&](const Hour& h) { return h.device == device; });
    std::erase_if(told_, [&](const auto& entry) { return entry.first.device == device; });
    link = links_.erase(link);
  }
}

void Rates::keep() {
  if (changed_.empty()) return;  // the end of one of a thousand small ranges
  drop_strangers();
  for (const Hour& hour : std::exchange(changed_, {})) {
    const core::RateHistory& history = links_[hour.device];
    documents::RateRecord record{hour.hour, {}, {}};
    const auto& cells = history.cells();
    if (const auto own = cells.find({hour.hour, false}); own != cells.end()) record.own = own->second;
    if (const auto capped = cells.find({hour.hour, true}); capped != cells.end()) record.capped = capped->second;
    site_.save({Write::put(kind::kRate, document_id(hour.device, hour.hour), documents::write_rate(record))});
    const auto rate = history.hour(hour.hour, site_.now());
    if (!rate) continue;
    const auto told = told_.find(hour);
    if (told != told_.end() && !is_news(told->second, *rate)) continue;
    told_.insert_or_assign(hour, *rate);
    site_.report(report_of(hour.device, *rate));
  }
}

wire::RateReport Rates::report_of(const DeviceId& device, const core::HourRate& hour) const {
  wire::RateReport out;
  out.link = device.empty() ? "wan" : "lan";
  out.device = device;
  out.hour_of_week = hour.hour;
  out.rate = hour.value;
  out.low = hour.low;
  out.samples = std::max<std::int64_t>(1, std::llround(hour.samples));
  out.age =
      std::max<std::int64_t>(0, std::chrono::floor<std::chrono::seconds>(site_.now() - hour.newest).count());
  out.capped = hour.capped;
  return out;
}

std::vector<wire::ReportBody> Rates::reports() const {
  std::vector<wire::ReportBody> out;
  for (const auto& [device, history] : links_)
    for (const core::HourRate& hour : history.hours(site_.now())) out.emplace_back(report_of(device, hour));
  return out;
}

std::optional<core::LinkRate> Rates::measured(const DeviceId& device) const {
  const auto found = links_.find(device);
  if (found == links_.end()) return {};
  const WallTime now = site_.now();
  const auto hours = found->second.hours(now);
  return core::estimate_rate(hours, core::hour_of_week(now), now);
}

std::optional<std::uint64_t> Rates::lowest(bool wan) const {
  std::optional<std::uint64_t> out;
  for (const auto& [device, history] : links_) {
    if (device.empty() != wan) continue;
    for (const core::HourRate& hour : history.hours(site_.now()))
      if (hour.low > 0) out = out ? std::min(*out, hour.low) : hour.low;
  }
  return out;
}

std::optional<WallTime> Rates::newest(const DeviceId& device) const {
  const auto found = links_.find(device);
  return found == links_.end() ? std::nullopt : found->second.newest();
}

core::LinkRate Rates::wan() const { return measured(DeviceId{}).value_or(core::guess_rate(true)); }

// All at once: a prior asks every sibling.
std::map<DeviceId, core::LinkRate> Rates::devices() const {
  std::map<DeviceId, core::LinkRate> out;
  std::map<std::string, std::vector<std::uint64_t>> of_type;
  std::vector<std::uint64_t> of_site;
  const auto& planned = site_.plan().plan().devices;
  for (const core::Device& device : planned) {
    const auto own = measured(device.name);
    if (!own) continue;
    out[device.name] = *own;
    of_type[device.type].push_back(own->value);
    of_site.push_back(own->value);
  }
  for (const core::Device& device : planned) {
    if (out.contains(device.name)) continue;
    const auto alike = of_type.find(device.type);
    out[device.name] = alike != of_type.end() ? core::assume_rate(alike->second, core::PriorOf::kTypeAtSite)
                       : of_site.empty()      ? core::guess_rate(false)
                                              : core::assume_rate(of_site, core::PriorOf::kSite);
  }
  return out;
}

}  // namespace dray::gateway
