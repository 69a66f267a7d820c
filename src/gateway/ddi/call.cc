#include "gateway/ddi/call.h"

#include <algorithm>
#include <charconv>

#include "base/digest.h"
#include "base/text.h"
#include "wire/http_fields.h"

namespace dray::gateway::ddi {
namespace {

constexpr std::string_view kHal = "application/hal+json", kJson = "application/json";
// As hawkBit says it: what a device is told holds for it, now.
constexpr std::string_view kNeverKept = "no-cache, no-store, max-age=0, must-revalidate";

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool same_without_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [&](char x, char y) { return lower(x) == lower(y); });
}

// The pieces between separators, each trimmed; f returns true to go on.
template <class F>
void split(std::string_view text, char separator, F f) {
  for (;;) {
    const auto at = text.find(separator);
    if (!f(trimmed(text.substr(0, at))) || at == std::string_view::npos) return;
    text.remove_prefix(at + 1);
  }
}

// A part of the address that was asked, as it goes into addresses that we give: spelled the same, but every byte that
// does not belong into one is escaped.
std::string printable(std::string_view asked) {
  std::string out;
  for (const char c : asked) {
    const bool plain = c > 0x20 && c < 0x7F && c != '"' && c != '<' && c != '>' && c != '\\';
    out += plain ? std::string{c} : wire::escape_url({&c, 1});
  }
  return out;
}

// How exactly a media range names a type that ends in "+json" or not (RFC 9110 section 12.5.1); 0: not at all.
int exactness(std::string_view range, std::string_view type) {
  if (same_without_case(range, type)) return 4;
  if (same_without_case(range, "application/*+json")) return type.ends_with("+json") ? 3 : 0;
  if (same_without_case(range, "application/*")) return 2;
  return range == "*/*" ? 1 : 0;
}

// "q=0.5" among the parameters of a media range; 1 where it says none that can be read.
double quality_of(std::string_view parameters) {
  double out = 1;
  split(parameters, ';', [&](std::string_view one) {
    if (!one.starts_with("q=") && !one.starts_with("Q=")) return true;
    const std::string_view text = one.substr(2);
    double read = 1;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), read);
    if (failed == std::errc{} && end == text.data() + text.size() && read >= 0 && read < 1) out = read;
    return false;
  });
  return out;
}

// How much a client likes a type: as the range says that names it most exactly; of two that it likes the same the one that
// it names more exactly, then the one that it names first.
struct Liking {
  double quality = 0;
  int exactness = 0, place = 0;
  friend auto operator<=>(const Liking&, const Liking&) = default;
};
Liking liking_of(std::string_view accept, std::string_view type) {
  Liking best;
  int place = 0;
  split(accept, ',', [&](std::string_view one) {
    const auto semicolon = std::min(one.find(';'), one.size());
    const int exact = exactness(trimmed(one.substr(0, semicolon)), type);
    if (exact > best.exactness) best = {quality_of(one.substr(semicolon)), exact, place};
    --place;
    return true;
  });
  return best;
}

HttpResponse error(const Call& call, int status, std::string_view exception, std::string_view code,
                   std::string_view message) {
  const std::string name = "org.eclipse.hawkbit." + std::string{exception};
  return json(call, status, wire::encode_ddi_error(name, "hawkbit.server.error." + std::string{code}, message));
}

}  // namespace

std::optional<Call> parse_call(HttpRequest& request, Stop& stop, std::string_view tenant) {
  std::string_view path = request.target;
  const auto question = path.find('?');
  Call call{request, stop, {}, {}, {}, {}, {}, nullptr};
  if (question != std::string_view::npos) call.query = path.substr(question + 1);
  path = path.substr(0, question);
  if (!path.starts_with('/')) return {};
  std::vector<std::string_view> raw;
  split(path.substr(1), '/', [&](std::string_view segment) {
    raw.push_back(segment);
    return raw.size() < 16;
  });
  if (raw.size() < 4 || raw[1] != "controller" || raw[2] != "v1" || raw[3].empty()) return {};
  const auto tenant_name = wire::unescape_url(raw[0]), device = wire::unescape_url(raw[3]);
  if (!tenant_name || !device || !same_without_case(*tenant_name, tenant)) return {};
  call.device_name = clean_name(*device);
  for (std::size_t i = 4; i < raw.size(); ++i) {
    auto segment = wire::unescape_url(raw[i]);
    if (!segment) return {};
    call.rest.push_back(clean_name(*segment));
  }
  const auto host = request.headers.get("Host");
  call.base = std::string{request.peer.encrypted ? "https://" : "http://"} + (host.empty() ? "localhost" : printable(host)) + "/" +
              printable(raw[0]) + "/controller/v1/" + printable(raw[3]);
  call.json_type = json_type_for(request.headers.find("Accept"));
  return call;
}

