// A rollout in phases, over the real server and drayctl: what a fleet's gateways see of it, and what an
// operator does.
#include <signal.h>

#include "support/built.h"
#include "program.h"

namespace dray::testing_support {
namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

class PhasedRollout : public ServerProgram {
 protected:
  void SetUp() override {
    ServerProgram::SetUp();
    add_type();
    berlin = add_site("berlin");
    lyon = add_site("lyon");
    add_device("b-1", "berlin");
    for (const auto* name : {"l-1", "l-2", "l-3"}) add_device(name, "lyon");
    add_release("tills", "2", add_artifact(image(1000)));
  }
  value rollout() { return get("rollouts/r1").json(); }
  std::string state() { return std::string{rollout().at("state").as_string()}; }
  // The newest plan, waiting for one that is not `tag`; follows it.
  value plan(const std::string& site, std::string& tag) {
    Call call{.path = "/gateway/v1/plan"};
    if (!tag.empty()) call.headers = {{"If-None-Match", tag}, {"Prefer", "wait=50"}};
    const auto answer = gateway(call, site);
    EXPECT_EQ(answer.status, 200) << answer.body;
    tag = answer.headers.at("etag");
    return answer.json();
  }
  void tell(const std::string& site, const std::string& job, const std::string& state) {
    array reports;
    reports.push_back(object{{"epoch", 1},
                             {"seq", ++seq_},
                             {"at", "2026-11-24T22:00:00Z"},
                             {"kind", "job"},
                             {"job", job},
                             {"state", state},
                             {"reason", ""},
                             {"sentence", "Words."},
                             {"step", 0},
                             {"attempt", 1},
                             {"bytes", 7},
                             {"running", object{}}});
    ASSERT_EQ(report(site, reports).status, 200);
  }
  static const value& job_of(const value& device) { return device.at("job"); }

  std::string berlin, lyon;

