// What devices were sent, and so whether a device that says "done" can have the update at all.
//
// Remembered with each device, across attempts, jobs and restarts. What a gateway before this one sent is not known: of
// the artifacts that the plan had when this one took its place, the device's word counts.
#include <algorithm>
#include <map>

#include "base/bytes.h"
#include "gateway/documents/records.h"
#include "gateway/site.h"

namespace dray::gateway {
namespace {

constexpr std::string_view kSentBefore = "sent_before";

}  // namespace

core::BytesSent Site::bytes_of(const core::Job& job, const DeviceState& device) const {
  if (job.step >= job.terms.steps.size()) return core::BytesSent::kUnknown;
  const auto& step = job.terms.steps[job.step];
  const auto any = [&](auto fits) { return std::any_of(step.begin(), step.end(), fits); };
  if (any([&](const core::StepArtifact& a) { return a.size == 0 || device.has_received(a.sha256); }))
    return core::BytesSent::kSome;
  const bool before = sent_before_ && any([&](const core::StepArtifact& a) { return sent_before_->contains(a.sha256); });
  return before ? core::BytesSent::kUnknown : core::BytesSent::kNone;
}

bool Site::note_asked_for(DeviceState& device, const Sha256& sha) {
  if (device.has_received(sha)) return false;
  device.received.push_back(sha);
  if (device.received.size() > documents::kMostReceived) device.received.erase(device.received.begin());
  save_device(device, {document_of(device)});
  return true;
}

// Data of a program that did not remember this yet, or a memory with a hole: as where another gateway was here before.
void Site::restore_sent_before() {
  if (sent_before_ && !memory_damaged_) return;
  doubt_memory();
}

void Site::doubt_memory() {
  if (!sent_before_) sent_before_.emplace();
  for (const core::Artifact& artifact : plan_.plan().artifacts) sent_before_->insert(artifact.sha256);
  for (const auto& [id, job] : jobs())
    for (const auto& step : job.terms.steps)
      for (const core::StepArtifact& artifact : step) sent_before_->insert(artifact.sha256);
  save({Write::put(kind::kMeta, std::string{kSentBefore}, documents::write_sent_before(*sent_before_))});
}

// What neither the plan nor a job has any longer is forgotten: if it comes again, it comes through this gateway.
void Site::prune_sent_before() {
  const auto& artifacts = plan_.plan().artifacts;
  const auto is_gone = [&](const Sha256& sha) {
    return !is_referenced(sha) && std::none_of(artifacts.begin(), artifacts.end(), [&](const core::Artifact& a) { return a.sha256 == sha; });
  };
  if (sent_before_ && std::erase_if(*sent_before_, is_gone) > 0)
    save({Write::put(kind::kMeta, std::string{kSentBefore}, documents::write_sent_before(*sent_before_))});
}

std::uint64_t Site::store_quota() const {
  const std::uint64_t own = parts_.settings.store_quota, planned = plan_.plan().limits.store;
  return planned == 0 ? own : std::min(own, planned);
}

std::string Site::quota_lack(std::uint64_t needed) const {
  const std::uint64_t quota = store_quota();
  return "its quota lacks " + human_bytes(needed - quota) + ": it is " + human_bytes(quota) + ", and what is needed takes " + human_bytes(needed);
}

// All steps of a device lie in the store at once, because what an open job refers to stays there. Where they can't, it is said
// before the first of them begins: afterwards the device would be left with a mix.
core::Lack Site::lack_of_room(const core::Job& job) const {
  if (job.terms.steps.size() < 2 || job.step > 0 || job.begun_at || core::has_started(job) || core::is_final(job)) return {};
  std::map<Sha256, std::uint64_t> all;
  for (const auto& step : job.terms.steps)
    for (const core::StepArtifact& artifact : step) {
      all[artifact.sha256] = artifact.size;
      if (parts_.stored(artifact.sha256)) continue;
      if (core::Lack lack = lack_of(artifact); lack.kind == core::Lack::Kind::kNoRoom) return lack;
    }
  std::uint64_t needed = 0;
  for (const auto& [sha, size] : all) needed += size;
  if (needed <= store_quota()) return {};
  return {core::Lack::Kind::kNoRoom, core::all_versions(job.terms), quota_lack(needed)};
}

// It has the bytes, and restarts some time; what it then runs many clients say only when they are asked. Ours says it by
// itself.
bool Site::waits_for_version(const core::Job& job) const {
  const bool restarts = std::holds_alternative<core::Restarting>(job.phase);
  return (is_foreign(job) && (restarts || std::holds_alternative<core::Installing>(job.phase))) || (job.terms.closes_early && restarts);
}

bool Site::waits_for_version(const DeviceState& device) const {
  return std::any_of(device.jobs.begin(), device.jobs.end(), [&](const JobId& id) {
    const core::Job* job = find_job(id);
    return job != nullptr && waits_for_version(*job);
  });
}

// A client's way to name what it runs: an artifact by its name or its component, with its version.
bool Site::installed_reported(DeviceState& device, const std::string& name, const std::string& version) {
  const core::DeviceType* type = plan_.type_of(device.name);
  if (type == nullptr) return false;
  const auto& artifacts = plan_.plan().artifacts;
  const auto found = std::find_if(artifacts.begin(), artifacts.end(), [&](const core::Artifact& a) {
    const auto& fits = type->components;
    return a.version == version && (a.name == name || a.component == name) && std::find(fits.begin(), fits.end(), a.component) != fits.end();
  });
  if (found == artifacts.end()) return false;
  const auto known = device.running.find(found->component);
  const bool same = device.installed_name == name && device.installed_version == version &&
                    known != device.running.end() && known->second.version == version;
  if (same) return true;  // said at each poll, perhaps
  device.installed_name = name;
  device.installed_version = version;
  device.installed[found->component] = version;
  device.running[found->component] = {version, ""};
  save_device(device, {document_of(device)});
  report(device_report(device));
  const auto order = device.jobs;
  for (const JobId& id : order) apply_one(id, core::PowerOn{device.boot_id, device.running});
  bump(device);
  refresh(device);
  return true;
}

}  // namespace dray::gateway
