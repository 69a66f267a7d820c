#include "gateway/gateway.h"

#include "base/mutant.h"

namespace dray::gateway {
namespace {

constexpr std::chrono::seconds kLinkEvery{60};
constexpr int kRatesEvery = Rates::kKeepEvery / kLinkEvery;

}  // namespace

Gateway::Gateway(Settings settings, Ports ports)
    : settings_{std::move(settings)},
      ports_{std::move(ports)},
      tasks_{ports_.executor},
      site_{{.settings = settings_,
             .clock = ports_.clock,
             .random = ports_.random,
             .tasks = tasks_,
             .store_worker = ports_.store_worker,
             .store = ports_.store,
             .log = ports_.log,
             .watch = ports_.watch,
             .stored = [this](const Sha256& sha) { return blobs_.has(sha); },
             .why_full = [this](const Sha256& sha) { return fetcher_.why_full(sha); },
             .why_damaged = [this](const Sha256& sha) { return fetcher_.why_damaged(sha); },
             .cut_transfers = [this](ActionId action) { door_.cut_transfers(action); },
             .knows_check = [this](const std::string& check) { return prober_.knows(check); },
             .refused = [this] { return identity_.refused(); }}},
      identity_{site_, ports_.random, ports_.place},
      named_{ports_.server, identity_, site_.link.wan_control},
      server_{named_, site_.link.wan_control},
      blobs_{ports_.disk, ports_.bytes_worker, ports_.clock, ports_.log},
      rates_{site_},
      wan_{site_, rates_, ports_.clock},
      fetcher_{{site_, blobs_, identity_, ports_.disk, ports_.bytes_worker, ports_.clock, ports_.random, server_, wan_}},
      rate_prober_{{site_, blobs_, identity_, rates_, wan_, server_, ports_.clock, ports_.random}},
      lan_prober_{site_, rates_, ports_.clock},
      plan_client_{site_, identity_, server_, ports_.clock, ports_.random},
      reporter_{site_, identity_, server_, ports_.clock, ports_.random},
      prober_{site_, ports_.probe, ports_.clock, tasks_},
      door_{{site_, blobs_, ports_.clock, ports_.bytes_worker, rates_, lan_prober_}},
      local_api_{site_, identity_, blobs_, fetcher_, rates_, ports_.random} {
  blobs_.save = [this](Writes writes) { site_.save(std::move(writes)); };
  blobs_.on_lost = [this](const Sha256& sha) {
    fetcher_.spoilt(sha);
    site_.artifact_lost(sha);
  };
  site_.storage_report = [this] { return storage(); };
  local_api_.why_slow = [this] { return why_slow(); };
  site_.rate_reports = [this] { return rates_.reports(); };
}

wire::StorageReport Gateway::storage() const {
  wire::StorageReport out;
  for (const auto& [sha, blob] : blobs_.all()) out.artifacts.push_back({sha, blob.size, true});
  out.used = blobs_.used();
  out.quota = site_.store_quota();
  out.damaged = fetcher_.damaged();
  return out;
}

std::vector<std::string> Gateway::why_slow() const {
  std::vector<std::string> out = fetcher_.why_slow();
  for (const auto& one : {plan_client_.why_slow(), reporter_.why_slow()})
    if (one) out.push_back(*one);
  return out;
}

Task<Result<>> Gateway::load() {
  std::function<Result<>(const Document&)> other = [this](const Document& document) -> Result<> {
    if (document.kind == kind::kArtifact) return blobs_.restore(document);
    if (document.kind == kind::kPartial) return fetcher_.restore(document);
    if (document.kind == kind::kRate) return rates_.restore(document);
    if (document.kind == kind::kMeta && document.id == "instance") return identity_.restore(document);
    return {};
  };
  std::function<Task<Result<>>()> ready = [this] { return prepare(); };
  co_return co_await site_.load(std::move(other), std::move(ready));
}

// A name that is new is durable before anything is sent under it.
Task<Result<>> Gateway::prepare() {
  DRAY_CO_CHECK(co_await blobs_.prepare());
  identity_.settle();
  co_return co_await site_.settled();
}

// What is counted while bytes move: a power cut may cost the last minutes of it.
Task<> Gateway::keep_counting() {
  std::uint64_t saved = 0;
  for (int turn = 1; !tasks_.stop_signal().requested(); ++turn) {
    const SteadyTime until = ports_.clock.steady() + kLinkEvery;
    [[maybe_unused]] const auto how = co_await ports_.clock.sleep_until(until, tasks_.stop_signal());
    const std::uint64_t sum = site_.link.lan + site_.link.wan;
    if (sum != saved) site_.save_link();
    saved = sum;
    if (turn % kRatesEvery == 0) rates_.keep();
  }
}

Task<> Gateway::run(Stop& stop) {
  Stop::Hook hook{stop, [this] { tasks_.stop(); }};
  Result<> loaded = co_await load();
  if (!loaded && stop.requested()) co_return;
  if (DRAY_MUTANT("ends_over_jobs") && site_.jobs().size() > 8) loaded = Error{ErrorCode::kCorrupt, "too many jobs"};
  if (!loaded) {
    failure_ = loaded.error();
    ports_.log.error("store_not_read", {{"why", loaded.error().message()}});
    co_return;
  }
  ports_.log.info("gateway_started", {{"jobs", site_.jobs().size()}, {"devices", site_.devices().size()}});
  Stop& all = tasks_.stop_signal();
  tasks_.spawn(site_.run(all));
  tasks_.spawn(plan_client_.run(all));
  tasks_.spawn(reporter_.run(all));
  tasks_.spawn(fetcher_.run(all));
  if (settings_.probe) {
    tasks_.spawn(rate_prober_.run(all));
    tasks_.spawn(lan_prober_.run(all));
  }
  tasks_.spawn(prober_.run(all));
  tasks_.spawn(keep_counting());
  co_await tasks_.join();
  ports_.log.info("gateway_stopped");
}

}  // namespace dray::gateway
