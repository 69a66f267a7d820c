#include "core/identity/boots.h"

#include <algorithm>

#include "base/mutant.h"

namespace dray::core {

Boots heard_boot(Boots boots, std::string_view id, WallTime now) {
  if (id.empty()) return boots;
  if (boots.current == id) {
    if (boots.doubt) ++boots.doubt->answers;
    return alone_by(std::move(boots), now);
  }
  const auto again = std::find(boots.earlier.begin(), boots.earlier.end(), id);
  if (DRAY_MUTANT("restarts_are_two_agents") && boots.earlier.size() > 1 && !boots.doubt) boots.doubt = Boots::Doubt{now, now, 0};
  if (again != boots.earlier.end() && !DRAY_MUTANT("two_agents_unsaid")) {
    boots.earlier.erase(again);
    if (!boots.doubt) boots.doubt = Boots::Doubt{now, now, 0};
  }
  if (boots.doubt) {
    boots.doubt->changed = now;
    boots.doubt->answers = 1;
  }
  if (!boots.current.empty()) boots.earlier.push_back(boots.current);
  if (boots.earlier.size() > kMostBoots) boots.earlier.erase(boots.earlier.begin());
  boots.current = id;
  return boots;
}

Boots alone_by(Boots boots, WallTime now) {
  if (!boots.doubt || DRAY_MUTANT("doubt_never_ends")) return boots;
  // A clock that was set back starts the time anew.
  if (boots.doubt->changed > now) boots.doubt->changed = now;
  if (boots.doubt->answers < kAnswersAlone || now - boots.doubt->changed < kAlone) return boots;
  return confirmed_alone(std::move(boots));
}

Boots confirmed_alone(Boots boots) {
  boots.doubt.reset();
  boots.earlier.clear();  // what comes back later is news
  return boots;
}

}  // namespace dray::core
