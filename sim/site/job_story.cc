#include "sim/site/job_story.h"

#include <algorithm>
#include <sstream>

#include "wire/ddi_client.h"

namespace dray::sim {
namespace {

using namespace std::chrono_literals;

const std::string kToken = "abcdefghijklmnopqrstuvwxyz012345";
const std::string kBase = "/DEFAULT/controller/v1/dev";

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> out;
  std::istringstream in{text};
  for (std::string part; std::getline(in, part, at);)
    if (const auto first = part.find_first_not_of(' '); first != std::string::npos)
      out.push_back(part.substr(first));
  return out;
}

gateway::Settings settings() {
  gateway::Settings out;
  out.server_url = "http://server";
  out.token = "server-token";
  out.poll_sleep = 60s;
  out.store_reserve = 0;
  out.retry = {600s, 600s};
  return out;
}

core::AnswerKind answer_of(const std::string& word) {
  static const std::map<std::string, core::AnswerKind> kinds{{"ready", core::AnswerKind::kReady},
                                                             {"busy", core::AnswerKind::kBusy},
                                                             {"defer", core::AnswerKind::kDefer},
                                                             {"refuse", core::AnswerKind::kRefuse},
                                                             {"cancelled", core::AnswerKind::kCancelled}};
  return kinds.at(word);
}

core::FeedbackKind feedback_of(const std::string& word) {
  static const std::map<std::string, core::FeedbackKind> kinds{
      {"proceeding", core::FeedbackKind::kProceeding},
      {"downloaded", core::FeedbackKind::kDownloaded},
      {"switching", core::FeedbackKind::kSwitching},
      {"verifying", core::FeedbackKind::kVerifying},
      {"success", core::FeedbackKind::kClosedSuccess},
      {"failure", core::FeedbackKind::kClosedFailure}};
  return kinds.at(word);
}

}  // namespace

