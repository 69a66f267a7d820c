#include "relay/relay.h"

#include <gtest/gtest.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>

#include "relay/control.h"

namespace dray::tools {
namespace {

using asio::ip::tcp;
using Socket = asio::basic_stream_socket<tcp, Executor>;
using namespace std::chrono_literals;

const tcp::endpoint kAnyPort{asio::ip::address_v4::loopback(), 0};

// Sends back what it gets, then ends as its caller did.
Task<> echo(Socket socket) {
  boost::system::error_code error;
  std::array<char, 4096> piece;
  while (!error) {
    const auto size =
        co_await socket.async_read_some(asio::buffer(piece), asio::redirect_error(kAwait, error));
    if (!error)
      co_await asio::async_write(socket, asio::buffer(piece.data(), size),
                                 asio::redirect_error(kAwait, error));
  }
}

Task<> echo_all(asio::basic_socket_acceptor<tcp, Executor>& acceptor) {
  boost::system::error_code error;
  while (!error) {
    Socket socket{acceptor.get_executor()};
    co_await acceptor.async_accept(socket, asio::redirect_error(kAwait, error));
    if (!error) asio::co_spawn(acceptor.get_executor(), echo(std::move(socket)), asio::detached);
  }
}

struct Answer {
  std::string bytes;
  boost::system::error_code end;
  bool done = false;
};

Task<> speak(Socket& socket, std::string text) {
  boost::system::error_code error;
  co_await asio::async_write(socket, asio::buffer(text), asio::redirect_error(kAwait, error));
  if (!error) socket.shutdown(tcp::socket::shutdown_send, error);
}

Task<> ask(tcp::endpoint at, std::string text, Answer& answer) {
  const auto executor = co_await asio::this_coro::executor;
  Socket socket{executor};
  co_await socket.async_connect(at, asio::redirect_error(kAwait, answer.end));
  if (!answer.end) {
    asio::co_spawn(executor, speak(socket, std::move(text)), asio::detached);
    auto buffer = asio::dynamic_buffer(answer.bytes);
    co_await asio::async_read(socket, buffer, asio::redirect_error(kAwait, answer.end));
  }
  answer.done = true;
}

class RelayTest : public testing::Test {
 protected:
  RelayTest() { asio::co_spawn(io_, echo_all(acceptor_), asio::detached); }

  RelayOptions options() const {
    RelayOptions out;
    out.listen = kAnyPort;
    out.to = acceptor_.local_endpoint();
    return out;
  }
  Answer send(Relay& relay, std::string text) {
    Answer answer;
    asio::co_spawn(io_, ask(relay.address(), std::move(text), answer), asio::detached);
    const auto limit = std::chrono::steady_clock::now() + 20s;
    while (!answer.done && std::chrono::steady_clock::now() < limit) io_.run_one_for(1s);
    EXPECT_TRUE(answer.done);
    io_.poll();  // what ends with it
    return answer;
  }

  asio::io_context io_{1};
  asio::basic_socket_acceptor<tcp, Executor> acceptor_{io_, kAnyPort};
};

TEST_F(RelayTest, CarriesBytesBothWaysAndCountsThem) {
  Relay relay{io_, options()};
  const auto answer = send(relay, std::string(300'000, 'x'));
  EXPECT_EQ(answer.bytes, std::string(300'000, 'x'));
  EXPECT_EQ(answer.end, asio::error::eof);
  EXPECT_EQ(relay.counts().up, 300'000U);
  EXPECT_EQ(relay.counts().down, 300'000U);
  EXPECT_EQ(relay.counts().connections, 1U);
  EXPECT_EQ(relay.counts().open, 0U);
}

TEST_F(RelayTest, IsNoFasterThanItsRate) {
  auto limited = options();
  limited.rate = {1'000'000};
  Relay relay{io_, limited};
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(send(relay, std::string(400'000, 'x')).bytes.size(), 400'000U);
  // 0.4 s less the burst; there is no upper limit that a loaded machine could not break.
  EXPECT_GE(std::chrono::steady_clock::now() - start, 340ms);
}

TEST_F(RelayTest, CutsAfterSoManyBytesAsOftenAsItIsTold) {
  auto breaking = options();
  breaking.cut_after = 50'000;
  breaking.cuts = 2;
  Relay relay{io_, breaking};
  for (int i = 0; i < 2; ++i) {
    const auto answer = send(relay, std::string(200'000, 'x'));
    EXPECT_EQ(answer.end, asio::error::connection_reset);
    EXPECT_LT(answer.bytes.size(), 200'000U);
  }
  EXPECT_EQ(send(relay, std::string(200'000, 'x')).bytes.size(), 200'000U);
  EXPECT_EQ(relay.counts().cuts, 2U);
}

TEST_F(RelayTest, RefusesEveryoneWhileDroppingAndServesAgainWhenHealed) {
  Relay relay{io_, options()};
  obey(relay, "drop");
  EXPECT_EQ(send(relay, "hello").bytes, "");
  obey(relay, "heal");
  EXPECT_EQ(send(relay, "hello").bytes, "hello");
}

TEST_F(RelayTest, ResetsItsCallerWhereTheTargetIsGone) {
  Relay relay{io_, options()};
  acceptor_.close();
  EXPECT_EQ(send(relay, "hello").bytes, "");
  EXPECT_EQ(relay.counts().open, 0U);
}

TEST_F(RelayTest, TakesOrdersOverItsControlPort) {
  Relay relay{io_, options()};
  Control control{io_, kAnyPort, relay};
  Answer answer;
  asio::co_spawn(io_, ask(control.address(), "rate 2MB/s\nrate 7\nrate x\nstats\nfly\n", answer),
                 asio::detached);
  while (!answer.done) io_.run_one_for(1s);
  EXPECT_NE(answer.bytes.find(R"("rate":2000000)"), std::string::npos) << answer.bytes;
  EXPECT_NE(answer.bytes.find(R"("error":"the rate begins with no whole number")"), std::string::npos)
      << answer.bytes;
  EXPECT_NE(answer.bytes.find("unknown order"), std::string::npos) << answer.bytes;
  EXPECT_EQ(relay.rate().count, 7U);
}

}  // namespace
}  // namespace dray::tools
