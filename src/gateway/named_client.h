// The way to the server, under the gateway's name: every request carries Dray-Instance, and a 409 means that another
// gateway answers for the site. Loop thread only.
#pragma once

#include "gateway/identity.h"
#include "ports/http.h"

namespace dray::gateway {

class NamedClient : public HttpClient {
 public:
  // control: bytes of the WAN that are no artifact, as MeteredClient counts them above this.
  NamedClient(HttpClient& below, Identity& identity, std::uint64_t& control)
      : below_{below}, identity_{identity}, control_{control} {}

  Task<Result<int>> send(HttpRequest request, BodySink& sink, Stop& stop) override {
    request.headers.add(kHeader, identity_.name());
    control_ += kHeader.size() + identity_.name().size() + 4;
    const Result<int> status = co_await below_.send(std::move(request), sink, stop);
    if (status && *status == 409) identity_.was_refused();
    co_return status;
  }

 private:
  static constexpr std::string_view kHeader = "Dray-Instance";

  HttpClient& below_;
  Identity& identity_;
  std::uint64_t& control_;
};

}  // namespace dray::gateway