JobStory::JobStory(std::uint64_t seed, bool echo)
    : world_{seed, echo},
      server_node_{&world_.add("server")},
      gateway_{&world_.add("gw")},
      device_{&world_.add("dev")} {
  server_node_->power_on();
  device_->power_on();
  http_ = std::make_unique<SimHttpClient>(world_.network(), *device_);
  server_ = std::make_unique<PlanServer>(*server_node_, "server-token");
  world_.network().serve(*server_node_, "server", *server_);
  artifacts_["os"] = server_->add_artifact(std::string(3'000, 'a'), "os", "2");
  artifacts_["os2"] = server_->add_artifact(std::string(3'100, 'b'), "os", "3");
  artifacts_["app"] = server_->add_artifact(std::string(2'000, 'c'), "app", "2");
  running_ = {{"os", "1"}, {"app", "1"}};
  gateway_->set_program([this](Node& node) {
    auto life = std::make_shared<GatewayLife>(world_, node, settings(), watch_);
    life_ = life;
    return life;
  });
  world_.on_crashed([this](Node& node) { world_.after(3s, [&node] { node.power_on(); }); });

  plan_.site = SiteId{"berlin"};
  plan_.action_ids = {{1101, 1'001'100}};
  core::DeviceType type;
  type.name = "t";
  type.components = {"os", "app"};
  type.order = {{"os"}, {"app"}};
  type.ask = core::Ask::kConfirmation;
  type.ends_on = core::EndsOn::kPowerOn;
  type.bytes_from = core::BytesFrom::kElsewhere;  // its stories are about phases; a device that lies has tests of its own
  plan_.device_types = {type};
  core::Device device;
  device.name = DeviceId{"dev"};
  device.type = "t";
  device.token_sha256 = sha256_of(as_bytes(kToken)).hex();
  plan_.devices = {device};
  for (const auto& [name, artifact] : artifacts_) plan_.artifacts.push_back(artifact);
  core::Assignment assignment;
  assignment.id = AssignmentId{"r1-berlin"};
  assignment.rollout = RolloutId{"r1"};
  assignment.planned_at = kWallStart;
  assignment.expires_at = kWallStart + 48h;
  assignment.jobs = {{JobId{"j"}, DeviceId{"dev"}, {{artifacts_["os"].sha256}}}};
  plan_.assignments = {assignment};
}

gateway::Site* JobStory::site() {
  const auto life = life_.lock();
  if (!gateway_->up() || !life || life->gateway() == nullptr || !life->gateway()->site().loaded())
    return nullptr;
  return &life->gateway()->site();
}

const core::Job* JobStory::job() {
  gateway::Site* at = site();
  const core::Job* found = at == nullptr ? nullptr : at->find_job(JobId{"j"});
  if (found != nullptr && !found->action.empty()) action_ = found->action;
  return found;
}

Result<> JobStory::run(std::string script) {
  gateway_->power_on();
  device_->spawn(play(*this, std::move(script)));
  return world_.run_until([this] { return over_; }, 24h);
}

Task<> JobStory::play(JobStory& self, std::string script) {
  bool first = true;
  for (const std::string& line : split(script, ';')) {
    Words words = split(line, ' ');
    self.world_.trace().note(self.world_.now(), "script", line);
    co_await self.act(std::move(words));
    if (std::exchange(first, false)) co_await self.power_on();
  }
  self.world_.trace().note(self.world_.now(), "script", "over");
  self.tidy_plan();
  co_await self.behave();
  self.over_ = true;
}

Task<> JobStory::act(Words words) {
  const std::string what = words[0];
  const std::string detail = words.size() > 1 ? words[1] : std::string{};
  if (what == "plan") {
    change_plan(words);
  } else if (what == "wait") {
    co_await wait_for(detail);
  } else if (what == "sleep") {
    co_await sleep(std::chrono::seconds{std::stoi(detail)});
  } else if (what == "confirm" || what == "deny") {
    wire::client::Confirmation body{what == "confirm", detail, {}, ""};
    if (words.size() > 2) body.retry_after = std::chrono::seconds{std::stoi(words[2])};
    const std::string path = "/confirmationBase/" + std::to_string(action_.value()) + "/feedback";
    [[maybe_unused]] const auto answer =
        co_await call(Method::kPost, path, wire::client::encode_confirmation(body), std::string{});
  } else if (what == "get") {
    co_await get(detail == "all");
  } else if (what == "fb") {
    if (detail == "success" && ends_by_itself()) run_step();  // a device that does not lie
    co_await feedback(std::move(words));
  } else if (what == "cfb") {
    const bool accepted = detail == "accepted";
    wire::client::FeedbackBody body{accepted ? "closed" : "rejected", accepted ? "success" : "none", "", {}};
    const std::string path = "/cancelAction/" + std::to_string(action_.value()) + "/feedback";
    [[maybe_unused]] const auto answer =
        co_await call(Method::kPost, path, wire::client::encode_feedback(action_, body), std::string{});
  } else if (what == "undo") {
    running_["os"] = "1";
  } else if (what == "on") {
    if (detail == "step") run_step();
    co_await power_on();
  } else {
    // The gateway may be down, or may lose power in it: then it is done again.
    for (int i = 0; i < 20 && !inject(words); ++i) co_await sleep(1s);
  }
}

// --- the server's side ---

void JobStory::change_plan(const Words& words) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto equals = words[i].find('=');
    change_plan(words[i].substr(0, equals), equals == std::string::npos ? "" : words[i].substr(equals + 1));
  }
  server_->publish(plan_);
}

void JobStory::change_plan(const std::string& key, const std::string& value) {
  core::Assignment& assignment = plan_.assignments.front();
  const WallTime now = world_.true_time();
  const auto seconds = [&](const std::string& text) { return std::chrono::seconds{std::stoi(text)}; };
  if (key == "ask") plan_.device_types[0].ask = core::Ask::kPoll;
  if (key == "ends") plan_.device_types[0].ends_on = core::EndsOn::kClosed;
  if (key == "bytes") plan_.device_types[0].bytes_from = core::BytesFrom::kGateway;
  if (key == "limit") assignment.retry.limit = std::stoi(value);
  if (key == "planned") assignment.planned_at = now + seconds(value);
  if (key == "expires") assignment.expires_at = now + seconds(value);
  if (key == "within") plan_.device_types[0].power_on_within = seconds(value);
  if (key == "gone") assignment.jobs.clear();
  if (key == "cancel") plan_.cancels = {{"c1", JobId{"j"}, "ines", "not today"}};
  if (key == "defer")
    plan_.deferrals = {{"d1", DeviceId{}, AssignmentId{}, now + seconds(value), "ines", "stocktaking"}};
  if (key == "window") {
    const auto dots = value.find("..");
    assignment.update = {{now + seconds(value.substr(0, dots)), now + seconds(value.substr(dots + 2))}};
  }
  if (key == "rival") {
    core::Assignment rival = assignment;
    rival.id = AssignmentId{"r2-berlin"};
    rival.rollout = RolloutId{"r2"};
    rival.priority = 9;
    rival.jobs = {{JobId{"k"}, DeviceId{"dev"}, {{artifacts_["os2"].sha256}, {artifacts_["app"].sha256}}}};
    plan_.assignments.push_back(std::move(rival));
  }
  if (key == "steps") {
    auto& steps = assignment.jobs.front().steps;
    steps.clear();
    if (value != "none")
      for (const std::string& name : split(value, '>')) steps.push_back({artifacts_.at(name).sha256});
  }
}

// From here on nothing in the plan holds the job back.
void JobStory::tidy_plan() {
  plan_.deferrals.clear();
  for (core::Assignment& assignment : plan_.assignments) {
    assignment.update.clear();
    assignment.planned_at = std::min(assignment.planned_at, world_.true_time());
  }
  server_->publish(plan_);
}

bool JobStory::inject(const Words& words) {
  gateway::Site* at = site();
  if (at == nullptr || job() == nullptr) return false;
  const JobId id{"j"};
  const std::string detail = words.size() > 1 ? words[1] : std::string{};
  core::Answered answer;
  answer.by = "somebody";
  if (words[0] == "quiet") {
    run_step();
    gateway::DeviceState* device = at->find_device("dev");
    for (const auto& [component, version] : running_) device->running[component] = {version, ""};
    at->refresh(*device);
  } else if (words[0] == "ans!") {
    answer.kind = answer_of(detail);
    at->apply(id, answer);
  } else if (words[0] == "fb!") {
    if (detail == "success" && ends_by_itself()) run_step();
    core::Feedback feedback;
    feedback.kind = feedback_of(detail);
    if (words.size() > 2) {
      answer.kind = answer_of(words[2]);
      feedback.answer = answer;
    }
    at->apply(id, feedback);
  } else if (words[0] == "allsent!") {
    at->apply(id, core::AllSent{});
  }
  return true;
}

// --- the device's side ---

Task<> JobStory::sleep(Duration time) {
  [[maybe_unused]] const auto how =
      co_await device_->clock().sleep_until(device_->clock().steady() + time, never_);
}

Task<> JobStory::wait_for(std::string phase) {
  for (int i = 0; i < 600; ++i) {
    const core::Job* now = job();
    if (now != nullptr && core::phase_name(now->phase) == phase) co_return;
    co_await sleep(500ms);
  }
}

// Again and again until there is an answer; a device that was told nothing has told nothing.
Task<JobStory::Answer> JobStory::call(Method method, std::string path, std::string body, std::string range) {
  for (int i = 0; i < 60; ++i) {
    HttpRequest request{method, "http://gw" + kBase + path};
    request.headers.add("Authorization", "TargetToken " + kToken);
    request.headers.add("Accept", "application/json, application/octet-stream");
    if (!body.empty()) request.headers.add("Content-Type", "application/json");
    if (!range.empty()) request.headers.add("Range", range);
    std::string copy = body;
    const auto answer = co_await exchange(*http_, std::move(request), std::move(copy), 1 << 20, never_);
    if (answer && answer->status != 503 && answer->status != 401) {
      world_.trace().note(
          world_.now(), "dev",
          std::string{dray::to_string(method)} + " " + path + ": " + std::to_string(answer->status));
      co_return Answer{answer->status, answer->body};
    }
    co_await sleep(1s);
  }
  co_return Answer{};
}

Task<> JobStory::feedback(Words words) {
  wire::client::FeedbackBody body{"proceeding", "none", "", {}};
  if (words[1] == "downloaded") body.execution = "downloaded";
  if (words[1] == "switching" || words[1] == "verifying") body.dray["phase"] = words[1];
  if (words[1] == "success" || words[1] == "failure") {
    body.execution = "closed";
    body.finished = words[1];
  }
  if (words.size() > 2) body.dray["answer"] = words[2];
  const std::string path = "/deploymentBase/" + std::to_string(action_.value()) + "/feedback";
  [[maybe_unused]] const auto answer =
      co_await call(Method::kPost, path, wire::client::encode_feedback(action_, body), std::string{});
}

Task<> JobStory::get(bool all) {
  const core::Job* now = job();
  if (now == nullptr || now->step >= now->terms.steps.size()) co_return;
  std::vector<core::Artifact> parts;
  for (const auto& wanted : now->terms.steps[now->step])
    for (const auto& [name, artifact] : artifacts_)
      if (artifact.sha256 == wanted.sha256) parts.push_back(artifact);
  for (const core::Artifact& part : parts) {
    const std::string path = "/softwaremodules/" + std::to_string(part.module_id) + "/artifacts/" + part.file;
    std::string range = all ? std::string{} : "bytes=0-" + std::to_string(part.size / 2);
    [[maybe_unused]] const auto answer = co_await call(Method::kGet, path, std::string{}, std::move(range));
  }
}

void JobStory::run_step() {
  const core::Job* now = job();
  if (now == nullptr || now->step >= now->terms.steps.size()) return;
  for (const auto& artifact : now->terms.steps[now->step]) running_[artifact.component] = artifact.version;
}

Task<> JobStory::power_on() {
  std::map<std::string, std::string> report{{"dray.boot_id", "boot-" + std::to_string(++boots_)}};
  for (const auto& [component, version] : running_) report["dray.version." + component] = version;
  [[maybe_unused]] const auto answer =
      co_await call(Method::kPut, "/configData", wire::client::encode_config_data(report), std::string{});
}

bool JobStory::all_ended() {
  gateway::Site* at = site();
  if (at == nullptr || !at->outbox().empty()) return false;
  return at->plan_etag() == "\"" + std::to_string(server_->plan().revision) + "\"" &&
         std::all_of(at->jobs().begin(), at->jobs().end(), [](const auto& entry) {
           return core::is_final(entry.second) && !core::action_is_open(entry.second);
         });
}

Task<> JobStory::behave() {
  while (!all_ended()) {
    const Answer poll = co_await call(Method::kGet, std::string{}, std::string{}, std::string{});
    const auto shown = wire::client::decode_poll(poll.body);
    if (poll.status == 200 && shown) {
      if (!shown->config_data.empty()) co_await power_on();
      const std::string link =
          shown->cancel + shown->confirmation + shown->deployment;  // at most one is there
      const auto action = wire::client::action_in_link(link);
      if (action) action_ = *action;
      Words words{shown->cancel.empty() ? "confirm" : "cfb", shown->cancel.empty() ? "" : "accepted"};
      std::string deployment = shown->deployment;
      if (!deployment.empty())
        co_await follow(std::move(deployment));
      else if (action)
        co_await act(std::move(words));
    }
    co_await sleep(10s);
  }
}

Task<> JobStory::follow(std::string link) {
  std::string path = link.substr(link.find(kBase) + kBase.size());
  const Answer text = co_await call(Method::kGet, std::move(path), std::string{}, std::string{});
  const auto deployment = wire::client::decode_deployment(text.body, {});
  if (text.status != 200 || !deployment) co_return;
  for (const auto& part : deployment->order.parts) {
    std::string file = part.url.substr(part.url.find(kBase) + kBase.size());
    const Answer bytes = co_await call(Method::kGet, std::move(file), std::string{}, std::string{});
    if (bytes.status != 200 || sha256_of(as_bytes(bytes.body)) != part.sha256) co_return;
  }
  for (const auto& part : deployment->order.parts) running_[part.component] = part.version;
  co_await power_on();
  Words words{"fb", "success"};
  co_await feedback(std::move(words));
}

std::vector<std::string> JobStory::wrong() {
  std::vector<std::string> out = server_->complaints();
  gateway::Site* at = site();
  if (at == nullptr) return {"the gateway is not there"};
  for (const auto& [id, one] : at->jobs()) {
    const wire::JobReport* known = server_->job(id.value());
    const core::JobState state = at->describe(one).state;
    if (known == nullptr || known->state != state)
      out.push_back("the server thinks that " + id.value() + " is " +
                    std::string{known == nullptr ? "unknown" : to_string(known->state)} + ", it is " + std::string{to_string(state)});
    if (state == core::JobState::kSucceeded && one.terms.incompatible.empty())
      for (const auto& step : one.terms.steps)
        for (const auto& artifact : step)
          if (id.value() == "j" && at->jobs().size() == 1 && running_[artifact.component] != artifact.version)
            out.push_back("the job succeeded, and the device runs " + running_[artifact.component]);
  }
  return out;
}

}  // namespace dray::sim
