// What the connections of one server share. They hold it, so that frames that die late with the loop find it.
// Internal to net.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/stop.h"
#include "core/schedule/line_budget.h"
#include "net/limits.h"
#include "net/message_parser.h"
#include "ports/clock.h"
#include "ports/http.h"
#include "ports/worker.h"

namespace dray::net {

class Connection;

struct ServerCore {
  ServerCore(asio::io_context& i, Clock& c, Log l, HttpHandler& h, const Limits& li, Worker* b,
             std::function<bool(const HttpRequest&)> k)
      : io{i}, clock{c}, log{std::move(l)}, handler{h}, limits{li}, bytes{b}, knows{std::move(k)}, request{Method::kGet, {}} {
    failed.close = true;
  }

  // Ready for the next head; keeps the memory of the last one where its handler has left it.
  void renew_request() {
    request.headers.clear();
    request.body.reset();
    request.length.reset();
  }

  asio::io_context& io;
  Clock& clock;
  Log log;
  HttpHandler& handler;
  Limits limits;
  Worker* bytes;
  std::function<bool(const HttpRequest&)> knows;
  core::LineBudget full_lines, accept_lines;  // of what strangers can cause; said with how many were left out before

  // Set by the sweep: deadlines and dates need no better, and requests need no clock.
  SteadyTime now{};
  std::string date;

  std::list<Connection*> open;  // in no order; a connection takes itself out when it closes
  std::list<Connection*> strangers;  // of these, that have proven no token, oldest first
  std::size_t refused = 0;           // of these, answered 503
  std::size_t alive = 0;        // objects; closed ones may still have a handler running
  bool stopping = false;
  Stop stop_accepting;
  Stop all_gone;  // requested when stopping and alive is 0
  Stop ended;     // ends the sweep

  // For what happens at one go on the loop, so that an idle connection owns none of it.
  std::vector<char> scratch = std::vector<char>(64 * 1024);
  std::string out;
  RequestParser parser;
  HttpRequest request;
  HttpResponse failed{500};
};

}  // namespace dray::net
