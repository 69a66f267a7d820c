// Who waits for bytes that the server has lost: said with artifacts, sites and rollouts.
#include <utility>

#include "server/admin_api.h"

namespace dray::server {
namespace {

constexpr std::size_t kMostLookedAt = 100;  // of damaged artifacts

}  // namespace

void AdminApi::say_damage(wire::ArtifactView& view) const {
  if (const wire::DamageView* damage = artifacts_.damage(view.artifact.sha256)) view.damage = *damage;
}

// What can't be looked up is left out: the artifact itself says it in any case.
Task<AdminApi::Suffering> AdminApi::who_suffers() {
  Suffering out;
  if (!artifacts_.any_damage()) co_return out;
  std::vector<std::pair<Sha256, wire::DamageView>> all;
  for (const auto& [sha, damage] : artifacts_.all_damage())
    if (all.size() < kMostLookedAt) all.emplace_back(sha, damage);
  std::function<Result<>()> look = [this, &all, &out]() -> Result<> {
    for (const auto& [sha, damage] : all) {
      const auto view = parts_.lists.artifact(sha);
      const auto needing = parts_.lists.needing(sha);
      if (!view || !needing) continue;
      const std::string sentence = wire::sentence_of(view->artifact, damage);
      const auto say = [&](std::vector<std::string>& to) {
        if (to.empty() || to.back() != sentence) to.push_back(sentence);
      };
      for (const std::string& site : needing->sites) say(out.sites[site]);
      for (const RolloutId& rollout : needing->rollouts) say(out.rollouts[rollout.value()]);
    }
    return {};
  };
  [[maybe_unused]] const auto looked = co_await on(parts_.lists_worker, std::move(look));
  co_return out;
}

}  // namespace dray::server
