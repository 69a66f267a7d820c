// The gateway, whole: what apps/dray-gateway and the simulator both run. Only what Ports holds comes from outside.
#pragma once

#include "gateway/blobs.h"
#include "gateway/ddi/door.h"
#include "gateway/fetcher.h"
#include "gateway/local_api.h"
#include "gateway/metered_client.h"
#include "gateway/plan_client.h"
#include "gateway/identity.h"
#include "gateway/lan_prober.h"
#include "gateway/named_client.h"
#include "gateway/prober.h"
#include "gateway/rate_prober.h"
#include "gateway/reporter.h"
#include "gateway/settings.h"
#include "gateway/site.h"

namespace dray::gateway {

struct Ports {
  Executor executor;
  Clock& clock;
  Random& random;
  Worker& store_worker;  // the only user of the store
  Worker& bytes_worker;  // the only user of the disk
  Disk& disk;
  HttpClient& server;
  Store& store;
  Log log;
  Watch watch = {};  // the simulator's: where faults are placed
  Probe* probe = nullptr;  // status checks; null: none are configured
  core::Place place = {};  // where the data lies; a copy of it elsewhere is another gateway
};

class Gateway {
 public:
  Gateway(Settings settings, Ports ports);
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  HttpHandler& door() { return door_; }           // for devices
  bool knows(const HttpRequest& request) const { return door_.knows(request); }  // a device, by its token
  HttpHandler& local_api() { return local_api_; } // for the site's people
  Site& site() { return site_; }
  const Rates& rates() const { return rates_; }
  const Fetcher& fetcher() const { return fetcher_; }

  // Loads what was saved and works until stopped. Both handlers answer 503 until it is loaded.
  Task<> run(Stop& stop);
  // Why run() ended by itself: the store could not be read.
  const std::optional<Error>& failure() const { return failure_; }

 private:
  Task<Result<>> load();
  Task<> keep_counting();
  Task<Result<>> prepare();
  wire::StorageReport storage() const;
  std::vector<std::string> why_slow() const;

  Settings settings_;
  Ports ports_;
  TaskGroup tasks_;
  Site site_;
  Identity identity_;
  NamedClient named_;
  MeteredClient server_;
  Blobs blobs_;
  Rates rates_;
  Wan wan_;
  Fetcher fetcher_;
  RateProber rate_prober_;
  LanProber lan_prober_;
  PlanClient plan_client_;
  Reporter reporter_;
  Prober prober_;
  ddi::Door door_;
  LocalApi local_api_;
  std::optional<Error> failure_;
};

}  // namespace dray::gateway
