// Every row of the attempt machine's own table, and at each the device's power is cut before its save, after
// it, and after its actions: the agent's production code against a scripted DDI server. A row that no story
// reaches fails the test unless it is listed here with its reason.
//
// A failure prints its point. DRAY_SIM_ROW="offered ordered failed/1" runs that one alone, with its trace.
//
// A story is "OPTIONS | PHASE ACT; PHASE ACT": when the attempt has come into PHASE it is held there, and ACT
// happens.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <set>
#include <sstream>

#include "agent/ab_dir.h"
#include "agent/agent.h"
#include "agent/agent_testing.h"
#include "agent/boot.h"
#include "sim/site/rows_testing.h"
#include "sim/world.h"

namespace dray::sim {
namespace {

using namespace std::chrono_literals;
using agent::testing::BodyFault;
using agent::testing::ScriptedDdi;
using agent::testing::TestPart;

using Words = std::vector<std::string>;

Words words_of(const std::string& text, char at) {
  Words out;
  std::istringstream in{text};
  for (std::string part; std::getline(in, part, at);)
    if (const auto first = part.find_first_not_of(' '); first != std::string::npos)
      out.push_back(part.substr(first, part.find_last_not_of(' ') - first + 1));
  return out;
}

// What an installer does wrong, by verb: slow late fail busy no. It outlives the lives of the device.
using Moods = std::map<InstallerVerb, std::string>;

class StoryInstaller final : public Installer {
 public:
  StoryInstaller(Installer& real, Clock& clock, const Moods& moods)
      : real_{real}, clock_{clock}, moods_{moods} {}

  Task<Result<InstallerAnswer>> run(InstallerVerb verb, InstallerEnv env, Stop& stop) override {
    co_await wait(verb, "slow", stop);
    const std::string now = mood(verb);
    InstallerAnswer answer;
    if (now == "fail") answer = {InstallerExit::kFailed, {}, "told to fail"};
    if (now == "busy") answer = {InstallerExit::kBusy, {{"retry_after", "1"}}, "told to be busy"};
    if (now == "no") answer.words = "no";
    if (now == "fail" || now == "busy" || now == "no") co_return answer;
    auto done = co_await real_.run(verb, std::move(env), stop);
    co_await wait(verb, "late", stop);
    co_return done;
  }

 private:
  std::string mood(InstallerVerb verb) const {
    const auto found = moods_.find(verb);
    return found == moods_.end() ? "" : found->second;
  }
  Task<> wait(InstallerVerb verb, std::string while_mood, Stop& stop) {
    while (mood(verb) == while_mood && !stop.requested()) [[maybe_unused]]
      const auto how = co_await clock_.sleep_until(clock_.steady() + 100ms, stop);
  }

  Installer& real_;
  Clock& clock_;
  const Moods& moods_;
};

class Story {
 public:
  using AtRow = std::function<void(Story&, const Crossing&)>;

  Story(const std::string& text, bool echo, AtRow at_row) : world_{kSeed, echo}, at_row_{std::move(at_row)} {
    const auto bar = text.find('|');
    for (const std::string& option : words_of(text.substr(0, bar), ' ')) options_.insert(option);
    for (const std::string& stage : words_of(text.substr(bar + 1), ';')) stages_.push_back(words_of(stage, ' '));
  }

  void cut() { device_.power_off(); }

  void run() {
    factory();
    device_.set_program([this](Node& node) {
      auto life = std::make_shared<Life>(*this, node);
      life_ = life;
      return life;
    });
    world_.on_crashed([this](Node& node) {
      check();
      world_.after(1s, [&node] { node.power_on(); });
      if (cuts_ > 0) {
        --cuts_;
        world_.after(6s, [this] { cut(); });
      }
    });
    server_.ask_first = options_.contains("ask");
    for (const auto& option : options_)
      if (option.starts_with("fail=")) moods_[verb_of(option.substr(5))] = "fail";
    if (options_.contains("busy")) moods_[InstallerVerb::kReady] = "busy";  // for ten minutes
    if (options_.contains("late")) moods_[InstallerVerb::kInstall] = "late";
    if (options_.contains("no_reboot")) moods_[InstallerVerb::kNeedsReboot] = "no";
    server_.fault = [this](const std::string&, std::uint64_t) {
      return BodyFault{held_ == "downloading"             ? BodyFault::Kind::kBusy
                       : options_.contains("wrong_bytes") ? BodyFault::Kind::kWrongBytes
                                                          : BodyFault::Kind::kNone};
    };
    world_.network().serve(server_node_, "gw", server_);
    device_.power_on();
    if (stages_.empty() || stages_[0][0] != "idle") server_.order(action_, {new_});
    if (!stages_.empty() && stages_[0][0] == "idle") world_.after(5s, [this] { stage(); });
    world_.after(10min, [this] { release(); });
    const auto ended = world_.run_until([this] { return over(); }, 12h);
    EXPECT_TRUE(ended) << ended.error().message();
    check();
  }

