#include "sim/fleet/catalog.h"

#include <algorithm>

#include "sim/trace.h"

namespace dray::sim::fleet {

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
  files_[kept.file] = &kept;
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
  if (device(name).type == kKiosk) return {rollout.images};
  std::vector<std::vector<const Image*>> out;
  for (const std::string_view component : {"os", "app"})
    for (const Image* image : rollout.images)
      if (image->component == component) out.push_back({image});
  return out;
}

std::string describe(const RolloutTruth& rollout) {
  std::string out = (rollout.id.empty() ? "r?" : rollout.id) + (rollout.transmit_at ? " push" : " pull");
  out += rollout.site.empty() ? " everywhere:" : " at " + rollout.site + ":";
  for (const Image* image : rollout.images) out += " " + image->file;
  if (rollout.transmit_at) out += ", transmitted " + to_rfc3339(*rollout.transmit_at);
  out += ", updated " + to_rfc3339(rollout.update_at) + ", expires " + to_rfc3339(rollout.expires_at);
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
