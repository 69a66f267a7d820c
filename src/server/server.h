// The server: holds artifacts, plans sites, talks to gateways. Composed from ports; the simulator runs it
// unchanged.
#pragma once

#include "drive/task_group.h"
#include "server/admin_api.h"
#include "server/gateway_api.h"

namespace dray::server {

class Server {
 public:
  Server(Parts parts, Options options);

  // The two doors; both answer 503 (or 401) until run() has loaded. They may share a listener: see both().
  HttpHandler& admin_door() { return admin_; }
  HttpHandler& gateway_door() { return gateway_; }
  // Whether a request's token is the operator's, or a site's: who has shown one is no stranger.
  bool admin_knows(const HttpRequest& request) const { return admin_.knows(request); }
  bool gateway_knows(const HttpRequest& request) { return gateway_.knows(request); }
  HttpHandler& both() { return both_; }

  // start, begin, and at stop, end. An error: it could not start.
  Task<Result<>> run(Stop& stop);

  // The same in pieces, for a program that opens its doors between them. start() loads and makes the admin
  // token at the first start (admin-token in the data folder); begin() starts what goes on by itself; end()
  // waits until it has stopped.
  Task<Result<>> start();
  void begin();
  Task<> end();

 private:
  struct Both : HttpHandler {
    Both(HttpHandler& a, HttpHandler& g) : admin{a}, gateway{g} {}
    Task<HttpResponse> handle(HttpRequest request, Stop& stop) override;
    HttpHandler &admin, &gateway;
  };

  Task<Result<>> settle_admin_token();
  Task<> flush_contacts(Stop& stop);
  void watch_clock();
  Task<> sweep_uploads(Stop& stop);

  Parts parts_;
  Options options_;
  TaskGroup tasks_;
  Signal timetable_;
  Sites sites_;
  Artifacts artifacts_;
  Instances instances_;
  AdminApi admin_;
  GatewayApi gateway_;
  Both both_;
  LineLimit clock_lines_;
  bool clock_leapt_ = false;   // as was said last
  TimeMark clock_seen_;        // when it was looked at last
};

}  // namespace dray::server
