// What becomes of a document that can't be read, and what that holds up: it never ends the program, never
// permits anything, and always has a way out (docs/formats.md, "What can't be read"). Pure.
//
//   damage.add({"deferral", "l9", "not JSON", {}});
//   given.unreadable = damage.holds(job.terms.device);     // "deferral l9 can't be read: ..."
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/update/job.h"

namespace dray::gateway::documents {

enum class Fate {
  kHoldsSite,    // a deferral: nothing new starts at the site until it is withdrawn or given again
  kHoldsDevice,  // a job: nothing new starts on its device before the server was heard; then it is made again
  kNoPlan,       // nothing new starts before the next plan
  kNewEpoch,     // counters: a new epoch begins, action ids by the rule for a gateway that was restored
  kNoClock,      // the time is not known before the server was heard
  kAskDevice,    // a device is asked to report, and nothing new starts on it before it has (or plainly never does)
  kFetchAgain,   // an artifact, or a part of one
  kNewName,      // which gateway this is: a new name is made, and a new epoch begins
  kTellAgain,    // a report: the state of everything is reported again
  kBeginAnew,    // histories, rates, counts: begun anew
};
Fate fate_of(std::string_view kind, std::string_view id);
// It stays where it is until something else takes its place, so that it holds again after a restart. The
// others are moved aside at once.
bool stays(Fate fate);
// For people: what happens now.
std::string sentence_of(Fate fate);

struct Unreadable {
  std::string kind, id, why;
  DeviceId device;  // of a job, where it is known
  std::string name() const { return kind + "/" + id; }
  // The id as it is shown and can be typed: text, whatever bytes it has (base/text.h, clean_name), and of bounded length.
  std::string shown_id() const;
};

class Damage {
 public:
  void add(Unreadable one) { all_.push_back(std::move(one)); }
  const std::vector<Unreadable>& all() const { return all_; }
  bool holds_document(std::string_view kind, std::string_view id) const;
  // The id of a document that can't be read, from what was typed: it itself, or as it is shown. Otherwise what was typed.
  std::string id_of(std::string_view kind, const std::string& typed) const;
  // Something has taken its place, or nothing ever will.
  void mended(std::string_view kind, std::string_view id);

  // Whose the jobs are: the plan knows better than what is left of their texts.
  void find_owners(const core::Plan& plan);

  // Why nothing new may start on this device; empty: nothing of this keeps it. An empty device: of the whole
  // site.
  std::string holds(const DeviceId& device) const;

 private:
  std::vector<Unreadable> all_;
};

// The first device that is named in what is left of a job's text; empty where none is.
DeviceId device_in(std::string_view text);

// A job that is made again from the plan. `installed`: the job that this device finished last, where that is
// known; one of a single step has then succeeded and stays so.
core::Job made_again(core::Job fresh, const JobId& installed);

}  // namespace dray::gateway::documents
