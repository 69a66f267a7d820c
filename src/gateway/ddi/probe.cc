// The probe of a device's link: our addition (docs/gateway-api.md, "The probe of a device's link"), for agents that say they know it.
#include "gateway/ddi/door.h"

namespace dray::gateway::ddi {

HttpResponse Door::get_probe(Call& call) {
  const auto wanted = query_value(call.query, "bytes");
  const auto bytes = static_cast<std::uint64_t>(wanted ? parse_id(*wanted) : 0);
  if (bytes == 0 || bytes > LanProber::kMostBytes)
    return constraint_violation(call, "bytes must be 1 to " + std::to_string(LanProber::kMostBytes));
  const auto grant = parts_.lan_prober.begin(*call.device, bytes);
  if (grant == LanProber::Grant::kNo) return empty(404);
  if (grant == LanProber::Grant::kNotNow) {
    HttpResponse later = empty(503);
    later.headers.set("Retry-After", "60");
    return later;
  }
  HttpResponse out{200};
  out.headers.set("Content-Type", "application/octet-stream");
  out.headers.set("Cache-Control", "no-store");
  out.body = std::string(bytes, 'p');
  return out;
}

Task<HttpResponse> Door::post_probe(Call& call) {
  std::string body;
  if (auto refused = co_await read_body(call, body)) co_return std::move(*refused);
  const auto result = wire::decode_ddi_probe(body);
  if (!result) co_return not_readable(call, result.error().message());
  const bool taken = parts_.lan_prober.end(*call.device, result->bytes, result->took);
  if (!taken) co_return empty(409);
  co_return co_await done();
}

}  // namespace dray::gateway::ddi
