#include "agent/session.h"

#include <algorithm>

#include "agent/boot.h"
#include "agent/installed.h"
#include "agent/state.h"
#include "base/text.h"
#include "wire/limits.h"

namespace dray::agent {

namespace at = core::attempt;

Agent::Agent(AgentSettings settings, AgentParts parts)
    : settings_{std::move(settings)}, parts_{std::move(parts)} {}
Agent::~Agent() = default;

Task<Exit> Agent::run(Stop& stop) {
  const Executor executor = co_await asio::this_coro::executor;
  session_ = std::make_unique<Session>(settings_, parts_, executor);
  co_return co_await session_->run(stop);
}

const at::Attempt* Agent::attempt() const {
  return session_ && session_->loaded() ? &session_->attempt() : nullptr;
}

void Agent::cancel_here(std::string by, std::string why) {
  if (session_ && session_->loaded()) session_->apply(at::CancelledHere{std::move(by), std::move(why)});
}

namespace {
core::GrowingPause::Limits retries(const AgentSettings& settings) {
  return {settings.retry_least / 2, settings.retry_least, settings.retry_most};
}

// Once more at once is enough where what it was told was lost on the way.
constexpr core::Brake::Limits kConfigLimits{.burst = 3, .paced = 0, .pace = Duration{60'000}, .rest = Duration{60'000}};

constexpr std::chrono::hours kPutOffIsSaid{24};

Server server_of(const AgentSettings& settings) {
  std::string url = settings.url;
  while (url.ends_with('/')) url.pop_back();
  return {url + "/" + settings.tenant + "/controller/v1/" + settings.id, settings.authorization};
}
}  // namespace

Agent::Session::Session(const AgentSettings& settings, AgentParts& parts, Executor executor)
    : settings_{settings},
      parts_{parts},
      lines_{parts.clock, parts.log},
      ddi_{server_of(settings), parts.http, parts.log, lines_},
      tasks_{executor},
      saves_{tasks_, parts.clock, parts.log,
             [this](const std::vector<std::string>& batch) { return save(batch.back()); }},
      driver_{saves_, parts.clock, parts.log,
              [](const int&, const at::Attempt*, const at::Attempt& after) { return encode_state(after); },
              [this](const int&, const at::Work& work) { perform(work); }, parts.watch},
      work_backoff_{retries(settings)},
      work_brake_{"Working on the update", parts.clock, parts.random, parts.log},
      talk_backoff_{retries(settings)},
      power_on_backoff_{retries(settings)},
      talk_brake_{"Talking with the gateway", parts.clock, parts.random, parts.log},
      config_brake_{"Telling the gateway what runs here", parts.clock, parts.random, parts.log, kConfigLimits} {}

std::vector<std::string> Agent::Session::why_slow() const {
  std::vector<std::string> out;
  for (const auto& one : {talk_brake_.sentence(), work_brake_.sentence(), config_brake_.sentence(), poll_trouble_.sentence(),
                          power_on_trouble_.sentence(), report_trouble_.sentence(), order_trouble_.sentence(), transfer_trouble_.sentence(),
                          installer_trouble_.sentence()})
    if (one) out.push_back(*one);
  const auto ago = std::chrono::floor<std::chrono::seconds>(parts_.clock.steady() - put_off_at_);
  if (!put_off_.empty() && ago < kPutOffIsSaid)
    out.push_back("An update was put off " + say_span(ago) + " ago: " + put_off_ + ". Whether it comes again the gateway knows");
  return out;
}

Task<Result<>> Agent::Session::on_disk(std::function<Result<>()> f) {
  co_return co_await on(parts_.worker, std::move(f));
}

Task<Result<>> Agent::Session::save(std::string text) {
  std::function<Result<>()> work = [this, &text] {
    return replace_file(parts_.disk, Path{kStateFile}, text);
  };
  co_return co_await on(parts_.worker, std::move(work));
}

Task<at::Attempt> Agent::Session::load() {
  std::function<Result<at::Attempt>()> work = [this] { return load_state(parts_.disk); };
  auto loaded = co_await on(parts_.worker, std::move(work));
  if (loaded) co_return std::move(*loaded);
  if (loaded.error().code() != ErrorCode::kNotFound) {
    parts_.log.error("state_unreadable", {{"why", loaded.error().message()}, {"kept_as", "state.json.bad"}});
    std::function<Result<>()> aside = [this] {
      return parts_.disk.rename(Path{kStateFile}, "state.json.bad");
    };
    [[maybe_unused]] auto moved = co_await on_disk(std::move(aside));
  }
  co_return at::Attempt{};
}

Task<bool> Agent::Session::ask_what_runs(Stop& stop) {
  for (;;) {
    InstallerEnv env;
    auto answer = co_await parts_.installer.run(InstallerVerb::kInstalled, std::move(env), stop);
    if (stop.requested()) co_return false;
    if (answer && answer->exit == InstallerExit::kOk) {
      core::RunningByComponent now;
      // Cleaned and cut as everybody cleans and cuts what was ordered: what differs behind that is the same version.
      for (const auto& [component, line] : answer->values) now[component] = installed_from(line);
      if (now != running_) power_on_told_ = false;
      running_ = std::move(now);
      installer_trouble_.over(parts_.log);
      co_return true;
    }
    installer_trouble_.failed(parts_.log, "installed: " + (answer ? answer->words : answer.error().message()));
    blind_changed_.notify();
    co_await pause(work_backoff_.next(chance()), stop);
  }
}

Task<> Agent::Session::pause(Duration time, Stop& stop) {
  [[maybe_unused]] auto how = co_await parts_.clock.sleep_until(parts_.clock.steady() + time, stop);
}

Task<Exit> Agent::Session::run(Stop& stop) {
  Stop::Hook hook{stop, [this] { tasks_.stop(); }};
  at::Attempt attempt = co_await load();
  const bool known = co_await learn_what_runs(attempt, stop);
  if (!known) co_return Exit::kStopped;
  running_at_start_ = running_;
  BootRecord boot;
  std::function<Result<>()> read_boot = [this, &boot] {
    boot = load_boot(parts_.disk);
    return Result<>{};
  };
  [[maybe_unused]] auto read = co_await on_disk(std::move(read_boot));
  for (const auto& [component, runs] : running_)
    parts_.log.info("installed",
                    {{"component", component}, {"version", runs.version}, {"sha256", runs.sha256}});
  driver_.put(kKey, std::move(attempt));
  at::Started started{boot.fallback, boot.why};
  counted_at_ = parts_.clock.steady();
  apply(started);
  auto settled = co_await saves_.settled();
  if (settled) {
    driver_.resume();
    tasks_.spawn(talk(tasks_.stop_signal()));
    tasks_.spawn(work(tasks_.stop_signal()));
    tasks_.spawn(count_down(tasks_.stop_signal()));
  }
  co_await tasks_.join();
  co_return stop.requested() ? Exit::kStopped : exit_;
}

void Agent::Session::apply(const at::Event& event) { driver_.apply(kKey, event, given()); }

// Behind the save: this is the work now.
void Agent::Session::perform(const at::Work& work) {
  work_ = work;
  refusals_ = 0;
  work_backoff_.reset();
  transfer_trouble_.over(parts_.log);
  work_changed_.notify();
  // Only for something to tell: a server that goes on asking a busy device is answered at the pace of our polls.
  if (due()) talk_changed_.notify();
  if (doing_ != nullptr) doing_->request();
  if (polling_ != nullptr && due()) polling_->request();
}

}  // namespace dray::agent
