#include "gateway/named_client.h"

#include <boost/algorithm/string/predicate.hpp>

#include "wire/json.h"

namespace dray::gateway {
namespace {

constexpr std::string_view kHeader = "Dray-Instance";
constexpr std::size_t kLongestProblem = 16 << 10;

bool is_problem(std::string_view type) {
  return boost::iequals(type.substr(0, type.find_first_of("; ")), "application/problem+json");
}

// Keeps the beginning of a 409's body. Who asked may refuse that answer at its head: it is read here all the same, and
// given to nobody.
class Watch : public BodySink {
 public:
  explicit Watch(BodySink& below) : below_{below} {}

  Result<> head(int status, const Headers& headers) override {
    problem_ = is_problem(headers.get("Content-Type"));
    conflict_ = status == 409 && problem_;
    status_ = status;
    unauthorized_ = status == 401 && boost::istarts_with(headers.get("WWW-Authenticate"), "Bearer");  // a proxy on the way asks otherwise
    refused_ = below_.head(status, headers);
    return conflict_ ? Result<>{} : refused_;
  }
  Task<Result<>> write(ByteView bytes) override {
    if (conflict_) {
      const std::string_view text = as_text(bytes);
      if (body_.size() <= kLongestProblem) body_.append(text.substr(0, kLongestProblem + 1 - body_.size()));
      if (!refused_) co_return body_.size() > kLongestProblem ? refused_ : Result<>{};
    }
    co_return co_await below_.write(bytes);
  }

  // Only a document that no proxy or portal on the way writes; and a server that is starting, or in trouble, says nothing
  // of a token. What else shows that the token is known is in the bodies: whoever reads them says so.
  bool tells_of_token() const { return unauthorized_ || (problem_ && status_ < 500 && status_ != 401); }
  bool unauthorized() const { return unauthorized_; }
  // What who asked made of the head.
  const Result<>& refused() const { return refused_; }
  bool says_two_gateways() const {
    if (!conflict_ || body_.size() > kLongestProblem) return false;
    const auto problem = wire::parse_sloppy_json(body_);
    if (!problem || !problem->is_object()) return false;
    const auto* reason = problem->get_object().if_contains("reason");
    return reason != nullptr && reason->is_string() && reason->get_string() == "two_gateways";
  }

 private:
  BodySink& below_;
  bool problem_ = false, conflict_ = false, unauthorized_ = false;
  int status_ = 0;
  Result<> refused_;
  std::string body_;
};

}  // namespace

Task<Result<int>> NamedClient::send(HttpRequest request, BodySink& sink, Stop& stop) {
  request.headers.add(kHeader, identity_.name());
  control_ += kHeader.size() + identity_.name().size() + 4;
  Watch watch{sink};
  Result<int> status = co_await below_.send(std::move(request), watch, stop);
  if (watch.tells_of_token()) identity_.token_answered(watch.unauthorized());
  if (watch.says_two_gateways()) identity_.was_refused();
  if (status && !watch.refused()) co_return watch.refused().error();
  co_return status;
}

}  // namespace dray::gateway
