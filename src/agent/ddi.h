// The calls of the device protocol, one at a time each, with their statuses sorted. Loop thread only.
#pragma once

#include <string>

#include "base/log.h"
#include "drive/line_limit.h"
#include "ports/clock.h"
#include "ports/http.h"
#include "wire/ddi_client.h"

namespace dray::agent {

struct Server {
  std::string base;           // "http://gw:8080/DEFAULT/controller/v1/till-014", without a slash at the end
  std::string authorization;  // "TargetToken ..." or empty
};

class Ddi {
 public:
  // lines: what keeps the log short; it outlives this.
  Ddi(Server server, HttpClient& http, Log log, LineLimit& lines)
      : server_{std::move(server)}, http_{http}, log_{std::move(log)}, lines_{lines} {}

  // The last call that has ended brought an answer, if only a refusal.
  bool answered() const { return answered_; }

  struct Poll {
    bool changed = true;  // false: 304, `answer` is empty
    wire::client::PollAnswer answer;
    std::string etag;
  };
  // With an etag the server may hold the answer for `wait` (RFC 7240 "Prefer: wait"); a server that does not
  // know that answers at once.
  Task<Result<Poll>> poll(std::string etag, std::chrono::seconds wait, Stop& stop);
  Task<Result<std::string>> get(std::string href, Stop& stop);  // a small document; kNotFound: 404 and 410
  // What is told is never dropped in silence: kNotFound, kConflict: the action is gone, saying it again changes nothing.
  // A page for people (wire/page.h) is no answer: kUnavailable; one that says "gone" is believed when several polls were
  // read meanwhile.
  // kInvalid: refused, also without the words of people and programs, which are in the log then.
  Task<Result<>> put_config(std::map<std::string, std::string> data, Stop& stop);
  Task<Result<>> feedback(ActionId action, wire::client::FeedbackBody body, Stop& stop);
  Task<Result<>> answer_cancel(ActionId action, bool accepted, std::string sentence, Stop& stop);
  Task<Result<>> confirm(ActionId action, wire::client::Confirmation confirmation, Stop& stop);
  // The probe of the link (docs/gateway-api.md, "The probe of a device's link"): how many bytes came, and how long they
  // took from the request to the last one. It ends after ten seconds, with what came by then.
  struct Probed {
    std::uint64_t bytes = 0;
    Duration took{0};
  };
  Task<Result<Probed>> fetch_probe(std::string href, std::uint64_t bytes, Clock& clock, Stop& stop);
  Task<Result<>> tell_probe(std::string href, Probed probed, Stop& stop);

 private:
  std::string device_name() const;
  HttpRequest request(Method method, std::string target) const;
  Task<Result<>> say(std::string target, std::string full, std::string words, std::string reduced, Stop& stop);
  Task<Result<Poll>> ask_poll(std::string etag, std::chrono::seconds wait, Stop& stop);
  Result<> judge(const TextResponse& answer);
  Task<Result<>> send(Method method, std::string target, std::string body, Stop& stop);
  Task<Result<TextResponse>> call(HttpRequest ask, std::string body, Stop& stop);
  Server server_;
  HttpClient& http_;
  Log log_;
  LineLimit& lines_;
  std::string refused_;  // where words were refused last: said once
  std::optional<int> polls_since_page_;  // that were read, one after the other, since a page said that something is gone
  bool answered_ = false;
};

}  // namespace dray::agent
