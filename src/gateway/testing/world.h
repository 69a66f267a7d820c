// For tests of the gateway: the real Gateway over a temporary folder and SQLite, a scripted server that it calls
// directly, and devices that call its door directly. No sockets; the test itself turns the loop.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>

#include "adapters/posix/posix_disk.h"
#include "adapters/posix/system_clock.h"
#include "adapters/posix/system_random.h"
#include "adapters/posix/thread_worker.h"
#include "adapters/sqlite/gateway_store.h"
#include "gateway/gateway.h"
#include "wire/http_fields.h"
#include "gateway/testing/wrong_clock.h"
#include "wire/range.h"

namespace dray::gateway::testing_world {

using namespace std::chrono_literals;

// docs/gateway-api.md from the other side, as little as a test needs.
class ScriptedServer : public HttpClient {
 public:
  ScriptedServer(Clock& clock, std::function<WallTime()> now) : clock_{clock}, now_{std::move(now)} {}

  core::Plan plan;
  core::ReportsSeen seen;
  std::map<std::string, std::string> artifacts;  // by SHA-256
  std::vector<wire::Report> reports;
  std::vector<std::string> requests;             // "GET /gateway/v1/plan"
  std::map<std::string, std::vector<std::string>> ranges;  // asked for, by SHA-256
  bool away = false, resync = false, ignores_range = false, holds_reports = false;
  std::optional<std::string> garbage;            // instead of a plan
  std::optional<std::uint64_t> cut_after;        // bytes of the next artifact body
  int refusals = 0;                              // 503
  std::function<std::optional<TextResponse>(const std::string& body)> answers_reports;  // in place of taking them
  std::uint64_t body_bytes = 0;
  Duration plan_takes{};                         // between a plan's head and its body, in the time of `pass`
  std::uint64_t wan_rate = 0;                    // bytes per second of bodies, in the time of `pass`; 0: none passes
  std::function<void(Duration)> pass;            // lets time pass at once
  std::function<void()> on_cut;
  bool unknown_token = false;                    // 401, as a server that does not know the gateway's token
  bool refuses = false;                          // another gateway answers for the site: 409
  std::string refusal_type = "application/problem+json", refusal_body = R"({"status":409,"reason":"two_gateways"})";
  std::string instance;                          // of the last request
  Signal changed;

  void publish() {
    ++plan.revision;
    changed.notify();
  }

  core::Artifact add_artifact(const std::string& bytes, std::string component, std::string version, std::int64_t module) {
    core::Artifact a;
    a.sha256 = sha256_of(as_bytes(bytes));
    Hasher sha1{Hasher::Kind::kSha1};
    sha1.update(as_bytes(bytes));
    a.sha1 = sha1.finish_hex();
    a.md5 = md5_of(as_bytes(bytes));
    a.size = bytes.size();
    a.name = component + "-image";
    a.file = component + " image.img";
    a.component = std::move(component);
    a.version = std::move(version);
    a.module_id = module;
    artifacts[a.sha256.hex()] = bytes;
    plan.artifacts.push_back(a);
    return a;
  }

  std::optional<wire::JobReport> job(const std::string& id) const { return newest<wire::JobReport>([&](const auto& r) { return r.job.value() == id; }); }
  std::optional<wire::DeviceReport> device(const std::string& id) const {
    return newest<wire::DeviceReport>([&](const auto& r) { return r.device.value() == id; });
  }
  template <class T, class F>
  std::optional<T> newest(F fits) const {
    for (auto it = reports.rbegin(); it != reports.rend(); ++it)
      if (const auto* found = std::get_if<T>(&it->body); found != nullptr && fits(*found)) return *found;
    return {};
  }

  Task<Result<int>> send(HttpRequest request, BodySink& sink, Stop& stop) override {
    const std::string path = request.target.substr(request.target.find("/gateway/v1"));
    requests.push_back(std::string{to_string(request.method)} + " " + path);
    instance = request.headers.get("Dray-Instance");
    if (away) co_return Error{ErrorCode::kUnavailable, "no connection"};
    if (unknown_token) co_return co_await refuse_token(sink);
    if (refuses) co_return co_await refuse(sink);
    if (path == "/gateway/v1/plan") co_return co_await send_plan(request, sink, stop);
    if (path == "/gateway/v1/reports") co_return co_await take_reports(request, sink);
    if (path.starts_with("/gateway/v1/probe?bytes=")) {
      std::string body(std::stoul(path.substr(path.find('=') + 1)), 'p');
      co_return co_await send_body(sink, 200, std::move(body));
    }
    co_return co_await send_artifact(request, path.substr(path.rfind('/') + 1), sink);
  }