  std::size_t answers() const { return server_.confirmations.size(); }
  const std::vector<std::string>& reported() const { return server_.reported; }
  const std::vector<std::string>& feedback() const { return server_.feedback; }
  std::string tail() const { return world_.trace().tail(); }

 private:
  struct Life {
    Life(Story& s, Node& n)
        : story{s},
          node{n},
          http{s.world_.network(), n},
          real{n.disk(), "ab", n.disk(), n.worker("bytes")},
          moody{real, n.clock(), s.moods_} {
      agent::AgentSettings settings;
      settings.url = "http://gw";
      settings.id = "dev-1";
      settings.waits_while_busy = s.options_.contains("wait");
      const std::string boot = s.options_.contains("same_boot") ? "0" : std::to_string(n.boots());
      agent::AgentParts parts{
          n.clock(),         n.random(), n.disk(),
          n.worker("bytes"), http,       moody,
          "boot-" + boot,    n.log(),    [&s](const Crossing& crossing) { s.on_crossing(crossing); }};
      agent = std::make_unique<agent::Agent>(std::move(settings), std::move(parts));
      node.spawn(run(*this));
    }
    static Task<> run(Life& self) {
      agent::BootParts parts{self.node.disk(), self.node.worker("bytes"), self.real, self.node.log()};
      if (!self.story.options_.contains("alone")) {
        [[maybe_unused]] const auto started = co_await agent::before_start(std::move(parts), self.stop);
      }
      if (self.story.crashes_ > 0) {
        --self.story.crashes_;
        self.node.power_off();
        co_return;
      }
      const agent::Exit exit = co_await self.agent->run(self.stop);
      if (exit == agent::Exit::kRestart) self.node.power_off();
    }
    Story& story;
    Node& node;
    SimHttpClient http;
    agent::AbDirInstaller real;
    StoryInstaller moody;
    std::unique_ptr<agent::Agent> agent;
    Stop stop;
  };

  static InstallerVerb verb_of(const std::string& name) {
    for (int i = 0; i <= static_cast<int>(InstallerVerb::kCancel); ++i)
      if (to_string(static_cast<InstallerVerb>(i)) == name) return static_cast<InstallerVerb>(i);
    ADD_FAILURE() << "no verb " << name;
    return InstallerVerb::kInfo;
  }

  // Phases that a busy device comes into, and is held in by being busy.
  static bool is_busy(const std::string& phase) { return phase == "deferring" || phase == "waiting"; }

  static Task<> say(std::shared_ptr<Life> life, std::string line) {
    [[maybe_unused]] const auto answer = co_await life->agent->local_call(std::move(line), "ines");
  }

  // The work of a phase, which holds it as long as it is slow.
  static std::optional<InstallerVerb> work_of(const std::string& phase) {
    static const std::map<std::string, InstallerVerb> works{
        {"offered", InstallerVerb::kReady},         {"deferring", InstallerVerb::kReady},
        {"waiting", InstallerVerb::kReady},         {"holding", InstallerVerb::kReady},
        {"announcing", InstallerVerb::kReady},      {"verifying", InstallerVerb::kDownload},
        {"installing", InstallerVerb::kInstall},    {"installed", InstallerVerb::kNeedsReboot},
        {"verifying_boot", InstallerVerb::kVerify}, {"reverting", InstallerVerb::kRollback}};
    const auto found = works.find(phase);
    return found == works.end() ? std::nullopt : std::optional{found->second};
  }