 private:
  std::int64_t seq_ = 0;
};

// Create -> phase 1 done -> soak, over a crash -> phase 2 -> failure threshold -> paused -> resume -> retry.
TEST_F(PhasedRollout, GoesThroughItsPhasesAndStopsAtItsFailures) {
  const std::string file = folder / "rollout.toml";
  write_file(file,
             "release = \"tills/2\"\ndelivery = \"pull\"\nupdate_at = \"now\"\nexpires_at = \"+1d\"\n"
             "[[phase]]\nname = \"Berlin\"\nfilter = \"site=berlin\"\nsoak_s = 1\n"
             "[[phase]]\nname = \"All others\"\nfailure_count = 1\n");
  const auto made = drayctl({"rollout", "create", file});
  ASSERT_EQ(made.first, 0) << made.second;
  std::string berlin_tag, lyon_tag;
  EXPECT_EQ(plan(berlin, berlin_tag).at("assignments").at(0).at("jobs").as_array().size(), 1u);
  EXPECT_TRUE(plan(lyon, lyon_tag).at("assignments").as_array().empty());
  EXPECT_EQ(job_of(get("devices/l-1").json()).at("reason").as_string(), "waiting_phase");

  tell(berlin, "r1-b-1", "succeeded");
  EXPECT_EQ(state(), "soaking");
  EXPECT_EQ(rollout().at("until"), job_of(get("devices/l-1").json()).at("until"));
  kill();  // the soak time goes on all the same
  start();
  value second =
      plan(lyon, lyon_tag);  // held until the server says something new: the phase, a second after success
  ASSERT_EQ(second.at("assignments").as_array().size(), 1u);
  EXPECT_EQ(second.at("assignments").at(0).at("jobs").as_array().size(), 3u);
  EXPECT_EQ(rollout().at("phase").as_int64(), 2);

  tell(lyon, "r1-l-2", "downloading");
  tell(lyon, "r1-l-1", "failed");
  EXPECT_EQ(state(), "paused");
  EXPECT_EQ(rollout().at("reason").as_string(), "failure_threshold");
  EXPECT_EQ(job_of(get("devices/l-3").json()).at("reason").as_string(), "failure_threshold");
  const value held = plan(lyon, lyon_tag).at("assignments").at(0);
  EXPECT_EQ(held.at("planned_at"), held.at("expires_at"));
  EXPECT_EQ(held.at("jobs").as_array().size(), 3u) << "what has started must stay in the plan";
  const auto watched = drayctl({"rollout", "watch", "r1", "--until-paused"});
  EXPECT_EQ(watched.first, 6);
  EXPECT_NE(watched.second.find("2 All others  paused"), std::string::npos) << watched.second;
  EXPECT_NE(watched.second.find("1, pauses at 1"), std::string::npos) << watched.second;

  EXPECT_EQ(drayctl({"rollout", "resume", "r1", "--by", "ines", "--why", "one bad disk"}).first, 0);
  EXPECT_EQ(state(), "running");
  EXPECT_NE(plan(lyon, lyon_tag).at("assignments").at(0).at("planned_at"), held.at("planned_at"));
  tell(lyon, "r1-l-2", "succeeded");
  tell(lyon, "r1-l-3", "succeeded");
  EXPECT_EQ(drayctl({"rollout", "watch", "r1"}).first, 6) << "finished, but one has failed";
  EXPECT_EQ(drayctl({"rollout", "retry-failed", "r1", "--by", "ines"}).first, 0);
  const value retried = plan(lyon, lyon_tag).at("assignments").at(0);
  EXPECT_EQ(retried.at("jobs").at(0).at("id").as_string(), "r1.2-l-1");
  tell(lyon, "r1.2-l-1", "succeeded");
  const auto done = drayctl({"rollout", "watch", "r1"});
  EXPECT_EQ(done.first, 0) << done.second;
  std::string record;
  const value ended = rollout();
  for (const auto& event : ended.at("events").as_array())
    record += std::string{event.at("what").as_string()} + " ";
  EXPECT_EQ(record, "created released reached released paused resumed finished retried finished ");
}

TEST_F(PhasedRollout, WaitsForAnApprovalAndTakesWhoJoinsMeanwhile) {
  const object phase{{"approval", true}};
  array phases;
  phases.push_back(phase);
  const object wanted{{"release", "tills/2"},         {"filter", "site=lyon"},         {"delivery", "pull"},
                      {"update_at", in_seconds(-10)}, {"expires_at", in_seconds(600)}, {"phases", phases}};
  ASSERT_EQ(post("rollouts", wanted).status, 201);
  EXPECT_EQ(state(), "waiting_approval");
  EXPECT_EQ(post("rollouts/r1/resume", object{}).status, 409);
  const object nobody{{"why", "x"}};
  EXPECT_EQ(post("rollouts/r1/approve", nobody).detail(), "by: is missing");
  const object other{{"by", "kim"}, {"phase", 2}};
  const auto refused = post("rollouts/r1/approve", other);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.detail(), "phase: phase 1 waits for approval, not phase 2");
  std::string tag;
  EXPECT_TRUE(plan(lyon, tag).at("assignments").as_array().empty());

  const auto approved = drayctl({"rollout", "approve", "r1", "--by", "kim", "--phase", "1"});
  EXPECT_EQ(approved.first, 0) << approved.second;
  EXPECT_NE(approved.second.find("approved by kim"), std::string::npos) << approved.second;
  EXPECT_EQ(rollout().at("phases").at(0).at("approved").at("by").as_string(), "kim");
  EXPECT_EQ(plan(lyon, tag).at("assignments").at(0).at("jobs").as_array().size(), 3u);

  add_device("l-9", "lyon");
  for (;;) {  // one revision with the device, one with its job
    const value now = plan(lyon, tag);
    if (now.at("assignments").at(0).at("jobs").as_array().size() == 4) break;
    ASSERT_FALSE(HasFailure());
  }
  const auto shown = drayctl({"rollout", "show", "r1"});
  EXPECT_NE(shown.second.find("l-9"), std::string::npos) << shown.second;
  EXPECT_EQ(drayctl({"rollout", "pause", "r2"}).first, 1);
  EXPECT_EQ(drayctl({"rollout", "approve", "r1"}).first, 2) << "without --by";
}

TEST_F(PhasedRollout, TheSampleFileIsOne) {
  const auto sample =
      drayctl({"rollout", "create", in_sources("docs/rollout.sample.toml")});
  EXPECT_EQ(sample.first, 1) << "the file is well, but this server has no such release";
  EXPECT_NE(sample.second.find("no such release: 'till/26.11'"), std::string::npos) << sample.second;
}

}  // namespace
}  // namespace dray::testing_support
