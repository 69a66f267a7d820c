// For tests: a DDI server that does what it is told. It behaves as hawkBit does (absolute links, one order at
// a time, closed actions are gone); confirmation and held polls only where a test wants them. Breaks bodies
// on request.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "ports/http.h"
#include "wire/json.h"

namespace dray::agent::testing {

struct TestPart {
  std::string component, version, bytes;
};

// What goes wrong with one download.
struct BodyFault {
  enum class Kind { kNone, kCut, kErrorPage, kWrongBytes, kShort, kMissing, kBusy, kEarlier, kWhole, kNoParts } kind = Kind::kNone;
  std::uint64_t after = 0;  // kCut and kWhole: bytes that still come; kWhole: 0 is all
};

class CutBody final : public BodySource {
 public:
  explicit CutBody(std::string text) : text_{std::move(text)} {}
  Task<Result<ByteView>> read() override {
    if (said_) co_return Error{ErrorCode::kUnavailable, "cut"};
    said_ = true;
    co_return as_bytes(text_);
  }

 private:
  std::string text_;
  bool said_ = false;
};

class ScriptedDdi final : public HttpHandler {
 public:
  explicit ScriptedDdi(std::string origin) : origin_{std::move(origin)} {}

  // --- the script ---
  std::string sleep = "00:00:01";
  bool ask_first = false;  // a communication request before the deployment
  bool hides = false;      // as our gateway: what is put off is asked no more
  bool holds_orders = false;  // what was confirmed is not shown yet
  std::function<BodyFault(const std::string& component, std::uint64_t from)> fault;
  std::function<void(const std::string& execution, const std::string& phase)> on_feedback;
  std::string update = "forced";
  std::size_t most_attributes = 1'000;  // more: 429, as hawkBit says it
  bool knows_replace = true;            // false: merges whatever it is told
  std::function<bool(const std::string& path, const std::string& body)> refuses;  // with 400
  // What is answered instead; nothing: as hawkBit does. path: "", "/deploymentBase/101", ...
  std::function<std::optional<HttpResponse>(const HttpRequest& request, const std::string& path)> instead;

  std::function<void(HttpResponse&)> after;  // what becomes of each answer

  void order(std::int64_t action, std::vector<TestPart> parts) {
    action_ = action;
    parts_ = std::move(parts);
    open_ = true;
    cancelling_ = confirmed_ = hidden_ = false;
  }
  void cancel() { cancelling_ = true; }
  void withdraw() { open_ = false; }

  // --- what was seen ---
  std::map<std::string, std::string> attributes;  // newest configData
  bool probes = false;                            // shows drayProbe where nothing else is shown
  std::vector<std::string> probed;                // what was said of it
  std::vector<std::string> boot_ids;              // of power-on reports, in order
  std::vector<std::string> reported;              // the version of "os" in each configData
  std::vector<std::string>
      feedback;  // "proceeding none switching", "closed success", "cancel closed success"
  std::vector<std::string> sentences;
  std::vector<std::string> confirmations;  // whole bodies
  std::vector<std::string> trail;          // method and path of every request
  std::uint64_t artifact_bytes = 0;
  std::map<std::string, std::uint64_t> bytes_of;  // version -> artifact bytes sent, wrong ones too

  bool closed(const std::string& how) const {
    return std::find(feedback.begin(), feedback.end(), "closed " + how) != feedback.end();
  }

  Task<HttpResponse> handle(HttpRequest request, Stop&) override {
    std::string body;
    if (request.body) {
      auto read = co_await read_all(*request.body, 1 << 20);
      if (read) body = std::move(*read);
    }
    HttpResponse out = answer(request, body);
    if (after) after(out);
    co_return out;
  }

 private:
  static constexpr std::string_view kBase = "/DEFAULT/controller/v1/dev-1";

  static HttpResponse json_response(wire::json::value value) {
    HttpResponse out{200};
    out.headers.set("Content-Type", "application/hal+json");
    out.body = wire::to_text(value);
    return out;
  }