  void on_crossing(const Crossing& crossing) {
    if (crossing.to == "verifying" && crossing.point == Crossing::Point::kBeforeSave) whole();
    const bool mine = next_ < stages_.size() && stages_[next_][0] == crossing.to;
    if (mine && crossing.point == Crossing::Point::kBeforeSave) hold(std::string{crossing.to});
    if (crossing.to == "offered" && next_ < stages_.size() && is_busy(stages_[next_][0]))
      moods_[InstallerVerb::kReady] = "busy";
    if (mine && crossing.point == Crossing::Point::kAfterActions) stage();
    at_row_(*this, crossing);
  }

  // Every byte of the order is here and hashed: none of them comes again, whatever happens from now on.
  void whole() {
    const auto life = life_.lock();
    const core::attempt::Order* order = core::attempt::order_of(*life->agent->attempt());
    for (const auto& part : order->parts) whole_.try_emplace(part.version, server_.bytes_of[part.version]);
  }

  void hold(const std::string& phase) {
    held_ = phase;
    const auto verb = work_of(phase);
    if (verb && !is_busy(phase) && moods_[*verb] != "late") moods_[*verb] = "slow";
  }

  void stage() {
    const Words words = stages_[next_++];
    world_.after(50ms, [this, words] { act(words); });
  }

  void act(const Words& words) {
    world_.trace().note(world_.now(), "script", words[0] + " " + words[1]);
    const std::string what = words[1];
    const TestPart running = new_, older = old_;
    if (what == "ordered" || what == "asked" || what == "runs" || what == "empty") {
      server_.ask_first = what == "asked";
      std::vector<TestPart> parts{newer_};
      if (what == "runs") parts = {words[0] == "committed" ? running : older};
      if (what == "empty") parts.clear();
      server_.order(++action_, std::move(parts));
    } else if (what == "withdrawn") {
      server_.withdraw();
    } else if (what == "cancel") {
      server_.cancel();
    } else if (what == "cancel_here") {
      if (const auto life = life_.lock()) life->agent->cancel_here("ines", "not now");
    } else if (what == "defer_here") {
      if (const auto life = life_.lock())
        device_.spawn(say(life, R"({"command":"answer","answer":"defer","for_s":5})"));
    } else if (what == "ready_here") {
      if (const auto life = life_.lock()) device_.spawn(say(life, R"({"command":"answer","answer":"ready"})"));
    } else if (what == "crash") {  // so many starts end before the agent does anything
      crashes_ = std::stoi(words[2]);
      cut();
    } else if (what == "cut") {
      cuts_ = std::stoi(words[2]) - 1;
      cut();
      return;  // held until the last cut
    } else if (const auto verb = work_of(words[0]); verb && (what == "fail" || what == "busy")) {
      moods_[*verb] = what;
      held_.clear();
      return;
    }
    // What was caused is seen while the phase is held; then it goes on.
    world_.after(15s, [this] { release(); });
  }

  void release() {
    held_.clear();
    for (auto& [verb, mood] : moods_)
      if (mood == "slow" || mood == "busy") mood.clear();
  }

  bool over() {
    if (cuts_ > 0) return false;
    if (next_ == stages_.size() && world_.now().time_since_epoch() > 11min) {  // every story is over by then
      options_.erase("same_boot");
      options_.erase("alone");
      options_.erase("wrong_bytes");
      moods_.clear();
      held_.clear();
    }
    const auto life = life_.lock();
    const auto* attempt = life && device_.up() ? life->agent->attempt() : nullptr;
    if (attempt == nullptr || next_ < stages_.size() || world_.now().time_since_epoch() < 20min) return false;
    return std::visit(
        [](const auto& phase) {
          if constexpr (requires { phase.ended; })
            return phase.ended.reported && phase.ended.tidied;
          else
            return std::is_same_v<std::decay_t<decltype(phase)>, core::attempt::Idle>;
        },
        attempt->phase);
  }