std::int64_t parse_id(std::string_view text) {
  std::int64_t id = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), id);
  return failed == std::errc{} && end == text.data() + text.size() && id > 0 ? id : 0;
}

std::optional<std::string_view> query_value(std::string_view query, std::string_view name) {
  std::optional<std::string_view> out;
  split(query, '&', [&](std::string_view pair) {
    const auto equals = pair.find('=');
    if (pair.substr(0, equals) == name && equals != std::string_view::npos) out = pair.substr(equals + 1);
    return !out;
  });
  return out;
}

std::chrono::seconds preferred_wait(std::string_view prefer) {
  std::chrono::seconds out{0};
  split(prefer, ',', [&](std::string_view one) {
    one = trimmed(one.substr(0, one.find(';')));
    if (one.starts_with("wait=")) out = std::chrono::seconds{std::min<std::int64_t>(60, parse_id(one.substr(5)))};
    return out.count() == 0;
  });
  return out;
}

std::string_view json_type_for(std::optional<std::string_view> accept) {
  if (!accept || trimmed(*accept).empty()) return kHal;
  const Liking hal = liking_of(*accept, kHal), plain = liking_of(*accept, kJson);
  if (hal.quality == 0 && plain.quality == 0) return {};
  return plain > hal ? kJson : kHal;
}

bool is_json(std::string_view content_type) {
  return same_without_case(trimmed(content_type.substr(0, content_type.find(';'))), kJson);
}

std::string etag_of(std::string_view body) { return "\"0" + md5_of(as_bytes(body)) + "\""; }

HttpResponse empty(int status) { return HttpResponse{status}; }

HttpResponse json(const Call& call, int status, std::string body) {
  HttpResponse response{status};
  response.headers.add("Content-Type", call.json_type.empty() ? kJson : std::string_view{call.json_type});
  response.headers.add("Cache-Control", kNeverKept);
  response.body = std::move(body);
  return response;
}

HttpResponse not_modified(const std::string& etag) {
  HttpResponse response{304};
  response.headers.add("Cache-Control", kNeverKept);
  response.headers.add("ETag", etag);
  return response;
}

HttpResponse tagged(const Call& call, std::string body) {
  const std::string etag = etag_of(body);
  const auto known = call.request.headers.find("If-None-Match");
  if (known && wire::none_match(*known, etag)) return not_modified(etag);
  HttpResponse response = json(call, 200, std::move(body));
  response.headers.add("ETag", etag);
  return response;
}

HttpResponse entity_not_found(const Call& call, std::string_view what) {
  return error(call, 404, "repository.exception.EntityNotFoundException", "repo.entityNotFound",
               std::string{what} + " does not exist.");
}
HttpResponse not_readable(const Call& call, std::string_view why) {
  return error(call, 400, "rest.exception.MessageNotReadableException", "rest.body.notReadable", why);
}
HttpResponse constraint_violation(const Call& call, std::string_view why) {
  return error(call, 400, "repository.exception.ConstraintViolationException", "repo.constraintViolation", why);
}
HttpResponse invalid_attributes(const Call& call, std::string_view why) {
  return error(call, 400, "repository.exception.InvalidTargetAttributeException", "repo.invalidTargetAttributes", why);
}
HttpResponse too_many_entries(const Call& call, std::string_view why) {
  return error(call, 429, "repository.exception.AssignmentQuotaExceededException", "quota.tooManyEntries", why);
}
HttpResponse not_cancelable(const Call& call) {
  return error(call, 405, "repository.exception.CancelActionNotAllowedException", "action.notCancelable",
               "The action is not being cancelled.");
}
HttpResponse auto_confirm_active(const Call& call) {
  return error(call, 409, "repository.exception.AutoConfirmationAlreadyActiveException", "repo.autoConfAlreadyActive",
               "Auto confirmation is active already.");
}
HttpResponse not_allowed(std::string_view allow) {
  HttpResponse response{405};
  response.headers.add("Allow", allow);
  return response;
}

}  // namespace dray::gateway::ddi
