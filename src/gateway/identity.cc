#include "gateway/identity.h"

#include "base/mutant.h"
#include "core/identity/holder.h"
#include "gateway/documents/records.h"

namespace dray::gateway {
namespace {

constexpr std::string_view kInstance = "instance";

}  // namespace

Identity::Identity(Site& site, Random& random, core::Place place)
    : site_{site}, random_{random}, place_{std::move(place)} {}

Result<> Identity::restore(const Document& document) {
  const auto kept = documents::read_instance(document.text);
  if (!kept) {
    fresh_epoch_ = true;  // whose numbers these are is not known
    return kept.error();
  }
  if (!core::same_place(kept->place, place_)) {
    site_.log().warn("copied_data", {{"instance", kept->name}, {"was_at", kept->place.path}, {"is_at", place_.path}});
    fresh_epoch_ = true;
    return {};
  }
  if (DRAY_MUTANT("forgets_its_name")) return {};
  name_ = kept->name;
  fresh_epoch_ = kept->fresh_epoch;
  refused_since_ = kept->refused_since;
  if (kept->place != place_) save();  // the same, but not quite where it was
  return {};
}

void Identity::settle() {
  if (fresh_epoch_) site_.want_fresh_epoch();
  if (DRAY_MUTANT("damage_renames") && site_.damage().holds_document(kind::kMeta, "clock")) name_.clear();
  const bool is_new = name_.empty();
  if (is_new) name_ = random_uuid(random_);
  site_.log().info("instance", {{"name", name_}, {"new", is_new}});
  if (is_new) save();
}

std::string Identity::sentence() const {
  if (!refused()) return {};
  const std::string& site = site_.plan().plan().site.value();
  return "The server lets another gateway answer for this site since " +
         to_rfc3339(std::chrono::floor<std::chrono::seconds>(*refused_since_)) +
         ". Nothing new begins here until that one has been silent for 10 minutes, or somebody says: drayctl gateway "
         "replace " +
         (site.empty() ? std::string{"SITE"} : site);
}

void Identity::was_refused() {
  if (refused()) return;
  refused_since_ = site_.now();
  save();
  site_.log().warn("two_gateways", {{"instance", name_}, {"note", "another gateway answers for this site; nothing new begins here, and the server is asked again with growing pauses"}});
  site_.refresh_all();
}

void Identity::was_heard() {
  token_answered(false);
  const bool began_epoch = fresh_epoch_ && !site_.wants_fresh_epoch();
  if (began_epoch) fresh_epoch_ = false;
  if (!refused() && !began_epoch) return;
  const bool was = refused_since_.has_value();
  refused_since_.reset();
  save();
  if (!was) return;
  site_.log().info("holds_again", {{"instance", name_}});
  site_.reports_waiting.notify();
  site_.refresh_all();
}

std::string Identity::token_sentence() const {
  const std::string& site = site_.plan().plan().site.value();
  return "The server does not know the token of this gateway" + (site.empty() ? std::string{} : " (site " + site + ", as it was told last)") +
         ": look at the token in its configuration, and whether the site is still there.";
}

void Identity::token_answered(bool refused) {
  if (refused == token_refused_) return;
  token_refused_ = refused;
  const char* event = refused ? "token_refused" : "token_accepted";
  if (!site_.lines().may_say(event, "")) return;
  const std::string& name = site_.plan().plan().site.value();
  if (refused)
    site_.log().warn(event, {{"name", name}, {"instance", name_}, {"why", token_sentence()}});
  else
    site_.log().info(event, {{"name", name}});
}

void Identity::save() {
  const documents::InstanceRecord record{name_, place_, fresh_epoch_, refused_since_};
  site_.save({Write::put(kind::kMeta, std::string{kInstance}, documents::write_instance(record))});
}

}  // namespace dray::gateway
