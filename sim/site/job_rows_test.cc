// Every row of the job machine's own table, and at each the power is cut before its save, after it, and after
// its actions. A row that no story reaches fails the test, so a new transition needs a story.
//
// A failure prints its point. DRAY_SIM_ROW="Ready Feedback Backoff/1" runs that one alone, with its trace;
// DRAY_SIM_STORY="plan; wait Ready" any story without a cut.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <set>

#include "sim/site/job_story.h"
#include "sim/site/rows_testing.h"

namespace dray::sim {
namespace {

Row row_of(const Crossing& c) { return {name_of(c.from, c.event, c.to), static_cast<int>(c.point)}; }

// How a job gets into a phase. `with` goes into its plan.
std::string in(const std::string& phase, const std::string& with = "") {
  static const std::map<std::string, std::pair<std::string, std::string>> ways{
      {"Asked", {"", ""}},
      {"Deferred", {"Asked", "deny busy 900; wait Deferred"}},
      {"Ready", {"Asked", "confirm; wait Ready"}},
      {"Transmitting", {"Ready", "get half; wait Transmitting"}},
      {"Installing", {"Ready", "get all; wait Installing"}},
      {"Restarting", {"Installing", "fb success; wait Restarting"}},
      {"Backoff", {"Transmitting", "fb failure; wait Backoff"}},
      {"Cancelling", {"Transmitting", "plan cancel; wait Cancelling"}},
  };
  if (phase == "Planned") return "plan planned=+3600 " + with + "; wait Planned; ";
  const bool asks = with.find("ask=poll") == std::string::npos;
  if (phase == "Asked" || (phase == "Ready" && !asks)) return "plan " + with + "; wait " + phase + "; ";
  const auto& [before, step] = ways.at(phase);
  return in(before, with) + step + "; ";
}

// Planned with an open action, its time reached, its window over.
std::string hidden(const std::string& with = "") {
  return in("Asked", with) + "plan defer=+20 window=+0..+10; wait Planned; sleep 25; ";
}

// The second step of a job whose first one is done.
std::string second(const std::string& phase) {
  std::string out = in("Installing", "steps=os>app") + "fb success; on step; wait Asked; ";
  if (phase == "Planned") return out + "plan defer=+900; wait Planned; ";
  if (phase == "Deferred") return out + "deny busy 900; wait Deferred; ";
  if (phase == "Ready") return out + "confirm; wait Ready; ";
  return out;
}

using Phases = std::vector<std::string>;
const Phases kOpen{"Planned",    "Asked",      "Deferred", "Ready",     "Transmitting",
                   "Installing", "Restarting", "Backoff",  "Cancelling"};
const Phases kWaiting{"Planned", "Asked", "Deferred", "Ready", "Backoff"};
const Phases kStarted{"Transmitting", "Installing"};
const Phases kAfterFetch{"Transmitting", "Installing", "Restarting"};

void add_time(std::vector<std::string>& out) {
  for (const auto& phase : kOpen) {
    out.push_back(in(phase) + "plan expires=+1; sleep 40");
    out.push_back(in(phase) + "quiet");
    if (phase != "Planned") out.push_back(in(phase, "steps=os>app") + "quiet");
  }
  for (const auto& phase : {"Asked", "Ready"}) out.push_back(in(phase) + "plan defer=+60; wait Planned");
  out.push_back(in("Restarting") + "sleep 700");
  out.push_back(in("Restarting", "limit=1") + "sleep 700");
  out.push_back(in("Ready") + "sleep 1000");
  out.push_back(in("Ready", "ask=poll"));
  out.push_back(in("Asked") + "plan ask=poll; wait Ready");
  out.push_back(in("Cancelling") + "sleep 700");
}

void add_answers(std::vector<std::string>& out) {
  for (const std::string limit : {"", "limit=1"})
    for (const auto& before : {hidden(limit), in("Asked", limit), in("Deferred", limit), in("Ready", limit)})
      for (const char* answer : {"busy", "refuse", "cancelled"}) out.push_back(before + "ans! " + answer);
  for (const auto& phase : {"Transmitting", "Installing", "Backoff"})
    out.push_back(in(phase) + "ans! cancelled");
  // A later yes; and one where somebody else has put it off as well.
  out.push_back(in("Deferred") + "ans! ready");
  out.push_back(in("Deferred") + "plan defer=+1800; sleep 2; ans! ready");
}

void add_feedback(std::vector<std::string>& out) {
  for (const std::string with : {"", "ends=closed", "ends=closed steps=os>app"})
    for (const auto& before : {hidden(with), in("Asked", with), in("Deferred", with)})
      for (const char* what : {"fb! success", "fb! failure", "fb! failure cancelled"})
        out.push_back(before + what);
  for (const auto& phase : {"Ready", "Transmitting", "Installing"}) {
    for (const std::string with : {"", "ends=closed", "limit=1", "ends=closed steps=os>app"})
      for (const char* what : {"fb success", "fb failure", "fb failure busy", "fb failure cancelled"})
        out.push_back(in(phase, with) + what);
    for (const char* what : {"fb proceeding", "fb downloaded", "fb switching"})
      out.push_back(in(phase) + what);
  }
  // Of something that was never sent to it.
  for (const std::string with : {"bytes=gateway", "bytes=gateway limit=1"})
    for (const auto& before : {hidden(with), in("Deferred", with)}) out.push_back(before + "fb! success");
  for (const auto& phase : kStarted) {
    out.push_back(in(phase, "ends=closed") + "plan steps=none; sleep 5; fb success");
    out.push_back(in(phase) + "plan steps=none; sleep 5; fb failure");
  }
}

void add_power_on(std::vector<std::string>& out) {
  for (const auto& phase : kOpen) {
    out.push_back(in(phase) + "on step");
    if (phase != "Planned") out.push_back(in(phase, "steps=os>app") + "on step");
  }
  for (const std::string limit : {"", "limit=1"}) {
    out.push_back(in("Installing", limit) + "fb switching; on old");
    out.push_back(in("Installing", limit) + "on old");
    out.push_back(in("Restarting", limit) + "on old");
  }
  // A cancel that came too late, or newer steps, and then the step ends.
  for (const std::string how : {"on step", "quiet"})
    for (const auto& phase : kAfterFetch) {
      const std::string start = phase == "Installing" ? "Installing" : "Transmitting";
      std::string late =
          in(start, "steps=os>app") + "plan cancel; wait Cancelling; cfb rejected; wait " + start + "; ";
      if (phase == "Restarting") late += "get all; fb success; wait Restarting; ";
      out.push_back(late + how);
      out.push_back(in(phase, "steps=os>app") + "plan steps=none; sleep 5; " + how);
    }
}

void add_plan(std::vector<std::string>& out) {
  for (const auto& phase : kOpen) out.push_back(in(phase) + "plan cancel; sleep 5");
  for (const auto& phase : kWaiting) {
    out.push_back(in(phase) + "plan steps=os2; sleep 5");
    out.push_back(in(phase) + "plan steps=none; sleep 5");
    out.push_back(in(phase) + "plan rival; sleep 5");
    out.push_back((phase == "Backoff" ? in("Backoff") : second(phase)) + "plan gone; sleep 5");
  }
  for (const auto& phase : kStarted) out.push_back(in(phase) + "plan gone; sleep 5");
}

// The first step is undone while the second waits, or is under way.
void add_undone(std::vector<std::string>& out) {
  const std::string half = second("Ready") + "get half; wait Transmitting; ";
  for (const auto& phase : {"Planned", "Asked", "Deferred", "Ready"}) out.push_back(second(phase) + "undo; on old");
  out.push_back(half + "fb failure; wait Backoff; undo; on old");
  for (const std::string& before : {half, half + "get all; wait Installing; ", half + "plan cancel; wait Cancelling; "})
    for (const char* how : {"undo; quiet", "undo; on step"}) out.push_back(before + how);
  out.push_back(in("Installing", "ends=closed steps=os>app") + "fb success; wait Asked; on old; wait Asked; confirm; wait Ready; get half; "
                "wait Transmitting; plan cancel; wait Cancelling; undo; on old; fb success");
}

void add_cancelling(std::vector<std::string>& out) {
  for (const std::string with : {"", "ends=closed"})
    for (const char* what : {"fb switching", "fb success", "fb failure", "cfb accepted", "cfb rejected"})
      out.push_back(in("Cancelling", with) + what);
  out.push_back(in("Installing") + "plan cancel; wait Cancelling; cfb rejected");
  out.push_back(in("Ready") + "allsent!");
  out.push_back(in("Transmitting") + "get all");
}

std::vector<std::string> job_stories() {
  std::vector<std::string> out;
  add_time(out);
  add_answers(out);
  add_feedback(out);
  add_power_on(out);
  add_plan(out);
  add_undone(out);
  add_cancelling(out);
  return out;
}

// Runs a story, tells of each crossing, and sees that it ends well.
void run_story(const std::string& script, bool echo,
               const std::function<void(JobStory&, const Crossing&)>& at) {
  JobStory story{kSeed, echo};
  story.watch([&](const Crossing& crossing) { at(story, crossing); });
  const auto ran = story.run(script);
  EXPECT_TRUE(ran) << script << "\n" << ran.error().message();
  if (ran) {
    EXPECT_EQ(story.wrong(), std::vector<std::string>{}) << script << "\n" << story.world().trace().tail();
  }
}

// Cuts the power where the row is crossed first. False: it was not.
bool job_with_cut(const std::string& script, const Row& row, bool echo) {
  SCOPED_TRACE("\"" + script + "\", replay with DRAY_SIM_ROW=\"" + row.first + "/" +
               std::to_string(row.second) + "\"");
  bool cut = false;
  run_story(script, echo, [&](JobStory& story, const Crossing& crossing) {
    if (cut || row_of(crossing) != row) return;
    cut = true;
    story.gateway().power_off();
  });
  return cut;
}

std::map<Row, std::string> reached_job_rows() {
  std::map<Row, std::string> out;
  for (const std::string& script : job_stories()) {
    run_story(script, false, [&](JobStory&, const Crossing& crossing) {
      if (crossing.machine == "job") out.try_emplace(row_of(crossing), script);
    });
    if (testing::Test::HasFailure()) break;
  }
  return out;
}

TEST(JobRows, EveryTransitionSurvivesAPowerCutBeforeItsSaveAfterItAndAfterItsActions) {
  if (const char* script = std::getenv("DRAY_SIM_STORY"))
    return run_story(script, true, [](JobStory&, const Crossing&) {});
  const auto reached = reached_job_rows();
  if (const char* asked = std::getenv("DRAY_SIM_ROW")) {
    const std::string text = asked;
    const Row row{text.substr(0, text.find('/')), std::stoi(text.substr(text.find('/') + 1))};
    ASSERT_TRUE(reached.contains(row)) << "no story";
    std::cerr << reached.at(row) << "\n";
    job_with_cut(reached.at(row), row, true);
    return;
  }
  int wrong = 0;
  for (const auto& row : core::job_transitions())
    for (int point = 0; point < 3 && wrong < 20; ++point) {
      const Row key{name_of(row.from, row.event, row.to), point};
      const auto found = reached.find(key);
      EXPECT_TRUE(found != reached.end()) << "no story reaches " << key.first << " at point " << point;
      const int before = failures();
      if (found != reached.end()) {
        EXPECT_TRUE(job_with_cut(found->second, key, false)) << "not reached again: " << key.first;
      }
      if (failures() != before) ++wrong;
    }
  std::cout << core::job_transitions().size() << " rows, three points each\n";
}

}  // namespace
}  // namespace dray::sim
