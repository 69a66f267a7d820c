// The site's page, built in: it works with the WAN down and loads nothing from elsewhere.
#include "gateway/local_answers.h"
#include "web/gateway.h"

namespace dray::gateway {
namespace {

struct File {
  std::string_view path, type, text;
};
constexpr File kFiles[] = {
    {"/", "text/html; charset=utf-8", web::kIndexHtml},
    {"/page.css", "text/css; charset=utf-8", web::kPageCss},
    {"/page.js", "text/javascript; charset=utf-8", web::kPageJs},
};
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; form-action "
    "'none'; "
    "base-uri 'none'; frame-ancestors 'none'";

}  // namespace

std::optional<HttpResponse> page_answer(std::string_view path) {
  for (const File& file : kFiles) {
    if (file.path != path) continue;
    HttpResponse response{200};
    response.headers.add("Content-Type", file.type);
    response.headers.add("Content-Security-Policy", kPolicy);
    response.headers.add("X-Content-Type-Options", "nosniff");
    response.headers.add("Cache-Control", "no-cache");
    response.body = std::string{file.text};
    return response;
  }
  return {};
}

}  // namespace dray::gateway
