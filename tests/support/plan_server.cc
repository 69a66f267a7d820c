#include "support/plan_server.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "adapters/posix/system_clock.h"
#include "drive/signal.h"
#include "net/server.h"
#include "ports/http.h"
#include "wire/range.h"

namespace dray::testing_support {
namespace {

// An artifact in memory.
class MemoryFile final : public File {
 public:
  explicit MemoryFile(std::string bytes) : bytes_{std::move(bytes)} {}
  Result<std::size_t> read(std::uint64_t at, std::span<std::byte> out) const override {
    if (at >= bytes_.size()) return std::size_t{0};
    const std::size_t n = std::min<std::size_t>(out.size(), bytes_.size() - static_cast<std::size_t>(at));
    std::copy_n(reinterpret_cast<const std::byte*>(bytes_.data()) + at, n, out.begin());
    return n;
  }
  Result<> write(std::uint64_t, ByteView) override { return Error{ErrorCode::kDenied, "read only"}; }
  Result<> sync() override { return {}; }
  std::uint64_t size() const override { return bytes_.size(); }

 private:
  std::string bytes_;
};

class CountSent final : public Transfer {
 public:
  explicit CountSent(std::atomic<std::uint64_t>& total) : total_{total} {}
  void on_sent(std::uint64_t sent) override {
    total_ += sent - before_;
    before_ = sent;
  }
  void on_end(Result<>) override {}
  std::uint64_t allowance(SteadyTime) override { return ~std::uint64_t{0}; }
  bool stopped() const override { return false; }

 private:
  std::atomic<std::uint64_t>& total_;
  std::uint64_t before_ = 0;
};

std::string prefixed(std::string_view target, std::string_view prefix) {
  target = target.substr(0, target.find('?'));
  return target.starts_with(prefix) ? std::string{target.substr(prefix.size())} : std::string{};
}

}  // namespace

struct PlanServer::State final : HttpHandler {
  explicit State(std::string t) : token{std::move(t)} {}

  std::string token;
  asio::io_context io;
  adapters::SystemClock clock{io};
  std::unique_ptr<net::HttpServer> server;
  std::uint16_t port = 0;
  std::thread thread;
  Signal changed;  // of the plan; loop thread

  mutable std::mutex mutex;
  std::condition_variable reported;
  core::Plan plan;
  std::vector<wire::Report> reports;
  std::map<std::string, std::shared_ptr<const File>> artifacts;
  core::ReportsSeen seen;
  int refusals = 0, refusal_status = 503;
  std::int64_t next_module = 31;
  std::atomic<std::uint64_t> sent{0};

  Task<HttpResponse> handle(HttpRequest request, Stop& stop) override {
    if (request.headers.get("Authorization") != "Bearer " + token) co_return HttpResponse{401};
    if (prefixed(request.target, "/gateway/v1") == "/plan") co_return co_await answer_plan(request, stop);
    if (prefixed(request.target, "/gateway/v1") == "/reports" && request.body) {
      auto body = co_await read_all(*request.body, wire::kMostReportBytes);
      co_return body ? take_reports(*body) : HttpResponse{400};
    }
    co_return answer_artifact(request);
  }

  Task<HttpResponse> answer_plan(const HttpRequest& request, Stop& stop) {
    const bool waits = request.headers.get("Prefer").find("wait=") != std::string_view::npos;
    const SteadyTime until = clock.steady() + std::chrono::seconds{waits ? 55 : 0};
    for (;;) {
      const auto generation = changed.generation();
      {
        const std::lock_guard lock{mutex};
        const std::string tag = "\"" + std::to_string(plan.revision) + "\"";
        if (request.headers.get("If-None-Match") != tag) {
          HttpResponse response{200};
          response.headers.add("ETag", tag);
          response.headers.add("Content-Type", "application/json");
          response.body = wire::encode_plan({plan, clock.wall(), seen});
          co_return response;
        }
      }
      const bool news = co_await changed.wait_past(generation, clock, until, stop);
      if (!news) co_return HttpResponse{304};
    }
  }

  HttpResponse take_reports(const std::string& body) {
    auto decoded = wire::decode_reports(body);
    HttpResponse response{decoded ? 200 : 400};
    const std::lock_guard lock{mutex};
    if (decoded)
      for (wire::Report& report : *decoded) {
        const core::ReportsSeen number{report.epoch, report.seq};
        if (number <= seen) continue;
        seen = number;
        reports.push_back(std::move(report));
      }
    reported.notify_all();
    response.headers.add("Content-Type", "application/json");
    response.body = decoded ? wire::encode_answer({seen, false}) : wire::problem(400, "Bad Request", decoded.error().message());
    return response;
  }

