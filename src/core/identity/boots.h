// Whether two agents with one identity call: pure, kept with the device by its gateway.
//
// Every start of a device has a boot id of its own. New ids alone are a device that restarts, however often. An id that
// comes back after another one can only be of a second device (or of a request that was on its way for very long): two
// agents. From then on the device is asked again and again who it is, and no new order is shown to it until the answers
// have borne one id for kAlone, kAnswersAlone of them at least, or an operator says that there is one again.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace dray::core {

inline constexpr std::chrono::hours kAlone{1};
inline constexpr int kAnswersAlone = 6;
inline constexpr std::size_t kMostBoots = 8;

struct Boots {
  std::string current;
  std::vector<std::string> earlier;  // before the current one, newest last, at most kMostBoots
  struct Doubt {
    WallTime since;    // two were heard first
    WallTime changed;  // when the id was another one last
    int answers = 0;   // with the current id, since then
    friend bool operator==(const Doubt&, const Doubt&) = default;
  };
  std::optional<Doubt> doubt;  // two agents
  friend bool operator==(const Boots&, const Boots&) = default;
};

// A power-on report with this boot id; an empty one says nothing.
Boots heard_boot(Boots boots, std::string_view id, WallTime now);
// Time has passed: the doubt ends where only one was heard for long enough.
Boots alone_by(Boots boots, WallTime now);
// An operator says that there is one.
Boots confirmed_alone(Boots boots);

}  // namespace dray::core
