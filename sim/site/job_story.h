// One job at a real gateway, led through its phases by a script: what the server plans and what a device
// does. The device's hand is scripted over the device door; what no device can cause is put into the machine
// itself ("!").
//
//   plan [KEY=VALUE|WORD]...   publishes a plan that is changed by: ask=poll ends=closed bytes=gateway limit=N planned=+S
//   expires=+S
//                              within=S steps=os|os2|os>app|none window=+S..+S|none defer=+S|none cancel gone
//                              rival
//   wait PHASE                 of the job, at most a few minutes: after a power cut it may never come
//   sleep S
//   confirm | deny ANSWER [S]  the device's answer to the communication request
//   get half|all               fetches of each artifact of the step
//   fb KIND [ANSWER]           feedback: proceeding downloaded switching verifying success failure
//   cfb accepted|rejected      answer to a cancel
//   on old|step                a start with a power-on report: what ran before, or what the step orders
//   undo                       what runs of a step that has ended is what ran before; nobody is told yet
//   quiet                      the step's versions run, and the gateway knows it without an event
//   ans! KIND   fb! KIND [ANSWER]   allsent!
//
// After the script the device behaves as any good client: it asks, does what it is shown and reports, until
// every job has ended.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/site/gateway_life.h"
#include "sim/site/plan_server.h"

namespace dray::sim {

class JobStory {
 public:
  JobStory(std::uint64_t seed, bool echo);

  World& world() { return world_; }
  Node& gateway() { return *gateway_; }
  void watch(Watch watch) { watch_ = std::move(watch); }

  Result<> run(std::string script);
  std::vector<std::string> wrong();

 private:
  using Words = std::vector<std::string>;
  struct Answer {
    int status = 0;
    std::string body;
  };

  gateway::Site* site();
  const core::Job* job();
  static Task<> play(JobStory& self, std::string script);
  Task<> act(Words words);
  void change_plan(const Words& words);
  void change_plan(const std::string& key, const std::string& value);
  void tidy_plan();
  bool inject(const Words& words);

  Task<> wait_for(std::string phase);
  Task<> sleep(Duration time);
  Task<Answer> call(Method method, std::string path, std::string body, std::string range);
  Task<> feedback(Words words);
  Task<> get(bool all);
  Task<> power_on();
  void run_step();
  bool ends_by_itself() const { return plan_.device_types[0].ends_on == core::EndsOn::kClosed; }
  Task<> behave();
  Task<> follow(std::string deployment);
  bool all_ended();

  World world_;
  Node *server_node_, *gateway_, *device_;
  std::unique_ptr<PlanServer> server_;
  std::weak_ptr<GatewayLife> life_;
  std::unique_ptr<SimHttpClient> http_;
  Watch watch_;
  Stop never_;
  core::Plan plan_;
  std::map<std::string, core::Artifact> artifacts_;  // "os", "os2", "app"
  std::map<std::string, std::string> running_;       // the truth about the device
  int boots_ = 0;
  ActionId action_;  // the last one seen
  bool over_ = false;
};

}  // namespace dray::sim
