#include "ports/http.h"

#include <gtest/gtest.h>

#include <optional>

namespace dray {
namespace {

// Answers with a head that announces more than any limit, and no body.
struct HeadOnly final : HttpClient {
  int status = 200;
  Task<Result<int>> send(HttpRequest, BodySink& sink, Stop&) override {
    Headers headers;
    headers.set("Content-Length", "100000000000");
    auto taken = sink.head(status, headers);
    if (!taken) co_return taken.error();
    co_return status;
  }
};

Task<> keep_answer(HttpClient& client, Method method, std::optional<Result<TextResponse>>& out) {
  Stop stop;
  HttpRequest request{method, "/x"};
  auto answer = co_await exchange(client, std::move(request), std::string{}, 1'000, stop);
  out.emplace(std::move(answer));
}
bool is_taken(Method method, int status) {
  asio::io_context io;
  HeadOnly client;
  client.status = status;
  std::optional<Result<TextResponse>> answer;
  asio::co_spawn(io, keep_answer(client, method, answer), [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  });
  io.run();
  return answer && answer->has_value();
}

TEST(HttpExchange, ALengthWhereThereIsNoBodyIsThatOfAnotherAnswer) {
  EXPECT_FALSE(is_taken(Method::kGet, 200));
  EXPECT_FALSE(is_taken(Method::kGet, 404));
  EXPECT_TRUE(is_taken(Method::kHead, 200));
  EXPECT_TRUE(is_taken(Method::kGet, 304));
  EXPECT_TRUE(is_taken(Method::kPut, 204));
}

}  // namespace
}  // namespace dray
