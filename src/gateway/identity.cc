#include "gateway/identity.h"

#include "base/mutant.h"
#include "core/identity/holder.h"
#include "gateway/documents/format.h"

namespace dray::gateway {
namespace {

namespace json = wire::json;

constexpr std::string_view kInstance = "instance";

json::object encode_place(const core::Place& place) {
  json::array hardware;
  for (const std::string& part : place.hardware) hardware.emplace_back(part);
  return {{"machine", place.machine},
          {"hardware", std::move(hardware)},
          {"path", place.path},
          {"device", std::to_string(place.device)},  // 64 bits: more than a number of JSON holds
          {"inode", std::to_string(place.inode)}};
}

core::Place decode_place(const wire::Node& n) {
  core::Place out;
  out.machine = n.at("machine").text();
  n.at("hardware").each([&](const wire::Node& part) { out.hardware.insert(part.text()); }, 64);
  out.path = documents::text_of(n, "path");
  out.device = std::strtoull(n.at("device").text().c_str(), nullptr, 10);
  out.inode = std::strtoull(n.at("inode").text().c_str(), nullptr, 10);
  return out;
}

struct Kept {
  std::string name;
  core::Place place;
  bool fresh_epoch = false;
  std::optional<WallTime> refused_since;
};

Result<Kept> decode(std::string_view text) {
  return documents::read<Kept>(text, [](const wire::Node& n) {
    Kept out{n.at("name").text(core::kLongestInstance), decode_place(n.at("place")), n.at("fresh_epoch").boolean(), {}};
    if (!core::is_instance_name(out.name)) n.at("name").refuse("is no name of an instance");
    out.refused_since = documents::maybe_time_of(n, "refused_since");
    return out;
  });
}

}  // namespace

Identity::Identity(Site& site, Random& random, core::Place place)
    : site_{site}, random_{random}, place_{std::move(place)} {}

Result<> Identity::restore(const Document& document) {
  const auto kept = decode(document.text);
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

void Identity::save() {
  json::object out{{"name", name_},
                   {"place", encode_place(place_)},
                   {"fresh_epoch", fresh_epoch_},
                   {"refused_since", documents::maybe_time_value(refused_since_)}};
  site_.save({Write::put(kind::kMeta, std::string{kInstance}, documents::write(std::move(out)))});
}

}  // namespace dray::gateway