  HttpResponse answer(const HttpRequest& request, const std::string& body) {
    std::string path = request.target.substr(0, request.target.find('?'));
    trail.push_back(std::string{to_string(request.method)} + " " + path);
    if (!path.starts_with(kBase)) return HttpResponse{404};
    path.erase(0, kBase.size());
    if (refuses && refuses(path, body)) return HttpResponse{400};
    if (instead)
      if (auto other = instead(request, path)) return std::move(*other);
    if (path.empty()) return poll();
    if (path == "/configData") return take_config(body);
    if (path == "/drayProbe") return probe(request, body);
    const std::string id = std::to_string(action_);
    if (path == "/deploymentBase/" + id && open_ && !cancelling_) return json_response(deployment());
    if (path == "/cancelAction/" + id && cancelling_)
      return json_response({{"id", id}, {"cancelAction", {{"stopId", id}}}});
    if (path == "/deploymentBase/" + id + "/feedback") return take_feedback(body, "");
    if (path == "/cancelAction/" + id + "/feedback") return take_feedback(body, "cancel ");
    if (path == "/confirmationBase/" + id + "/feedback") return take_confirmation(body);
    for (const TestPart& part : parts_)
      if (path == "/softwaremodules/" + part.component + "/artifacts/image" && open_)
        return download(part, request);
    return HttpResponse{404};
  }

  std::string link(const std::string& path) const { return origin_ + std::string{kBase} + path; }

  HttpResponse poll() {
    wire::json::object links;
    const std::string id = std::to_string(action_);
    if (open_ && cancelling_)
      links["cancelAction"] = {{"href", link("/cancelAction/" + id)}};
    else if (open_ && ask_first && !confirmed_ && !hidden_)
      links["confirmationBase"] = {{"href", link("/confirmationBase/" + id + "?c=-21")}};
    else if (open_ && (confirmed_ || !ask_first) && !holds_orders)
      links["deploymentBase"] = {
          {"href", link("/deploymentBase/" + id + (update == "skip" ? "?c=-2" : "?c=-1"))}};
    if (probes && links.empty()) links["drayProbe"] = {{"href", link("/drayProbe")}};
    return json_response({{"config", {{"polling", {{"sleep", sleep}}}}}, {"_links", std::move(links)}});
  }

  wire::json::value deployment() const {
    wire::json::array chunks;
    for (const TestPart& part : parts_) {
      const std::string href = link("/softwaremodules/" + part.component + "/artifacts/image");
      wire::json::object artifact{{"filename", "image"},
                                  {"size", part.bytes.size()},
                                  {"hashes", {{"sha256", sha256_of(as_bytes(part.bytes)).hex()}}},
                                  {"_links", {{"download-http", {{"href", href}}}}}};
      chunks.push_back({{"part", part.component},
                        {"version", part.version},
                        {"name", part.component},
                        {"artifacts", wire::json::array{std::move(artifact)}}});
    }
    return {{"id", std::to_string(action_)},
            {"deployment", {{"download", "forced"}, {"update", update}, {"chunks", std::move(chunks)}}}};
  }

  HttpResponse probe(const HttpRequest& request, const std::string& body) {
    const std::size_t at = request.target.find("?bytes=");
    if (!body.empty()) probed.push_back(body);
    HttpResponse out{200};
    if (at != std::string::npos) out.body = std::string(std::stoul(request.target.substr(at + 7)), 'p');
    return out;
  }

  HttpResponse take_config(const std::string& body) {
    const auto parsed = wire::parse_json(body);
    if (!parsed) return HttpResponse{400};
    const bool replaces = knows_replace && parsed->at("mode").as_string() == "replace";
    std::map<std::string, std::string> whole = replaces ? std::map<std::string, std::string>{} : attributes;
    for (const auto& [key, value] : parsed->at("data").as_object())
      whole[std::string{key}] = std::string{value.as_string()};
    if (whole.size() > most_attributes) {
      HttpResponse refused = json_response({{"errorCode", "hawkbit.server.error.quota.tooManyEntries"}, {"message", "too many"}});
      refused.status = 429;
      return refused;
    }
    attributes = std::move(whole);
    reported.push_back(attributes["dray.version.os"]);
    if (boot_ids.empty() || boot_ids.back() != attributes["dray.boot_id"])
      boot_ids.push_back(attributes["dray.boot_id"]);
    return HttpResponse{200};
  }