  void factory() {
    server_node_.power_on();
    bool done = false;
    device_.power_on();
    const auto install = [](Story& self, bool& out) -> Task<> {
      agent::AbDirInstaller installer{self.device_.disk(), "ab", self.device_.disk(),
                                      self.device_.worker("bytes")};
      Stop never;
      [[maybe_unused]] const auto placed = replace_file(self.device_.disk(), "factory", self.old_.bytes);
      const InstallerEnv order{"os",      "1",   sha256_of(as_bytes(self.old_.bytes)), self.old_.bytes.size(),
                               "factory", {"os"}};
      for (const auto verb : {InstallerVerb::kDownload, InstallerVerb::kInstall, InstallerVerb::kCommit}) {
        InstallerEnv env = order;
        [[maybe_unused]] const auto answer = co_await installer.run(verb, std::move(env), never);
      }
      out = true;
    };
    device_.spawn(install(*this, done));
    ASSERT_TRUE(world_.run_until([&] { return done; }, 1min));
    device_.bury({});
  }

  // What would start is whole and known, whatever happens.
  void check() {
    const auto link = device_.disk().read_link("ab/current");
    const auto image = link ? read_file(device_.disk(), "ab/" + *link + "/os/image", 1 << 20)
                            : Result<std::string>{link.error()};
    EXPECT_TRUE(image && (*image == old_.bytes || *image == new_.bytes || *image == newer_.bytes)) << tail();
    for (const auto& [version, bytes] : whole_) EXPECT_EQ(server_.bytes_of[version], bytes) << tail();
  }

