#include "server.h"

#include <iostream>

#include "adapters/posix/posix_disk.h"
#include "adapters/posix/signals.h"
#include "adapters/posix/system_clock.h"
#include "adapters/posix/thread_worker.h"
#include "net/server.h"

namespace dray::bench {

namespace {

// What a real transfer does for each turn, without its policy.
struct CountedTransfer : Transfer {
  std::uint64_t sent = 0;
  void on_sent(std::uint64_t total) override { sent = total; }
  void on_end(Result<>) override {}
  std::uint64_t allowance(SteadyTime) override { return UINT64_MAX; }
  bool stopped() const override { return false; }
};

class Handler : public HttpHandler {
 public:
  explicit Handler(const std::filesystem::path& folder) : disk_{folder} {
    for (const auto& name : *disk_.list("")) files_["/" + name] = *disk_.open(name, Mode::kRead);
  }

  std::optional<HttpResponse> now(HttpRequest& request) override {
    HttpResponse response{200};
    if (request.target == "/poll") {
      response.headers.add("Content-Type", "application/hal+json");
      response.body = poll_body();
      return response;
    }
    auto file = files_.find(request.target);
    if (file == files_.end()) return HttpResponse{404};
    response.headers.add("Content-Type", "application/octet-stream");
    response.body = FileSlice{file->second, 0, file->second->size(), std::make_shared<CountedTransfer>()};
    return response;
  }
  Task<HttpResponse> handle(HttpRequest, Stop&) override { co_return HttpResponse{404}; }

 private:
  adapters::PosixDisk disk_;
  std::map<std::string, std::shared_ptr<File>> files_;
};

Task<> stop_on(Stop& stop, adapters::SystemClock& clock, net::HttpServer& server) {
  (void)co_await clock.sleep_until(kSteadyMax, stop);
  co_await server.stop();
}

}  // namespace

const std::string& poll_body() {
  static const std::string body =
      R"({"config":{"polling":{"sleep":"00:05:00"}},"_links":{"deploymentBase":{"href":)"
      R"("http://gateway.site.example:8080/default/controller/v1/till-0014/deploymentBase/4711?c=-2129030598"},)"
      R"("configData":{"href":"http://gateway.site.example:8080/default/controller/v1/till-0014/configData"}}})";
  return body;
}

int serve(const std::filesystem::path& folder) {
  asio::io_context io;
  adapters::SystemClock clock{io};
  adapters::ThreadWorker bytes{io, "bytes"};
  Stop stop;
  adapters::StopOnSignals signals{io, stop};
  Handler handler{folder};
  net::HttpServer server{io, clock, Log{}, handler, {}, &bytes};
  auto listening = server.listen("127.0.0.1", 0);
  if (!listening) {
    std::cerr << listening.error().message() << '\n';
    return 1;
  }
  std::cout << server.port() << std::endl;
  asio::co_spawn(io, stop_on(stop, clock, server), asio::detached);
  io.run();
  return 0;
}

}  // namespace dray::bench