  HttpResponse take_feedback(const std::string& body, const std::string& prefix) {
    const auto parsed = wire::parse_json(body);
    if (!parsed) return HttpResponse{400};
    if (ask_first && !confirmed_ && body.find(R"("answer":"cancelled")") == std::string::npos)
      return HttpResponse{404};  // it waits for an answer; a cancel is one
    if (!open_) return HttpResponse{410};
    const auto& status = parsed->at("status").as_object();
    const std::string execution{status.at("execution").as_string()};
    const std::string finished{status.at("result").at("finished").as_string()};
    std::string phase;
    if (const auto* dray = parsed->as_object().if_contains("dray");
        dray != nullptr && dray->as_object().contains("phase"))
      phase = std::string{dray->at("phase").as_string()};
    feedback.push_back(prefix + execution + " " + finished + (phase.empty() ? "" : " " + phase));
    if (status.contains("details")) sentences.emplace_back(status.at("details").as_array().at(0).as_string());
    if (execution == "closed") open_ = false;
    if (execution == "rejected") cancelling_ = false;
    if (on_feedback) on_feedback(execution, phase);
    return HttpResponse{200};
  }

  HttpResponse take_confirmation(const std::string& body) {
    if (!open_) return HttpResponse{404};
    confirmations.push_back(body);
    const auto parsed = wire::parse_json(body);
    confirmed_ = parsed && parsed->at("confirmation").as_string() == "confirmed";
    hidden_ = hides && !confirmed_;
    return HttpResponse{200};
  }

  void sent(const TestPart& part, std::uint64_t bytes) {
    artifact_bytes += bytes;
    bytes_of[part.version] += bytes;
  }

  HttpResponse download(const TestPart& part, const HttpRequest& request) {
    std::uint64_t from = 0;
    if (const auto range = request.headers.find("Range")) from = std::stoull(std::string{range->substr(6)});
    const BodyFault broken = fault ? fault(part.component, from) : BodyFault{};
    if (broken.kind == BodyFault::Kind::kMissing) return HttpResponse{404};
    if (broken.kind == BodyFault::Kind::kBusy) return HttpResponse{503};
    if (broken.kind == BodyFault::Kind::kErrorPage) {
      HttpResponse page{200};
      page.headers.set("Content-Type", "text/html; charset=utf-8");
      page.body = std::string{"<html>Please log in</html>"};
      return page;
    }
    if (broken.kind == BodyFault::Kind::kNoParts && from > 0) return HttpResponse{416};
    if (broken.kind == BodyFault::Kind::kWhole) from = 0;
    if (broken.kind == BodyFault::Kind::kEarlier) from = from / 4'096 * 4'096;  // a cache that sends whole blocks
    HttpResponse out{from > 0 ? 206 : 200};
    std::string bytes = part.bytes.substr(from);
    if (from > 0)
      out.headers.set("Content-Range", "bytes " + std::to_string(from) + "-" +
                                           std::to_string(part.bytes.size() - 1) + "/" +
                                           std::to_string(part.bytes.size()));
    if (broken.kind == BodyFault::Kind::kShort) bytes.resize(bytes.size() / 2);
    if (broken.kind == BodyFault::Kind::kWrongBytes) bytes[bytes.size() / 2] ^= 1;
    const bool cut = broken.kind == BodyFault::Kind::kCut || (broken.kind == BodyFault::Kind::kWhole && broken.after > 0);
    if (cut && broken.after < bytes.size()) {
      sent(part, broken.after);
      out.source_length = bytes.size();
      out.body = std::shared_ptr<BodySource>{std::make_shared<CutBody>(bytes.substr(0, broken.after))};
      return out;
    }
    sent(part, bytes.size());
    out.body = std::move(bytes);
    return out;
  }

  std::string origin_;
  std::int64_t action_ = 0;
  std::vector<TestPart> parts_;
  bool open_ = false, cancelling_ = false, confirmed_ = false, hidden_ = false;
};

}  // namespace dray::agent::testing
