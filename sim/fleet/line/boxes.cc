#include "sim/fleet/line/boxes.h"

#include "wire/gateway_api.h"
#include "wire/range.h"

namespace dray::sim::fleet {
namespace {

constexpr std::string_view kServer = "/gateway/v1/", kGateway = "/DEFAULT/controller/v1/";
constexpr std::string_view kPlan = "/gateway/v1/plan", kReports = "/gateway/v1/reports";
constexpr std::uint64_t kBlock = 4'096;
constexpr std::uint64_t kTiny = 400;

// What it is asked for again and again: a plan, or a device's poll.
bool is_poll(const Exchange& exchange) {
  if (exchange.method != Method::kGet) return false;
  if (exchange.path.starts_with(kServer)) return exchange.path == kPlan;
  return exchange.path.find('/', kGateway.size()) == std::string::npos;
}
// What it tells: reports, or whatever a device says.
bool tells(const Exchange& exchange) {
  return exchange.path.starts_with(kServer) ? exchange.path == kReports : exchange.method != Method::kGet;
}
bool is_artifact(const Exchange& exchange) { return exchange.path.find("/artifacts/") != std::string::npos; }

HttpResponse page(int status, std::string_view text) {
  HttpResponse out{status};
  out.headers.set("Content-Type", "text/html; charset=utf-8");
  out.body = "<!DOCTYPE html><title>" + std::string{text} + "</title><h1>" + std::string{text} + "</h1>";
  return out;
}

void change_part(HttpResponse& response, Box box) {
  auto* slice = std::get_if<FileSlice>(&response.body);
  if (slice == nullptr || response.status != 206) return;
  const std::uint64_t size = slice->file->size();
  const std::uint64_t end = slice->offset + slice->length;
  if (box == Box::kNoParts) {
    Headers kept;
    for (const auto& item : response.headers)
      if (item.name != "Content-Range" && item.name != "Accept-Ranges") kept.add(item.name, item.value);
    response.headers = std::move(kept);
    response.status = 200;
    slice->offset = 0;
    slice->length = size;
    return;
  }
  slice->offset = slice->offset / kBlock * kBlock;
  slice->length = end - slice->offset;
  response.headers.set("Content-Range", wire::content_range({slice->offset, slice->length}, size));
}

void change_answer(HttpResponse& response, Box box) {
  auto* text = std::get_if<std::string>(&response.body);
  if (text == nullptr || response.status != 200) return;
  auto answer = wire::decode_answer(*text);
  if (!answer) return;
  if (box == Box::kAlwaysResync) {
    answer->resync = true;
  } else {
    answer->acknowledged.epoch += 1;
    answer->acknowledged.seq += 1'000;
  }
  *text = wire::encode_answer(*answer);
}

}  // namespace

const std::array<BoxKind, kBoxes - 1> kBoxKinds{{
    {Box::kPortal, "portal", FaultKind::kPortal, false, true},
    {Box::kSyntaxFilter, "syntax_filter", FaultKind::kProxyRefuses, false, true},
    {Box::kSizeFilter, "size_filter", FaultKind::kProxyRefuses, false, true},
    {Box::kOverloaded, "overloaded", FaultKind::kProxyRefuses, false, true},
    {Box::kStaleCache, "stale_cache", FaultKind::kStaleCache, false, true},
    {Box::kWeakEtags, "weak_etags", FaultKind::kWeakEtags, true, true},
    {Box::kPollsNotHeld, "polls_not_held", FaultKind::kPollsNotHeld, true, true},
    {Box::kNoParts, "no_parts", FaultKind::kPartsChanged, true, true},
    {Box::kAlignedParts, "aligned_parts", FaultKind::kPartsChanged, true, true},
    {Box::kAlwaysResync, "always_resync", FaultKind::kServerHostile, false, false},
    {Box::kAcksAhead, "acks_ahead", FaultKind::kServerHostile, false, false},
}};

void Boxes::heal() {
  for (auto& [gateway, untils] : until_) {
    untils[static_cast<std::size_t>(Box::kHostileNumbers)] = SteadyTime{};
    for (const BoxKind& kind : kBoxKinds)
      if (SteadyTime& until = untils[static_cast<std::size_t>(kind.box)]; !kind.may_stay || until != kSteadyMax)
        until = SteadyTime{};
  }
}

const Boxes::Untils* Boxes::on_line_of(const Exchange& exchange) const {
  const auto found = until_.find(exchange.client.node->name());
  const bool there = exchange.path.starts_with(kServer) || exchange.path.starts_with(kGateway);
  return found != until_.end() && there ? &found->second : nullptr;
}

std::optional<HttpResponse> Boxes::instead(const Exchange& exchange, HttpRequest& request) {
  const Untils* here = on_line_of(exchange);
  if (here == nullptr) return {};
  if (stands(*here, Box::kPortal)) return page(200, "Welcome to our network");
  if (stands(*here, Box::kOverloaded)) return page(503, "Service Unavailable");
  if (tells(exchange) && stands(*here, Box::kSyntaxFilter)) return page(400, "Bad Request");
  if (tells(exchange) && stands(*here, Box::kSizeFilter) && request.length.value_or(kTiny + 1) > kTiny)
    return page(413, "Request Entity Too Large");
  if (exchange.path == kReports && request.body && stands(*here, Box::kHostileNumbers))
    request.body = numbers_.in_place(std::move(request.body));
  if (!is_poll(exchange)) return {};
  if (stands(*here, Box::kPollsNotHeld) && request.headers.find("Prefer")) request.headers.set("Prefer", "wait=0");
  const auto known = request.headers.find("If-None-Match");
  if (!known || !stands(*here, Box::kStaleCache)) return {};
  HttpResponse out{304};
  out.headers.set("ETag", *known);
  return out;
}

void Boxes::change(const Exchange& exchange, HttpResponse& response) {
  const Untils* here = on_line_of(exchange);
  if (here == nullptr) return;
  const auto tag = response.headers.find("ETag");
  if (tag && !tag->starts_with("W/") && stands(*here, Box::kWeakEtags))
    response.headers.set("ETag", "W/" + std::string{*tag});
  for (const Box box : {Box::kNoParts, Box::kAlignedParts})
    if (is_artifact(exchange) && stands(*here, box)) change_part(response, box);
  for (const Box box : {Box::kAlwaysResync, Box::kAcksAhead})
    if (exchange.path == kReports && stands(*here, box)) change_answer(response, box);
}

}  // namespace dray::sim::fleet
