// The gateway's own API for the people of its site; works with the WAN down (docs/gateway-api.md, "Local API").
#pragma once

#include "gateway/blobs.h"
#include "gateway/fetcher.h"
#include "gateway/rates.h"
#include "gateway/site.h"
#include "ports/http.h"

namespace dray::gateway {

class LocalApi : public HttpHandler {
 public:
  LocalApi(Site& site, Blobs& blobs, Fetcher& fetcher, const Rates& rates, Random& random)
      : site_{site}, blobs_{blobs}, fetcher_{fetcher}, rates_{rates}, random_{random} {}
  Task<HttpResponse> handle(HttpRequest request, Stop& stop) override;

 private:
  HttpResponse status() const;
  HttpResponse jobs() const;
  Task<HttpResponse> add_deferral(HttpRequest& request);
  Task<HttpResponse> withdraw_deferral(std::string id);
  Task<HttpResponse> cancel_job(HttpRequest& request, std::string id);
  Task<HttpResponse> durable(HttpResponse response);
  // The last instant at which each job that the deferral means could still begin; nothing: it means none.
  std::optional<WallTime> latest_possible(const core::Deferral& deferral) const;

  Site& site_;
  Blobs& blobs_;
  Fetcher& fetcher_;
  const Rates& rates_;
  Random& random_;
};

}  // namespace dray::gateway
