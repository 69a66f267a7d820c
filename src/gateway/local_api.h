// The gateway's own API for the people of its site; works with the WAN down (docs/gateway-api.md, "Local API"),
// and their small page (web/gateway).
#pragma once

#include "gateway/blobs.h"
#include "gateway/fetcher.h"
#include "gateway/rates.h"
#include "gateway/site.h"
#include "ports/http.h"

namespace dray::gateway {

// Not begun: a deferral would move it.
bool may_defer(const core::Job& job);

class LocalApi : public HttpHandler {
 public:
  LocalApi(Site& site, const Identity& identity, Blobs& blobs, Fetcher& fetcher, const Rates& rates, Random& random)
      : site_{site}, identity_{identity}, blobs_{blobs}, fetcher_{fetcher}, rates_{rates}, random_{random} {}
  Task<HttpResponse> handle(HttpRequest request, Stop& stop) override;
  // Set by the composer: why the talk with the server is slow or fails, in sentences.
  std::function<std::vector<std::string>()> why_slow;

 private:
  std::optional<HttpResponse> list(std::string_view path) const;  // as it is now, durable or not
  HttpResponse ready() const;
  HttpResponse status() const;
  boost::json::array unreadable() const;
  boost::json::array set_aside() const;
  HttpResponse jobs() const;
  HttpResponse devices() const;  // local_devices.cc
  // local_deferrals.cc
  HttpResponse deferrals() const;
  std::optional<HttpResponse> refuses(const core::Deferral& deferral) const;
  std::optional<HttpResponse> comes_too_late(const core::Deferral& deferral, bool accept_expiry) const;
  boost::json::object shown(const core::Deferral& deferral) const;
  Task<HttpResponse> add_deferral(HttpRequest& request);
  Task<HttpResponse> withdraw_deferral(std::string id);
  Task<HttpResponse> replace_deferral(HttpRequest& request, std::string id);
  Task<HttpResponse> confirm_device(HttpRequest& request, std::string name);  // local_devices.cc
  Task<HttpResponse> cancel_job(HttpRequest& request, std::string id);
  Task<HttpResponse> durable(HttpResponse response);
  // The last instant at which what the deferral means could still begin and be done in time; nothing: it means nothing.
  std::optional<WallTime> latest_possible(const core::Deferral& deferral) const;

  Site& site_;
  const Identity& identity_;
  Blobs& blobs_;
  Fetcher& fetcher_;
  const Rates& rates_;
  Random& random_;
};

}  // namespace dray::gateway
