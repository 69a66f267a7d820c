#include "core/update/reconcile.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

#include "core/update/supersede.h"

namespace dray::core {
namespace {

// The plan's lists by name; the pointers live as long as the plan.
struct Index {
  std::unordered_map<Sha256, const Artifact*> artifacts;
  std::unordered_map<std::string, const DeviceType*> types;
  std::unordered_map<DeviceId, const Device*> devices;

  explicit Index(const Plan& plan) {
    for (const Artifact& a : plan.artifacts) artifacts.emplace(a.sha256, &a);
    for (const DeviceType& t : plan.device_types) types.emplace(t.name, &t);
    for (const Device& d : plan.devices) devices.emplace(d.name, &d);
  }
};

template <class Map, class Key>
auto find(const Map& map, const Key& key) -> typename Map::mapped_type {
  const auto found = map.find(key);
  return found == map.end() ? typename Map::mapped_type{} : found->second;
}

JobTerms terms_of_assignment(const Assignment& a, std::size_t place) {
  JobTerms t;
  t.assignment = a.id;
  t.rollout = a.rollout;
  t.priority = a.priority;
  t.place = place;
  t.delivery = a.delivery;
  t.fetch = a.fetch;
  t.planned_at = a.planned_at;
  t.expires_at = a.expires_at;
  t.update = a.update;
  t.retry = a.retry;
  t.status_deferral = a.status_deferral;
  t.held = a.held;
  return t;
}

// Fills in the steps; says what does not fit.
std::string add_steps(JobTerms& terms, const JobOrder& order, const DeviceType& type, const Index& index) {
  for (const Step& step : order.steps) {
    std::vector<StepArtifact> artifacts;
    for (const Sha256& sha256 : step) {
      const Artifact* artifact = find(index.artifacts, sha256);
      if (artifact == nullptr) return "the plan does not describe artifact " + sha256.short_hex();
      if (std::find(type.components.begin(), type.components.end(), artifact->component) ==
          type.components.end())
        return "device type " + type.name + " has no component " + artifact->component;
      artifacts.push_back({artifact->component, artifact->version, sha256, artifact->size});
    }
    if (!artifacts.empty()) terms.steps.push_back(std::move(artifacts));
  }
  return terms.steps.empty() ? "nothing in it is for a device of type " + type.name : "";
}

void add_order(JobTerms& terms, const JobOrder& order, const Index& index) {
  terms.id = order.id;
  terms.device = order.device;
  const Device* device = find(index.devices, order.device);
  const DeviceType* type = device == nullptr ? nullptr : find(index.types, device->type);
  if (device == nullptr) {
    terms.incompatible = "the plan does not know device " + order.device.value();
  } else if (type == nullptr) {
    terms.incompatible = "the plan does not know device type " + device->type;
  } else {
    terms.ask = type->ask;
    terms.ends_on = type->ends_on;
    terms.power_on_within = type->power_on_within;
    terms.bytes_from = type->bytes_from;
    terms.closes_early = type->closes_early;
    terms.incompatible = add_steps(terms, order, *type, index);
  }
  if (!terms.incompatible.empty()) terms.steps.clear();
}

auto rank(const JobTerms& t) { return std::tuple{t.priority, t.place}; }

std::set<std::string> components(const JobTerms& terms) {
  std::set<std::string> all;
  for (const auto& step : terms.steps)
    for (const StepArtifact& a : step) all.insert(a.component);
  return all;
}

DeviceOrder device_order(const JobTerms& terms) { return {terms.priority, static_cast<std::int64_t>(terms.place), components(terms)}; }

std::set<Sha256> artifacts(const JobTerms& terms) {
  std::set<Sha256> all;
  for (const auto& step : terms.steps)
    for (const StepArtifact& a : step) all.insert(a.sha256);
  return all;
}

// A job that has ended, and another one of its id: a server that was restored from a backup gives ids once more, and what
// came of the one says nothing of the other. No server changes the artifacts of a job.
bool is_another(const Job& ended, const JobTerms& terms) {
  return is_final(ended) && !action_is_open(ended) && !std::holds_alternative<Incompatible>(ended.phase) && terms.incompatible.empty() &&
         artifacts(ended.terms) != artifacts(terms);
}

// Nothing: there is none, or only another one.
const Job* find_same(const std::map<JobId, const Job*>& known, const JobTerms& terms) {
  const Job* job = find(known, terms.id);
  return job != nullptr && is_another(*job, terms) ? nullptr : job;
}

DeferralsChanged change_to(const Deferral* standing) {
  if (standing == nullptr) return {};
  return {standing->until, standing->by, standing->why};
}

bool differs(const Job& job, const DeferralsChanged& deferral) {
  return std::tie(job.deferred_until, job.deferred_by, job.deferred_why) != std::tie(deferral.until, deferral.by, deferral.why);
}

Job deferred_job(const JobTerms& terms, const DeferralsChanged& deferral) {
  Job job = make_job(terms, deferral.until);
  job.deferred_by = deferral.by;
  job.deferred_why = deferral.why;
  return job;
}

// "r13 (os 26.12)": what takes the place of another, for people.
std::string named(const JobTerms& winner) {
  const std::string what = all_versions(winner);
  return winner.rollout.value() + (what.empty() ? "" : " (" + what + ")");
}

bool is_settled(const Job& job) {  // nothing more can supersede it
  return is_final(job) || job.stop_after || std::holds_alternative<Cancelling>(job.phase);
}

// What may supersede others of its device.
struct Rival {
  const JobTerms* terms = nullptr;
  DeviceOrder order;
  bool ended_well = false;
};
using Rivals = std::multimap<DeviceId, Rival>;

Rivals rivals_of(const std::vector<JobTerms>& wanted, const std::map<JobId, const Job*>& known, const std::map<JobId, const Cancel*>& cancels) {
  Rivals out;
  for (const JobTerms& terms : wanted) {
    const Job* job = find_same(known, terms);
    const bool well = job != nullptr && std::holds_alternative<Succeeded>(job->phase);
    const bool open = (job == nullptr || !is_settled(*job)) && !cancels.contains(terms.id);
    if (terms.incompatible.empty() && (well || open)) out.emplace(terms.device, Rival{&terms, device_order(terms), well});
  }
  return out;
}

// By the first in rank of those that do; nothing where none does.
std::optional<Superseded> superseded(const JobTerms& terms, const Rivals& rivals) {
  const DeviceOrder own = device_order(terms);
  std::set<std::string> left = own.components;
  const Rival* first = nullptr;
  const auto [begin, end] = rivals.equal_range(terms.device);
  for (auto it = begin; it != end; ++it) {
    const Rival& rival = it->second;
    if (rival.ended_well ? !keeps_out(rival.order, own) : !supersedes(rival.order, own)) continue;
    for (const std::string& component : rival.order.components) left.erase(component);
    if (first == nullptr || rank(*first->terms) < rank(*rival.terms)) first = &rival;
  }
  if (first == nullptr) return {};
  return Superseded{superseded_by(named(*first->terms), left)};
}

// Each cancel is put to a job once; a refused one is not sent again.
bool is_news(const Cancel& cancel, const Job* job) {
  if (job == nullptr) return true;
  return !std::holds_alternative<Cancelled>(job->phase) && !std::holds_alternative<Cancelling>(job->phase) &&
         job->cancel_refused != cancel.id;
}

}  // namespace

std::vector<JobTerms> terms_of(const Plan& plan) {
  const Index index{plan};
  std::vector<JobTerms> all;
  std::set<JobId> seen;
  for (std::size_t place = 0; place < plan.assignments.size(); ++place) {
    const Assignment& assignment = plan.assignments[place];
    const JobTerms shared = terms_of_assignment(assignment, place);
    for (const JobOrder& order : assignment.jobs) {
      if (!seen.insert(order.id).second) continue;
      all.push_back(shared);
      add_order(all.back(), order, index);
    }
  }
  return all;
}

const Deferral* standing_deferral(const JobTerms& terms, std::span<const Deferral> plan, std::span<const Deferral> local) {
  const Deferral* latest = nullptr;
  for (const auto& list : {plan, local})
    for (const Deferral& d : list) {
      const bool meant = (d.device.empty() || d.device == terms.device) &&
                         (d.assignment.empty() || d.assignment == terms.assignment);
      if (meant && (latest == nullptr || d.until > latest->until)) latest = &d;
    }
  return latest;
}

std::vector<JobChange> reconcile(std::span<const Job* const> jobs, const Plan& plan,
                                 std::span<const Deferral> local) {
  std::map<JobId, const Job*> known;
  for (const Job* job : jobs) known.emplace(job->terms.id, job);
  std::map<JobId, const Cancel*> cancels;  // of several the last
  for (const Cancel& cancel : plan.cancels) cancels.insert_or_assign(cancel.job, &cancel);

  const std::vector<JobTerms> wanted = terms_of(plan);
  const Rivals rivals = rivals_of(wanted, known, cancels);

  std::vector<JobChange> changes;
  for (const JobTerms& terms : wanted) {
    const Job* job = find_same(known, terms);
    const DeferralsChanged deferral = change_to(standing_deferral(terms, plan.deferrals, local));
    if (job == nullptr)
      changes.push_back({terms.id, deferred_job(terms, deferral)});
    else if (!is_final(*job) && wanted_terms(*job) != terms)
      changes.push_back({terms.id, NewTerms{terms}});
    if (job != nullptr && !is_final(*job) && differs(*job, deferral)) changes.push_back({terms.id, deferral});

    const Cancel* cancel = find(cancels, terms.id);
    if (cancel != nullptr && is_news(*cancel, job))
      changes.push_back({terms.id, CancelAsked{cancel->id, cancel->by, cancel->why}});

    // Other terms take back that it was superseded before.
    const bool anew = job != nullptr && !is_final(*job) && job->stop_after && job->stop_after->superseded && wanted_terms(*job) != terms;
    if (!terms.incompatible.empty() || (job != nullptr && is_settled(*job) && !anew)) continue;
    if (auto event = superseded(terms, rivals)) changes.push_back({terms.id, *std::move(event)});
  }

  std::set<JobId> in_plan;
  for (const JobTerms& terms : wanted) in_plan.insert(terms.id);
  for (const auto& [id, job] : known) {
    if (in_plan.contains(id)) continue;
    const Cancel* cancel = find(cancels, id);
    if (cancel != nullptr && is_news(*cancel, job))
      changes.push_back({id, CancelAsked{cancel->id, cancel->by, cancel->why}});
    changes.push_back({id, GoneFromPlan{}});
  }
  return changes;
}

const Job* turn(std::span<const Job* const> jobs_of_one_device, WallTime now) {
  const auto busy = [](const Job& job) { return has_started(job) || (is_final(job) && action_is_open(job)); };
  const auto due = [&](const Job& job) {
    return !is_final(job) && now >= job.update_at && permits(job.terms.update, now) &&
           !std::holds_alternative<Backoff>(job.phase) && !std::holds_alternative<Deferred>(job.phase);
  };
  const auto order = [&](const Job& job) { return std::tuple{busy(job), rank(job.terms), job.terms.id}; };
  const Job* first = nullptr;
  for (const Job* job : jobs_of_one_device)
    if ((busy(*job) || due(*job)) && (first == nullptr || order(*first) < order(*job))) first = job;
  return first;
}

}  // namespace dray::core