 private:
  Task<Result<int>> answer(BodySink& sink, int status, Headers headers, std::string body) {
    DRAY_CO_CHECK(sink.head(status, headers));
    if (const Duration takes = std::exchange(plan_takes, {}); pass && takes > Duration{0}) pass(takes);
    if (!body.empty()) DRAY_CO_CHECK(co_await sink.write(as_bytes(body)));
    co_return status;
  }

  Task<Result<int>> refuse_token(BodySink& sink) {
    Headers headers;
    headers.add("WWW-Authenticate", "Bearer");
    co_return co_await answer(sink, 401, headers, "");
  }

  Task<Result<int>> refuse(BodySink& sink) {
    Headers headers;
    headers.add("Content-Type", refusal_type);
    co_return co_await answer(sink, 409, headers, refusal_body);
  }

  Task<Result<int>> send_plan(HttpRequest& request, BodySink& sink, Stop& stop) {
    const bool waits = request.headers.find("Prefer").has_value();
    const SteadyTime until = clock_.steady() + (waits ? Duration{55'000} : Duration{0});
    for (;;) {
      if (unknown_token) co_return co_await refuse_token(sink);
      if (refuses) co_return co_await refuse(sink);  // also one that was held
      const auto generation = changed.generation();
      const std::string tag = "\"" + std::to_string(plan.revision) + "\"";
      Headers headers;
      if (garbage) co_return co_await answer(sink, 200, headers, *garbage);
      if (request.headers.get("If-None-Match") != tag) {
        headers.add("ETag", tag);
        std::string body = wire::encode_plan({plan, now(), seen});
        co_return co_await answer(sink, 200, headers, std::move(body));
      }
      if (co_await changed.wait_past(generation, clock_, until, stop)) continue;
      if (stop.requested()) co_return Error{ErrorCode::kStopped, "stopped"};
      if (refuses) co_return co_await refuse(sink);
      headers.add("Date", wire::to_http_date(now()));
      co_return co_await answer(sink, 304, headers, "");
    }
  }

  Task<Result<int>> take_reports(HttpRequest& request, BodySink& sink) {
    auto body = co_await read_all(*request.body, wire::kMostReportBytes);
    if (const auto other = answers_reports ? answers_reports(*body) : std::nullopt)
      co_return co_await answer(sink, other->status, other->headers, other->body);
    const auto decoded = wire::decode_reports(*body);
    EXPECT_TRUE(decoded) << (decoded ? "" : decoded.error().message());
    if (holds_reports) co_return Error{ErrorCode::kUnavailable, "cut before the answer"};
    for (const auto& report : *decoded) {
      EXPECT_GT((core::ReportsSeen{report.epoch, report.seq}), last_in_request_);
      reports.push_back(report);
      seen = std::max(seen, {report.epoch, report.seq});
    }
    std::string text = wire::encode_answer({seen, std::exchange(resync, false)});
    Headers headers;
    co_return co_await answer(sink, 200, headers, std::move(text));
  }

  Task<Result<int>> send_artifact(HttpRequest& request, std::string sha, BodySink& sink) {
    Headers headers;
    if (refusals > 0) {
      --refusals;
      headers.add("Retry-After", "0");
      co_return co_await answer(sink, 503, headers, "busy");
    }
    if (!artifacts.contains(sha)) co_return co_await answer(sink, 404, headers, "");
    const std::string& all = artifacts.at(sha);
    std::uint64_t from = 0;
    const auto range = request.headers.find("Range");
    ranges[sha].push_back(range ? std::string{*range} : "");
    if (range && !ignores_range) from = std::stoull(std::string{range->substr(6)});
    if (from > 0) headers.add("Content-Range", "bytes " + std::to_string(from) + "-" + std::to_string(all.size() - 1) + "/" + std::to_string(all.size()));
    const int status = from > 0 ? 206 : 200;
    headers.add("ETag", "\"" + sha + "\"");
    DRAY_CO_CHECK(sink.head(status, headers));
    const std::uint64_t end = cut_after ? std::min<std::uint64_t>(all.size(), from + *cut_after) : all.size();
    cut_after.reset();
    DRAY_CO_CHECK(co_await send_pieces(sink, std::string_view{all}.substr(from, end - from)));
    if (end == all.size()) co_return status;
    if (on_cut) on_cut();
    co_return Error{ErrorCode::kUnavailable, "cut"};
  }

  Task<Result<int>> send_body(BodySink& sink, int status, std::string body) {
    const Headers headers;
    DRAY_CO_CHECK(sink.head(status, headers));
    DRAY_CO_CHECK(co_await send_pieces(sink, body));
    co_return status;
  }

  Task<Result<>> send_pieces(BodySink& sink, std::string_view bytes) {
    const std::size_t most = wan_rate > 0 && wan_rate < 5'000'000 ? 16 << 10 : 64 << 10;
    while (!bytes.empty()) {
      const auto piece = bytes.substr(0, most);
      bytes.remove_prefix(piece.size());
      body_bytes += piece.size();
      owed_ += wan_rate == 0 ? 0 : static_cast<double>(piece.size()) * 1000 / static_cast<double>(wan_rate);
      const Duration whole{static_cast<Duration::rep>(owed_)};
      owed_ -= static_cast<double>(whole.count());
      if (pass && whole > Duration{0}) pass(whole);
      DRAY_CO_CHECK(co_await sink.write(as_bytes(piece)));
    }
    co_return Result<>{};
  }

  WallTime now() const { return now_(); }
  Clock& clock_;
  std::function<WallTime()> now_;
  core::ReportsSeen last_in_request_{0, 0};
  double owed_ = 0;  // milliseconds of the WAN that have not passed yet
};

struct Answer {
  int status = 0;
  Headers headers;
  std::string body;
  boost::json::value json() const { return boost::json::parse(body); }
};

struct Sent {
  std::string device = "dev-1", token, body, type = "application/json";
  Headers headers;
  std::optional<std::uint64_t> take;  // how much of a file is read before the connection is cut
  bool fast = true;                   // try now() first, as net does
};

class World {
 public:
  static constexpr std::string_view kToken = "TargetToken tok-dev-1";

  World() {
    folder_ = testing::TempDir() + "dray_gateway_" + std::to_string(::getpid()) + "_" +
              std::to_string(std::chrono::steady_clock::now().time_since_epoch().count());
    std::filesystem::create_directories(folder_);
    settings.server_url = "http://server";
    settings.local_names = {"gw"};
    settings.token = "gateway-token";
    settings.poll_sleep = 2s;
    settings.requests_per_second = 1e6;
    settings.request_burst = 1e6;
    settings.retry = {1s, 1s};
    settings.server_retry_base = Duration{20};
    settings.server_retry_cap = Duration{40};
  }
  ~World() {
    stop();
    std::filesystem::remove_all(folder_);
  }

  // A status check's part: what each device's is, and who was asked.
  struct ScriptedProbe : Probe {
    std::map<std::string, Result<ProbeAnswer>> says;  // by device; ready where it says nothing
    std::vector<std::string> asked;
    bool knows(const std::string& check) const override { return check == "printer"; }
    Task<Result<ProbeAnswer>> run(std::string, ProbeSubject subject, Stop&) override {
      asked.push_back(subject.device);
      const auto found = says.find(subject.device);
      Result<ProbeAnswer> answer = found == says.end() ? Result<ProbeAnswer>{ProbeAnswer{}} : found->second;
      co_return answer;
    }
  };
  ScriptedProbe probe;

  Settings settings;
  core::Place place{.machine = "m1", .path = "/data", .inode = 1};
  Log log;  // silent; a test may set another
  asio::io_context io{1};
  adapters::SystemClock system_clock{io};
  WrongClock clock{system_clock};
  ScriptedServer server{clock, [this] { return wall(); }};
  // The true time, as the server tells it.
  WallTime wall() const { return clock.true_wall(); }

  const std::string& folder() const { return folder_; }
  Gateway& gateway() { return *life_->gateway; }
  Worker& store_worker() { return life_->store_worker; }

  void start() {
    life_ = std::make_unique<Life>(*this);
    life_->tasks.spawn(life_->gateway->run(life_->stop));
    ASSERT_TRUE(until([&] { return gateway().site().loaded() || gateway().failure(); }));
  }
  void stop() {
    if (!life_) return;
    life_->stop.request();
    EXPECT_TRUE(until([&] { return life_->tasks.running() == 0; }));
    life_.reset();
  }
  void restart() {
    stop();
    start();
  }

  template <class Done>
  bool until(Done done, std::chrono::milliseconds limit = 2min) {  // of the machine's time, which may be busy
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!done()) {
      if (std::chrono::steady_clock::now() > end) return false;
      io.restart();
      io.run_one_for(1ms);
    }
    return true;
  }

  // A plan with `devices` devices dev-1.. of type "board" and one assignment "r1-site" of jobs r1-dev-1..
  void plan_for(int devices, core::Ask ask = core::Ask::kPoll, core::EndsOn ends_on = core::EndsOn::kClosed) {
    core::Plan& plan = server.plan;
    plan.site = SiteId{"berlin"};
    plan.action_ids = {{1101, 1'001'100}};
    plan.device_types = {{.name = "board", .components = {"os", "app"}, .order = {{"os"}, {"app"}}, .ask = ask, .ends_on = ends_on, .parts = {{"app", "bApp"}}}};
    core::Assignment assignment;
    assignment.id = AssignmentId{"r1-site"};
    assignment.rollout = RolloutId{"r1"};
    assignment.planned_at = wall() - 1s;
    assignment.expires_at = assignment.planned_at + 24h;
    for (int i = 1; i <= devices; ++i) {
      const std::string name = "dev-" + std::to_string(i);
      plan.devices.push_back({.name = DeviceId{name}, .type = "board", .token_sha256 = sha256_of(as_bytes("tok-" + name)).hex()});
    }
    plan.assignments = {assignment};
  }
  void add_jobs(const std::vector<core::Step>& steps) {
    for (const auto& device : server.plan.devices)
      server.plan.assignments[0].jobs.push_back({JobId{"r1-" + device.name.value()}, device.name, steps});
  }

  // --- a device ---

  Answer call(Method method, const std::string& rest, Sent sent = {}) {
    const std::string target = "/DEFAULT/controller/v1/" + sent.device + rest;
    return call_path(method, target, std::move(sent));
  }
  Answer call_path(Method method, const std::string& target, Sent sent = {}) {
    HttpRequest request{method, target};
    request.peer.address = "10.0.0.1";
    request.headers = sent.headers;
    if (!request.headers.find("Host")) request.headers.add("Host", "gw:8090");
    if (!request.headers.find("Authorization"))
      request.headers.add("Authorization", sent.token.empty() ? "TargetToken tok-" + sent.device : sent.token);
    if (!sent.body.empty()) {
      request.length = sent.body.size();
      if (!sent.type.empty()) request.headers.add("Content-Type", sent.type);
      request.body = text_body(sent.body);
    }
    HttpHandler& door = gateway().door();
    std::optional<HttpResponse> response;
    if (sent.fast) {
      if (const HttpResponse* lent = door.now(request)) response = *lent;
    }
    last_was_fast = response.has_value();
    Stop stop;
    if (!response) {
      TaskGroup group{io.get_executor()};
      group.spawn(keep(door, std::move(request), stop, response));
      EXPECT_TRUE(until([&] { return response.has_value(); }));
      EXPECT_TRUE(until([&] { return group.running() == 0; }));
    }
    return read(std::move(*response), method, sent.take);
  }
  // The site's own API.
  Answer local(Method method, const std::string& path, const std::string& body = "", Headers headers = {}) {
    HttpRequest request{method, path};
    request.headers = std::move(headers);
    if (!request.headers.find("Host")) request.headers.add("Host", "gw:8091");
    if (!body.empty()) {
      request.length = body.size();
      request.body = text_body(body);
    }
    std::optional<HttpResponse> response;
    Stop stop;
    TaskGroup group{io.get_executor()};
    group.spawn(keep(gateway().local_api(), std::move(request), stop, response));
    EXPECT_TRUE(until([&] { return response.has_value(); }));
    EXPECT_TRUE(until([&] { return group.running() == 0; }));
    return read(std::move(*response), method, {});
  }
  Answer get(const std::string& rest, Sent sent = {}) { return call(Method::kGet, rest, std::move(sent)); }
  Answer post(const std::string& rest, std::string body, Sent sent = {}) {
    sent.body = std::move(body);
    return call(Method::kPost, rest, std::move(sent));
  }
  Answer put(const std::string& rest, std::string body, Sent sent = {}) {
    sent.body = std::move(body);
    return call(Method::kPut, rest, std::move(sent));
  }
  bool last_was_fast = false;
  std::uint64_t lan_rate = 0;  // bytes per second that a device takes, at once in real time; 0: all in no time

  // The id in a link of the poll, "" where it is not shown.
  std::string link(const std::string& name, const std::string& device = "dev-1") {
    Sent sent;
    sent.device = device;
    const Answer poll = get("", std::move(sent));
    if (poll.status != 200) return "";
    const auto body = poll.json();
    const auto& links = body.at("_links").as_object();
    if (!links.contains(name)) return "";
    std::string href{links.at(name).at("href").as_string()};
    href = href.substr(0, href.find('?'));
    return href.substr(href.rfind('/') + 1);
  }
  std::string wait_link(const std::string& name, const std::string& device = "dev-1") {
    std::string id;
    EXPECT_TRUE(until([&] { return !(id = link(name, device)).empty(); })) << name << " of " << device;
    return id;
  }
  static std::string feedback(const std::string& execution, const std::string& finished, const std::string& extra = "") {
    return R"({"id":"1","status":{"execution":")" + execution + R"(","result":{"finished":")" + finished +
           R"("},"details":["said so"]})" + extra + "}";
  }

 private:
  struct Life {
    explicit Life(World& w)
        : store_worker{w.io, "store"},
          bytes_worker{w.io, "bytes"},
          disk{w.folder_ + "/data"},
          store{*adapters::GatewayStore::open({.path = w.folder_ + "/gateway.db"})},
          tasks{w.io.get_executor()},
          gateway{std::make_unique<Gateway>(w.settings, Ports{.executor = w.io.get_executor(),
                                                              .clock = w.clock,
                                                              .random = random,
                                                              .store_worker = store_worker,
                                                              .bytes_worker = bytes_worker,
                                                              .disk = disk,
                                                              .server = w.server,
                                                              .store = *store,
                                                              .log = w.log,
                                                              .probe = &w.probe,
                                                              .place = w.place})} {}
    adapters::SystemRandom random;
    adapters::ThreadWorker store_worker, bytes_worker;
    adapters::PosixDisk disk;
    std::unique_ptr<adapters::GatewayStore> store;
    Stop stop;
    TaskGroup tasks;
    std::unique_ptr<Gateway> gateway;
  };

  static Task<> keep(HttpHandler& door, HttpRequest request, Stop& stop, std::optional<HttpResponse>& out) {
    HttpResponse response = co_await door.handle(std::move(request), stop);
    out = std::move(response);
  }
  static Task<> drain(std::shared_ptr<BodySource> source, Answer& out, bool& done) {
    auto text = co_await read_all(*source, 64 << 20);
    if (text) out.body = *text;
    done = true;
  }

  // Takes a body as a client does, and tells the transfer.
  Answer read(HttpResponse response, Method method, std::optional<std::uint64_t> take) {
    Answer out{response.status, response.headers, {}};
    if (auto* text = std::get_if<std::string>(&response.body)) {
      if (method != Method::kHead) out.body = *text;
      out.headers.add("Content-Length", std::to_string(text->size()));
    } else if (auto* slice = std::get_if<FileSlice>(&response.body)) {
      out.headers.add("Content-Length", std::to_string(slice->length));
      if (method != Method::kHead) out.body = read_slice(*slice, take);
    } else {
      bool done = false;
      TaskGroup group{io.get_executor()};
      group.spawn(drain(std::get<std::shared_ptr<BodySource>>(response.body), out, done));
      EXPECT_TRUE(until([&] { return done && group.running() == 0; }));
      EXPECT_EQ(out.body.size(), response.source_length);
    }
    return out;
  }

  std::string read_slice(FileSlice& slice, std::optional<std::uint64_t> take) {
    std::string body(static_cast<std::size_t>(std::min(slice.length, take.value_or(slice.length))), '\0');
    if (slice.transfer && slice.transfer->stopped()) return "";
    const auto n = slice.file->read(slice.offset, std::as_writable_bytes(std::span{body}));
    EXPECT_TRUE(n && *n == body.size());
    if (!slice.transfer) return body;
    if (lan_rate == 0)
      slice.transfer->on_sent(body.size());
    else
      send_slowly(*slice.transfer, body.size());
    slice.transfer->on_end(body.size() == slice.length ? Result<>{} : Result<>{Error{ErrorCode::kUnavailable, "gone"}});
    return body;
  }

  // As net does: what the allowance gives, else a look 20 ms later.
  void send_slowly(Transfer& transfer, std::uint64_t size) {
    const std::uint64_t most = std::max<std::uint64_t>(1, lan_rate / 100);
    for (std::uint64_t total = 0; total < size;) {
      const std::uint64_t may = std::min({size - total, most, transfer.allowance(clock.steady())});
      clock.leap += may == 0 ? Duration{20} : Duration{10};
      total += may;
      if (may > 0) transfer.on_sent(total);
    }
  }

  std::string folder_;
  std::unique_ptr<Life> life_;
};

}  // namespace dray::gateway::testing_world
