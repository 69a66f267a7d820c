// What the operator of a simulated fleet made and asked for: the truth that checks compare the world with. It
// is written by the operator's script and by nobody else.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/digest.h"
#include "core/model/interval.h"
#include "core/model/plan.h"
#include "sim/random.h"

namespace dray::sim::fleet {

// "till": os, then app. "kiosk": both together. "foreign": both together, by DDI clients that are not ours.
inline constexpr std::string_view kTill = "till", kKiosk = "kiosk", kForeign = "foreign";

struct Image {
  Sha256 sha256;
  std::string bytes, component, version, file;  // the file's name is the image's alone
};

// What may be expected of a device.
enum class Conduct {
  kOurs,     // our agent: what it does is judged, and what comes of it
  kGood,     // another client, well-behaved: what comes of it is judged
  kOdd,      // another client, with habits (foreign/habits.h)
  kDoubled,  // our agent, and for a while another one with the same identity
  kMistaken,  // our agent, on a device that was entered under another type than its own: it must get nothing
};
struct DeviceTruth {
  std::string name, site, type;
  Conduct conduct = Conduct::kOurs;
};
// Where nothing else goes wrong any more, it must be updated.
inline bool is_well_behaved(const DeviceTruth& device) { return device.conduct == Conduct::kOurs || device.conduct == Conduct::kGood; }

// When a site may be used, in minutes of its day; a window over midnight ends before it begins. None: always.
struct DailyWindow {
  int from = 0, to = 0;
};
std::string to_text(const DailyWindow& window);  // "22:00-05:00"
// Time zones of the simulated world: no clock changes in its days.
struct Zone {
  std::string_view name;
  std::chrono::hours offset;
};
inline constexpr Zone kZones[] = {{"UTC", std::chrono::hours{0}},
                                  {"Europe/Berlin", std::chrono::hours{1}},
                                  {"Asia/Tokyo", std::chrono::hours{9}},
                                  {"America/New_York", std::chrono::hours{-5}}};

struct SiteTruth {
  Zone zone = kZones[0];
  std::vector<DailyWindow> transfer, update;
};

// A rollout as it was asked for. Its release is its own: an image belongs to one rollout, or to the factory.
struct RolloutTruth {
  std::string id;    // "" until the server has said it
  std::string site;  // empty: all
  core::Delivery delivery = core::Delivery::kPull;
  bool automatic = false;  // the server computes its times; update_at: since when
  std::optional<WallTime> transmit_at;
  WallTime update_at, expires_at;
  core::Intervals transfer, update;
  std::optional<int> limit;
  std::chrono::seconds status_deferral{900};
  std::vector<const Image*> images;
  bool proof = false;  // made after the faults: must succeed everywhere
};

class Catalog {
 public:
  // Random bytes, the same for the same name.
  const Image& add_image(std::string component, std::string version, std::size_t size);
  const Image* image(const std::string& sha256) const;
  const Image* image_of_bytes(std::string_view bytes) const;  // null: nobody made these
  const Image* image_of_file(const std::string& file) const;

  DeviceTruth& change_device(const std::string& name) { return devices_.at(name); }
  void add_device(DeviceTruth device) { devices_[device.name] = std::move(device); }
  const DeviceTruth& device(const std::string& name) const { return devices_.at(name); }
  const std::map<std::string, DeviceTruth>& devices() const { return devices_; }

  SiteTruth& site(const std::string& name) { return sites_[name]; }
  // Whether bytes may go to the site, and its devices be asked and updated, at this time of its life.
  bool may_transfer(const RolloutTruth& rollout, const std::string& site, WallTime at) const;
  bool may_update(const RolloutTruth& rollout, const std::string& site, WallTime at) const;

  std::string describe_sites() const;  // for people, a line each

  // One at a time: a rollout that the server has made and nobody has heard of yet is the one that was asked for.
  RolloutTruth& ask_for(RolloutTruth rollout);
  const std::vector<std::unique_ptr<RolloutTruth>>& rollouts() const { return rollouts_; }
  const RolloutTruth* rollout_of(const Image& image) const;  // null: of the factory
  const RolloutTruth* rollout_of_job(const std::string& job) const;
  bool concerns(const RolloutTruth& rollout, const std::string& device) const;
  // The images that are switched to together, in order.
  std::vector<std::vector<const Image*>> steps(const RolloutTruth& rollout, const std::string& device) const;

 private:
  std::map<std::string, Image> images_;  // by SHA-256
  std::map<std::string, const Image*> files_;
  std::multimap<std::size_t, const Image*> sizes_;
  std::map<std::string, DeviceTruth> devices_;
  std::map<std::string, SiteTruth> sites_;
  std::vector<std::unique_ptr<RolloutTruth>> rollouts_;
};

// For people: "r12 push gw2 os-3.img, transmitted ...".
std::string describe(const RolloutTruth& rollout);

// "r12-till-3" -> "r12" and "till-3".
std::string device_of_job(const std::string& job);

}  // namespace dray::sim::fleet
