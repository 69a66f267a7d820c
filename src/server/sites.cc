#include "server/sites.h"

#include <algorithm>
#include <utility>

#include "server/http.h"
#include "wire/plan_flaw.h"

namespace dray::server {
namespace {
constexpr std::size_t kMostPlansKept = 1'000;
}

Task<Result<>> Sites::load() {
  std::function<Result<std::optional<TimeMark>>()> newest = [this] { return parts_.store.newest_time(); };
  auto known = co_await on(parts_.store_worker, std::move(newest));
  if (!known) co_return known.error();
  const WallTime by_machine = parts_.clock.begin(*known);
  std::function<Result<std::optional<Duration>>()> begin = [this, by_machine, now = parts_.clock.mark()] {
    return parts_.store.note_start(now, by_machine);
  };
  auto away = co_await on(parts_.store_worker, std::move(begin));
  if (!away) co_return away.error();
  if (*away)
    parts_.log.warn(
        "long_away",
        {{"seconds", (*away)->count() / 1000},
         {"note", "numbers skip what a lost later state may have used; gateways tell everything again"}});
  std::function<Result<std::vector<SiteEntry>>()> work = [this] { return parts_.store.sites(); };
  auto all = co_await on(parts_.store_worker, std::move(work));
  if (!all) co_return all.error();
  for (const SiteEntry& entry : *all) {
    Site& site = add(entry.name, entry.token_sha256, entry.revision);
    site.seen = entry.seen;
    if (!is_token_hash(entry.token_sha256))
      parts_.log.error("site_token_unreadable",
                       {{"site", entry.name}, {"note", "its stored hash is damaged, so its gateway is not known here"},
                        {"help", "drayctl row replace site " + entry.name + " token_sha256 JSON, with the SHA-256 of its token"}});
    site.holding = core::after_start(entry.holding, parts_.clock.wall());
  }
  loaded_ = true;
  co_return Result<>{};
}

Site* Sites::by_token(const std::string& token_sha256) {
  const auto found = by_token_.find(token_sha256);
  if (found == by_token_.end() || !equal_constant_time(found->second->token_sha256, token_sha256))
    return nullptr;
  return found->second;
}

Site* Sites::by_name(const std::string& name) {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second.get();
}

Site& Sites::add(const std::string& name, const std::string& token_sha256, std::int64_t revision) {
  if (by_name(name) == nullptr) by_name_.emplace(name, std::make_unique<Site>());
  Site& site = *by_name(name);
  site.name = name;
  site.token_sha256 = token_sha256;
  site.revision = std::max(site.revision, revision);
  by_token_.insert_or_assign(token_sha256, &site);
  return site;
}

void Sites::set_token(const std::string& name, const std::string& token_sha256) {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return;
  by_token_.erase(found->second->token_sha256);
  found->second->token_sha256 = token_sha256;
  by_token_.insert_or_assign(token_sha256, found->second.get());
}

void Sites::apply(const SiteChanges& changes) {
  for (const SiteChange& change : changes) {
    const auto found = by_name_.find(change.site);
    if (found == by_name_.end() || found->second->revision >= change.revision) continue;
    Site& site = *found->second;
    site.revision = change.revision;
    site.plan.reset();
    site.changed.notify();
  }
}

void Sites::load_again(Site& site) { site.plan.reset(); }

Task<Result<std::shared_ptr<const core::Plan>>> Sites::plan(Site& site) {
  while (!site.plan) {
    bool ask = false;
    std::function<Result<Loaded>()> work = [this, &ask, name = site.name]() -> Result<Loaded> {
      DRAY_TRY(ask, parts_.store.ask_unreadable_times(name));
      DRAY_TRY(core::Plan plan, parts_.store.load_plan(name));
      std::string flaw = wire::plan_flaw({plan, WallTime{}, {}}).value_or("");
      return Loaded{std::move(plan), std::move(flaw)};
    };
    auto loaded = co_await on(parts_.store_worker, std::move(work));
    if (ask) timetable_.notify();
    if (!loaded) co_return loaded.error();
    // Older than what was announced meanwhile: load again. Newer: the news is on its way to apply().
    if (loaded->plan.revision < site.revision) continue;
    keep(site, std::move(*loaded));
  }
  co_return site.plan;
}

void Sites::keep(Site& site, Loaded loaded) {
  const bool newer = loaded.plan.revision > site.revision;
  site.revision = loaded.plan.revision;
  site.plan_flaw = std::move(loaded.flaw);
  site.plan = std::make_shared<const core::Plan>(std::move(loaded.plan));
  if (newer) site.changed.notify();
  std::erase(kept_, &site);
  kept_.push_back(&site);
  if (kept_.size() > kMostPlansKept) {
    kept_.front()->plan.reset();
    kept_.pop_front();
  }
}

void Sites::note_plan(Site& site, std::string trouble, std::string sentence) {
  if (!trouble.empty() && lines_.may_say(trouble, site.name))
    parts_.log.error(trouble, {{"site", site.name}, {"why", sentence}});
  site.plan_trouble = std::move(trouble);
  site.plan_trouble_sentence = std::move(sentence);
}

void Sites::show(wire::SiteView& view) const {
  const auto found = by_name_.find(view.name);
  if (found == by_name_.end()) return;
  const Site& site = *found->second;
  view.plan_trouble = site.plan_trouble;
  view.plan_trouble_sentence = site.plan_trouble_sentence;
  if (!view.plan_trouble.empty()) return;
  if (auto not_taken = site.taking.trouble(parts_.clock.steady())) {
    view.plan_trouble = "plan_not_taken";
    view.plan_trouble_sentence = std::move(*not_taken);
  }
}

Task<> Sites::outrun(Site& site, std::int64_t revision) {
  if (lines_.may_say("restored", site.name))
    parts_.log.warn("restored", {{"site", site.name},
                               {"revision", site.revision},
                               {"gateway_has", revision},
                               {"note", "this database is older than what its gateway knows"}});
  std::function<Result<SiteChanges>()> work = [this, name = site.name, revision] {
    return parts_.store.note_newer_plan(name, revision);
  };
  auto changed = co_await on(parts_.store_worker, std::move(work));
  if (changed)
    apply(*changed);
  else if (lines_.may_say("restored_not_noted", site.name))
    parts_.log.error("restored_not_noted", {{"error", changed.error().message()}});
}

void Sites::contact(Site& site) {
  site.contacted = true;
  site.contact_at = parts_.clock.wall();
}

Task<> Sites::flush_contacts() {
  say_failed_saves();
  std::vector<std::pair<std::string, WallTime>> contacts;
  for (auto& [name, site] : by_name_)
    if (std::exchange(site->contacted, false)) contacts.emplace_back(name, site->contact_at);
  std::function<Result<>()> work = [this, &contacts, now = parts_.clock.mark()] {
    return parts_.store.note_contacts(contacts, now);
  };
  [[maybe_unused]] auto noted = co_await on(parts_.store_worker, std::move(work));
  say_failed_saves();
}

// Whoever asked for a save got its error; here an operator learns that something is wrong, once for all of them.
void Sites::say_failed_saves() {
  const Saves saves = parts_.store.saves();
  if (saves.failed == said_failed_) return;
  if (lines_.may_say("saves_fail", ""))
    parts_.log.error("saves_fail", {{"count", saves.failed - said_failed_}, {"last", saves.last}, {"goes_on", saves.failing ? "yes" : "no"}});
  said_failed_ = saves.failed;
}

}  // namespace dray::server
