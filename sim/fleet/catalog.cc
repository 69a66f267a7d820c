#include "sim/fleet/catalog.h"

#include <algorithm>
#include <cstdio>

#include "sim/trace.h"

namespace dray::sim::fleet {
namespace {

bool is_in(const std::vector<DailyWindow>& windows, const SiteTruth& site, WallTime at) {
  if (windows.empty()) return true;
  const WallTime local = at + site.zone.offset;
  const auto minute =
      std::chrono::duration_cast<std::chrono::minutes>(local - std::chrono::floor<std::chrono::days>(local)).count();
  return std::any_of(windows.begin(), windows.end(), [&](const DailyWindow& w) {
    return w.from < w.to ? minute >= w.from && minute < w.to : minute >= w.from || minute < w.to;
  });
}

}  // namespace

bool Catalog::may_transfer(const RolloutTruth& rollout, const std::string& site, WallTime at) const {
  const auto found = sites_.find(site);
  const bool open = found == sites_.end() || is_in(found->second.transfer, found->second, at);
  return open && core::permits(rollout.transfer, at);
}

bool Catalog::may_update(const RolloutTruth& rollout, const std::string& site, WallTime at) const {
  const auto found = sites_.find(site);
  const bool open = found == sites_.end() || is_in(found->second.update, found->second, at);
  return open && core::permits(rollout.update, at);
}

const Image& Catalog::add_image(std::string component, std::string version, std::size_t size) {
  Image image;
  image.component = std::move(component);
  image.version = std::move(version);
  image.file = image.component + "-" + image.version + ".img";
  image.bytes.resize(size);
  SimRandom random{fnv1a(image.file)};
  random.fill(std::as_writable_bytes(std::span{image.bytes}));
  image.sha256 = sha256_of(as_bytes(image.bytes));
  const std::string hex = image.sha256.hex();
  const Image& kept = images_[hex] = std::move(image);
  files_.insert_or_assign(kept.file, &kept);
  sizes_.emplace(kept.bytes.size(), &kept);
  return kept;
}

const Image* Catalog::image(const std::string& sha256) const {
  const auto found = images_.find(sha256);
  return found == images_.end() ? nullptr : &found->second;
}

const Image* Catalog::image_of_bytes(std::string_view bytes) const {
  const auto [first, last] = sizes_.equal_range(bytes.size());
  for (auto it = first; it != last; ++it)
    if (it->second->bytes == bytes) return it->second;
  return nullptr;
}

const Image* Catalog::image_of_file(const std::string& file) const {
  const auto found = files_.find(file);
  return found == files_.end() ? nullptr : found->second;
}

RolloutTruth& Catalog::ask_for(RolloutTruth rollout) {
  rollouts_.push_back(std::make_unique<RolloutTruth>(std::move(rollout)));
  return *rollouts_.back();
}

const RolloutTruth* Catalog::rollout_of(const Image& image) const {
  for (const auto& rollout : rollouts_)
    if (std::find(rollout->images.begin(), rollout->images.end(), &image) != rollout->images.end())
      return rollout.get();
  return nullptr;
}

const RolloutTruth* Catalog::rollout_of_job(const std::string& job) const {
  const std::string id = job.substr(0, job.find('-'));
  for (const auto& rollout : rollouts_)
    if (rollout->id == id) return rollout.get();
  return !rollouts_.empty() && rollouts_.back()->id.empty() ? rollouts_.back().get() : nullptr;
}

bool Catalog::concerns(const RolloutTruth& rollout, const std::string& name) const {
  return rollout.site.empty() || device(name).site == rollout.site;
}

std::vector<std::vector<const Image*>> Catalog::steps(const RolloutTruth& rollout,
                                                      const std::string& name) const {
  if (device(name).type != kTill) return {rollout.images};
  std::vector<std::vector<const Image*>> out;
  for (const std::string_view component : {"os", "app"})
    for (const Image* image : rollout.images)
      if (image->component == component) out.push_back({image});
  return out;
}

std::string Catalog::describe_sites() const {
  std::string out;
  for (const auto& [name, site] : sites_) {
    out += name + " in " + std::string{site.zone.name};
    const auto add = [&](const char* what, const std::vector<DailyWindow>& windows) {
      out += std::string{", "} + what + (windows.empty() ? " always" : "");
      for (const DailyWindow& w : windows) out += " " + to_text(w);
    };
    add("transfer", site.transfer);
    add("update", site.update);
    out += "\n";
  }
  return out;
}

std::string to_text(const DailyWindow& w) {
  char text[64];
  std::snprintf(text, sizeof text, "%02d:%02d-%02d:%02d", w.from / 60, w.from % 60, w.to / 60, w.to % 60);
  return text;
}

std::string describe(const RolloutTruth& rollout) {
  std::string out = (rollout.id.empty() ? "r?" : rollout.id) + (rollout.delivery == core::Delivery::kPush ? " push" : " pull");
  out += rollout.site.empty() ? " everywhere:" : " at " + rollout.site + ":";
  for (const Image* image : rollout.images) out += " " + image->file;
  if (rollout.automatic) out += ", at times that the server computes, from";
  if (rollout.transmit_at) out += ", transmitted " + to_rfc3339(*rollout.transmit_at);
  out += (rollout.automatic ? " " : ", updated ") + to_rfc3339(rollout.update_at) + ", expires " + to_rfc3339(rollout.expires_at);
  const auto add = [&](const std::string& what, const core::Intervals& intervals) {
    if (intervals.empty()) return;
    out += "\n    " + what;
    for (const auto& one : intervals) out += " " + to_rfc3339(one.from) + "/" + to_rfc3339(one.to);
  };
  add("transfer", rollout.transfer);
  add("update", rollout.update);
  return out;
}

std::string device_of_job(const std::string& job) { return job.substr(job.find('-') + 1); }

}  // namespace dray::sim::fleet
