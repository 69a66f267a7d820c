// The way to the server, under the gateway's name: every request carries Dray-Instance, and the server's word that another
// gateway answers for the site, or that it does not know the token, is taken where it comes, whatever was asked for.
//
// That word is a 409 with a problem document whose "reason" is "two_gateways". Any other 409 (a proxy's, or another
// server's, which may refuse reports so) is an answer like others. Loop thread only.
#pragma once

#include "gateway/identity.h"
#include "ports/http.h"

namespace dray::gateway {

class NamedClient : public HttpClient {
 public:
  // control: bytes of the WAN that are no artifact, as MeteredClient counts them above this.
  NamedClient(HttpClient& below, Identity& identity, std::uint64_t& control)
      : below_{below}, identity_{identity}, control_{control} {}

  Task<Result<int>> send(HttpRequest request, BodySink& sink, Stop& stop) override;

 private:
  HttpClient& below_;
  Identity& identity_;
  std::uint64_t& control_;
};

}  // namespace dray::gateway
