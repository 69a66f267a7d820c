#include "relay/control.h"

#include <boost/asio/detached.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>

#include "adapters/toml/units.h"

namespace dray::tools {
namespace {

constexpr std::size_t kLongestOrder = 256;

std::string state_of(const Relay& relay) {
  const auto counts = relay.counts();
  const boost::json::object out{{"up", counts.up},
                                {"down", counts.down},
                                {"connections", counts.connections},
                                {"open", counts.open},
                                {"cuts", counts.cuts},
                                {"rate", relay.rate().count},
                                {"dropping", relay.dropping()}};
  return boost::json::serialize(out);
}

}  // namespace

std::string obey(Relay& relay, std::string_view order) {
  if (order == "cut") {
    relay.cut();
  } else if (order == "drop") {
    relay.drop();
  } else if (order == "heal") {
    relay.heal();
  } else if (order.starts_with("rate ")) {
    order.remove_prefix(5);
    const bool plain = order.find_first_not_of("0123456789") == order.npos;
    const auto rate = adapters::parse_rate(plain ? std::string{order} + "B/s" : std::string{order});
    if (!rate) return R"({"error":"the rate )" + rate.error().message() + "\"}";
    relay.set_rate(*rate);
  } else if (order != "stats") {
    return R"({"error":"unknown order; there are stats, cut, drop, heal, rate N"})";
  }
  return state_of(relay);
}

Control::Control(asio::io_context& io, const asio::ip::tcp::endpoint& listen, Relay& relay)
    : relay_{relay}, acceptor_{io, listen} {
  asio::co_spawn(io, serve(), asio::detached);
}

Task<> Control::serve() {
  boost::system::error_code error;
  while (true) {
    asio::basic_stream_socket<asio::ip::tcp, Executor> caller{acceptor_.get_executor()};
    co_await acceptor_.async_accept(caller, asio::redirect_error(kAwait, error));
    if (error == asio::error::operation_aborted) co_return;
    std::string text;
    while (!error) {
      auto buffer = asio::dynamic_buffer(text, kLongestOrder);
      const auto size =
          co_await asio::async_read_until(caller, buffer, '\n', asio::redirect_error(kAwait, error));
      if (error) break;
      const auto answer = obey(relay_, std::string_view{text}.substr(0, size - 1)) + "\n";
      text.erase(0, size);
      co_await asio::async_write(caller, asio::buffer(answer), asio::redirect_error(kAwait, error));
    }
  }
}

}  // namespace dray::tools
