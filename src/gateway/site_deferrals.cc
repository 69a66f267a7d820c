// What was put off at the site itself. It is the gateway's own, and the server only knows of it: a gateway that takes the
// place of another one gets it back with the plan, and updates no device against it.
#include <algorithm>

#include "gateway/documents/records.h"
#include "gateway/site.h"

namespace dray::gateway {
namespace {

constexpr std::string_view kWithdrawn = "withdrawn";
// How long a deferral may stand of which nobody can read until when.
constexpr std::chrono::hours kUnknownUntil{366 * 24};

}  // namespace

std::vector<core::Deferral> Site::local_deferral_list() const {
  std::vector<core::Deferral> out;
  for (const auto& [id, deferral] : local_deferrals_) out.push_back(deferral);
  return out;
}

void Site::add_deferral(core::Deferral deferral) {
  report(wire::DeferralReport{deferral, false});
  save({Write::put(kind::kDeferral, deferral.id, documents::write_deferral(deferral))});
  local_deferrals_[deferral.id] = std::move(deferral);
  reconcile();
}

bool Site::withdraw_deferral(const std::string& id) {
  if (damage_.holds_document(kind::kDeferral, id)) return withdraw_unreadable(id);
  const auto found = local_deferrals_.find(id);
  if (found == local_deferrals_.end()) return false;
  report(wire::DeferralReport{found->second, true});
  note_withdrawn(id, found->second.until);
  save({Write::erase(kind::kDeferral, id)});
  local_deferrals_.erase(found);
  reconcile();
  return true;
}

// What it said is not known, only that it is over now.
bool Site::withdraw_unreadable(const std::string& id) {
  core::Deferral deferral;
  deferral.id = id;
  deferral.until = now();
  report(wire::DeferralReport{deferral, true});
  note_withdrawn(id, now() + kUnknownUntil);
  save({Write::erase(kind::kDeferral, id)});
  damage_.mended(kind::kDeferral, id);
  reconcile();
  return true;
}

bool Site::replace_deferral(core::Deferral deferral) {
  if (!damage_.holds_document(kind::kDeferral, deferral.id)) return false;
  damage_.mended(kind::kDeferral, deferral.id);
  add_deferral(std::move(deferral));
  return true;
}

// Only while none of its own is known, and none that was withdrawn here: what the server knows may be older.
void Site::take_site_deferrals() {
  const auto unreadable = [](const documents::Unreadable& one) { return one.kind == kind::kDeferral; };
  const auto& damaged = damage_.all();
  if (!takes_site_deferrals_ || !local_deferrals_.empty() || std::any_of(damaged.begin(), damaged.end(), unreadable)) return;
  for (const core::Deferral& deferral : plan_.plan().site_deferrals) {
    if (deferral.until <= now() || withdrawn_->contains(deferral.id)) continue;
    parts_.log.info("site_deferral_taken", {{"deferral", deferral.id}, {"device", deferral.device.value()}, {"until", to_rfc3339(deferral.until)}});
    save({Write::put(kind::kDeferral, deferral.id, documents::write_deferral(deferral))});
    report(wire::DeferralReport{deferral, false});
    local_deferrals_[deferral.id] = deferral;
  }
}

void Site::note_withdrawn(const std::string& id, WallTime until) {
  std::erase_if(*withdrawn_, [&](const auto& one) { return one.second <= now(); });
  withdrawn_->insert_or_assign(id, until);
  save({Write::put(kind::kMeta, std::string{kWithdrawn}, documents::write_withdrawn(*withdrawn_))});
}

// Data of a program that did not remember what was withdrawn: until the next start it takes none, and by then the server
// will have heard of it.
void Site::restore_withdrawn() {
  takes_site_deferrals_ = withdrawn_.has_value() || !has_plan_;
  if (withdrawn_) return;
  withdrawn_.emplace();
  save({Write::put(kind::kMeta, std::string{kWithdrawn}, documents::write_withdrawn(*withdrawn_))});
}

}  // namespace dray::gateway
