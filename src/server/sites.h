// The sites in memory, as the gateway door needs them: who a token is, which revision counts, who waits for a
// new one. The store is the truth; this is made from it at start and follows its changes. Loop thread only.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "drive/line_limit.h"
#include "drive/signal.h"
#include "server/parts.h"
#include "server/plan_taking.h"

namespace dray::server {

struct Site {
  std::string name, token_sha256;
  std::int64_t revision = 0;
  core::ReportsSeen seen;
  std::shared_ptr<const core::Plan> plan;  // of `revision`, or null: load it
  std::string plan_flaw;                   // why no gateway could take that; then none gets it
  PlanTaking taking;
  Signal changed;                          // the revision
  bool contacted = false;                  // since the last flush of contact times
  WallTime contact_at;
  std::shared_ptr<std::size_t> downloads = std::make_shared<std::size_t>(0);  // that run
  core::Holding holding;  // which gateway answers for it: instances.h
  // Calls of the one that holds that are being answered now; another one's count is another.
  std::shared_ptr<std::size_t> calls = std::make_shared<std::size_t>(0);
  int saving = 0;         // holdings on their way to the disk
  // Why its plan could not be given when it was asked for last; empty: it could.
  std::string plan_trouble, plan_trouble_sentence;
};

// Whoever waits may keep a Site&: a site never goes while the program runs.
class Sites {
 public:
  // timetable: notified where a plan shows that times are to be computed anew.
  Sites(Parts& parts, Signal& timetable)
      : parts_{parts}, timetable_{timetable}, lines_{parts.clock, parts.log, {.of_one = 1}} {}

  Task<Result<>> load();  // once, at the start
  bool loaded() const { return loaded_; }  // before that no token is known
  // Null where no site has this token.
  Site* by_token(const std::string& token_sha256);
  Site* by_name(const std::string& name);
  Site& add(const std::string& name, const std::string& token_sha256, std::int64_t revision);
  void set_token(const std::string& name, const std::string& token_sha256);
  void apply(const SiteChanges& changes);
  // Something of its plan that no revision covers has changed.
  void load_again(Site& site);
  // The plan at the site's current revision. It may have a flaw.
  Task<Result<std::shared_ptr<const core::Plan>>> plan(Site& site);
  void contact(Site& site);
  // A name of wire::SiteView::plan_trouble with its sentence, or both empty.
  void note_plan(Site& site, std::string trouble, std::string sentence);
  // What is known of it in memory alone.
  void show(wire::SiteView& view) const;
  // A gateway has a later plan than we: see Store::note_newer_plan.
  Task<> outrun(Site& site, std::int64_t revision);
  Task<> flush_contacts();
  // False: the last try to save something failed, whoever made it, so nothing can be.
  bool can_save() const { return !parts_.store.saves().failing; }
  // Lines that a site can cause: each kind once an hour for a site; the site itself shows it meanwhile.
  LineLimit& lines() { return lines_; }

 private:
  struct Loaded {
    core::Plan plan;
    std::string flaw;
  };
  void keep(Site& site, Loaded loaded);
  void say_failed_saves();

  Parts& parts_;
  Signal& timetable_;
  LineLimit lines_;
  std::unordered_map<std::string, std::unique_ptr<Site>> by_name_;
  std::unordered_map<std::string, Site*> by_token_;
  bool loaded_ = false;
  std::uint64_t said_failed_ = 0;         // saves that have failed, when that was said last
  std::deque<Site*> kept_;  // whose plan is in memory, oldest first
};

}  // namespace dray::server