  HttpResponse answer_artifact(const HttpRequest& request) {
    const std::string sha = prefixed(request.target, "/gateway/v1/artifacts/");
    const std::lock_guard lock{mutex};
    const auto found = artifacts.find(sha);
    if (found == artifacts.end()) return HttpResponse{404};
    if (refusals > 0) {
      --refusals;
      HttpResponse refused{refusal_status};
      refused.headers.add("Retry-After", "1");
      return refused;
    }
    const std::uint64_t size = found->second->size();
    const auto answer = wire::answer_range({.range = request.headers.find("Range"),
                                            .if_range = request.headers.find("If-Range"),
                                            .is_get = request.method == Method::kGet,
                                            .size = size,
                                            .tag = sha});
    HttpResponse response{answer.status};
    response.headers.add("ETag", "\"" + sha + "\"");
    response.headers.add("Accept-Ranges", "bytes");
    if (answer.status == 416) response.headers.add("Content-Range", wire::unsatisfied_range(size));
    if (answer.status != 200 && answer.status != 206) return response;
    FileSlice slice{found->second, 0, size, std::make_shared<CountSent>(sent)};
    if (answer.status == 206) {
      slice.offset = answer.ranges.front().offset;
      slice.length = answer.ranges.front().length;
      response.headers.add("Content-Range", wire::content_range(answer.ranges.front(), size));
    }
    response.body = std::move(slice);
    return response;
  }
};

PlanServer::PlanServer(std::string token) : state_{std::make_unique<State>(std::move(token))} {
  state_->server = std::make_unique<net::HttpServer>(state_->io, state_->clock, Log{}, *state_);
  if (!state_->server->listen("127.0.0.1", 0)) std::abort();
  state_->port = state_->server->port();
  state_->thread = std::thread([this] {
    const auto work = asio::make_work_guard(state_->io);
    state_->io.run();
  });
}

PlanServer::~PlanServer() {
  state_->io.stop();
  state_->thread.join();
  state_->server.reset();
}

std::string PlanServer::url() const { return "http://127.0.0.1:" + std::to_string(state_->port); }

void PlanServer::publish(core::Plan plan) {
  {
    const std::lock_guard lock{state_->mutex};
    plan.revision = state_->plan.revision + 1;
    state_->plan = std::move(plan);
  }
  asio::post(state_->io, [this] { state_->changed.notify(); });
}

core::Plan PlanServer::plan() const {
  const std::lock_guard lock{state_->mutex};
  return state_->plan;
}

core::Artifact PlanServer::add_artifact(std::string bytes, std::string file, std::string component, std::string version) {
  core::Artifact artifact;
  artifact.sha256 = sha256_of(as_bytes(bytes));
  Hasher sha1{Hasher::Kind::kSha1};
  sha1.update(as_bytes(bytes));
  artifact.sha1 = sha1.finish_hex();
  artifact.md5 = md5_of(as_bytes(bytes));
  artifact.size = bytes.size();
  artifact.name = file;
  artifact.file = std::move(file);
  artifact.component = std::move(component);
  artifact.version = std::move(version);
  const std::lock_guard lock{state_->mutex};
  artifact.module_id = state_->next_module++;
  state_->artifacts[artifact.sha256.hex()] = std::make_shared<MemoryFile>(std::move(bytes));
  return artifact;
}

std::optional<wire::JobReport> PlanServer::job(const std::string& id) const {
  const std::lock_guard lock{state_->mutex};
  for (auto it = state_->reports.rbegin(); it != state_->reports.rend(); ++it)
    if (const auto* job = std::get_if<wire::JobReport>(&it->body); job != nullptr && job->job.value() == id) return *job;
  return {};
}

std::optional<wire::DeviceReport> PlanServer::device(const std::string& id) const {
  const std::lock_guard lock{state_->mutex};
  for (auto it = state_->reports.rbegin(); it != state_->reports.rend(); ++it)
    if (const auto* d = std::get_if<wire::DeviceReport>(&it->body); d != nullptr && d->device.value() == id) return *d;
  return {};
}

bool PlanServer::wait_for_job(const std::string& id, const std::string& state, std::chrono::seconds at_most) {
  return wait_until(
      [&] {
        const auto report = job(id);
        return report && core::to_string(report->state) == state;
      },
      at_most);
}

bool PlanServer::wait_until(const std::function<bool()>& pred, std::chrono::seconds at_most) {
  const auto deadline = std::chrono::steady_clock::now() + at_most;
  for (;;) {
    std::size_t known = 0;
    {
      const std::lock_guard lock{state_->mutex};
      known = state_->reports.size();
    }
    if (pred()) return true;
    std::unique_lock lock{state_->mutex};
    if (!state_->reported.wait_until(lock, deadline, [&] { return state_->reports.size() != known; })) return false;
  }
}

std::vector<wire::Report> PlanServer::reports() const {
  const std::lock_guard lock{state_->mutex};
  return state_->reports;
}

std::uint64_t PlanServer::artifact_bytes() const { return state_->sent; }

void PlanServer::refuse_artifacts(int status, int n) {
  const std::lock_guard lock{state_->mutex};
  state_->refusals = n;
  state_->refusal_status = status;
}

}  // namespace dray::testing_support