  World world_;
  AtRow at_row_;
  Node& server_node_ = world_.add("gw");
  Node& device_ = world_.add("dev");
  ScriptedDdi server_{"http://gw"};
  std::set<std::string> options_;
  std::vector<Words> stages_;
  std::size_t next_ = 0;
  std::int64_t action_ = 101;
  const TestPart old_{"os", "1", std::string(3'000, 'a')}, new_{"os", "2", std::string(40'000, 'b')},
      newer_{"os", "3", std::string(41'000, 'c')};
  Moods moods_;
  std::string held_;
  int cuts_ = 0, crashes_ = 0;
  std::map<std::string, std::uint64_t> whole_;  // version -> bytes that had come when it was whole
  std::weak_ptr<Life> life_;
};

std::vector<std::string> attempt_stories() {
  std::vector<std::string> out{
      "|",
      "ask |",
      "no_reboot |",
      "| idle runs",
      "| idle empty",
      "| downloading cut 1",
      "ask | offered cut 1",
      "ask | deferring cut 1",
      "ask wait | waiting cut 1",
      "ask wait | waiting defer_here",
      "ask wait | waiting defer_here; deferring ready_here",
      "ask | deferring ready_here",
      "ask | deferring withdrawn; idle ready_here",
      "| announcing cut 1",
      "| announcing busy",
      "late | installing cut 1",
      "late | installing crash 3",
      "| installed cut 1",
      "same_boot | installed cut 6",
      "same_boot |",
      "alone same_boot |",
      "| installing cut 12",
      "alone same_boot | installed cut 12",
      "| verifying_boot cut 6",
      "alone | verifying_boot cut 12",
      "alone fail=verify | reverting cut 12",
      "fail=verify |",
      "fail=install |",
      "fail=download |",
      "fail=rollback fail=verify |",
      "wrong_bytes |",
  };
  for (const char* phase : {"downloading", "verifying", "holding", "announcing"})
    out.push_back(std::string{"alone | "} + phase + " cut 12");
  for (const std::string phase :
       {"offered", "waiting", "deferring", "downloading", "verifying", "holding", "announcing"}) {
    const std::string before = phase == "waiting"                           ? "ask wait | "
                               : phase == "offered" || phase == "deferring" ? "ask | "
                                                                            : "| ";
    for (const char* act : {"asked", "ordered", "runs", "empty", "withdrawn", "cancel", "cancel_here"})
      out.push_back(before + phase + " " + act);
  }
  for (const char* act : {"asked", "ordered", "runs", "empty"}) {
    out.push_back(std::string{"| committed "} + act);
    out.push_back(std::string{"fail=verify | rolled_back "} + act);
    out.push_back(std::string{"fail=download | failed "} + act);
    out.push_back(std::string{"| downloading cancel; cancelled "} + act);
  }
  return out;
}

// A server of another make shows its request again after a denial, at once and for ever.
TEST(AttemptRows, ABusyDeviceAnswersAServerThatAsksOnAtThePaceOfItsPolls) {
  Story story{"ask busy |", false, [](Story&, const Crossing&) {}};
  story.run();
  EXPECT_GT(story.answers(), 100U);
  EXPECT_LT(story.answers(), 700U);  // ten minutes, a poll a second
}

// M17: the gateway takes a power-on report of the new version as the end of the update, for good.
TEST(AttemptRows, AVersionThatIsLeftAgainIsNeverReportedAsRunning) {
  for (const char* text : {"fail=verify |", "fail=commit |", "no_reboot fail=verify |"}) {
    Story story{text, false, [](Story&, const Crossing&) {}};
    story.run();
    EXPECT_EQ(std::count(story.reported().begin(), story.reported().end(), "2"), 0) << text;
    EXPECT_GT(std::count(story.reported().begin(), story.reported().end(), "1"), 1) << text;
  }
  Story healthy{"|", false, [](Story&, const Crossing&) {}};
  healthy.run();
  EXPECT_EQ(healthy.reported().back(), "2");
  Story slow{"| verifying_boot nothing", false, [](Story&, const Crossing&) {}};  // held for a while
  slow.run();
  const auto& said = slow.feedback();
  EXPECT_EQ(std::count(said.begin(), said.end(), "proceeding none verifying"), 1);
  EXPECT_EQ(said.back(), "closed success");
}

// Rows that keep the machine total, and that no part of the agent can bring about.
const std::map<std::string, std::string> kNeverHappen{
    {"holding work_failed failed", "a device that is not ready is asked again, it does not fail"},
    {"announcing work_failed failed", "the same"},
    {"installed work_failed reverting",
     "asking whether a restart is needed can not fail: no answer means yes"},
};

bool attempt_with_cut(const std::string& text, const Row& row, bool echo) {
  SCOPED_TRACE("\"" + text + "\", replay with DRAY_SIM_ROW=\"" + row.first + "/" +
               std::to_string(row.second) + "\"");
  bool cut = false;
  Story story{
      text, echo, [&](Story& self, const Crossing& c) {
        if (cut || name_of(c.from, c.event, c.to) != row.first || static_cast<int>(c.point) != row.second)
          return;
        cut = true;
        self.cut();
      }};
  story.run();
  return cut;
}

std::map<Row, std::string> reached_attempt_rows() {
  std::map<Row, std::string> out;
  for (const std::string& text : attempt_stories()) {
    SCOPED_TRACE(text);
    Story story{text, false, [&](Story&, const Crossing& c) {
                  out.try_emplace({name_of(c.from, c.event, c.to), static_cast<int>(c.point)}, text);
                }};
    story.run();
    if (testing::Test::HasFailure()) break;
  }
  return out;
}

TEST(AttemptRows, EveryTransitionSurvivesAPowerCutBeforeItsSaveAfterItAndAfterItsActions) {
  const auto reached = reached_attempt_rows();
  if (const char* asked = std::getenv("DRAY_SIM_ROW")) {
    const std::string text = asked;
    const Row row{text.substr(0, text.find('/')), std::stoi(text.substr(text.find('/') + 1))};
    ASSERT_TRUE(reached.contains(row));
    std::cerr << reached.at(row) << "\n";
    attempt_with_cut(reached.at(row), row, true);
    return;
  }
  int wrong = 0;
  for (const auto& row : core::attempt::transitions())
    for (int point = 0; point < 3 && wrong < 20; ++point) {
      const Row key{name_of(row.from, row.event, row.to), point};
      if (kNeverHappen.contains(key.first)) {
        EXPECT_FALSE(reached.contains(key)) << "can happen after all: " << key.first;
        continue;
      }
      const auto found = reached.find(key);
      EXPECT_TRUE(found != reached.end()) << "no story reaches " << key.first << " at point " << point;
      const int before = failures();
      if (found != reached.end()) {
        EXPECT_TRUE(attempt_with_cut(found->second, key, false)) << "not reached again: " << key.first;
      }
      if (failures() != before) ++wrong;
    }
  std::cout << core::attempt::transitions().size() << " rows, three points each\n";
}

}  // namespace
}  // namespace dray::sim
