// dray-relay: a line of limited rate that breaks on command, for demo, tests and bench. See relay.h.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/json.hpp>
#include <charconv>
#include <iostream>

#include "adapters/toml/units.h"
#include "relay/control.h"

namespace {

using dray::asio::ip::tcp;

tcp::endpoint endpoint(const std::string& text) {
  const auto colon = text.rfind(':');
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  if (colon == text.npos || std::from_chars(text.data() + colon + 1, end, port).ptr != end)
    throw CLI::ValidationError(text, "must be ADDRESS:PORT, such as 127.0.0.1:0");
  boost::system::error_code error;
  const auto address = dray::asio::ip::make_address(text.substr(0, colon), error);
  if (error) throw CLI::ValidationError(text, "begins with no IP address");
  return {address, port};
}

std::string to_text(const tcp::endpoint& at) {
  return at.address().to_string() + ":" + std::to_string(at.port());
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "A TCP relay with a limited rate that can be cut, broken and healed. Prints one line of JSON with its\n"
      "addresses, then serves until SIGTERM or SIGINT."};
  std::string listen = "127.0.0.1:0", to, control = "127.0.0.1:0", rate = "0 B/s";
  dray::tools::RelayOptions options;
  app.add_option("--listen", listen, "where to listen; port 0 takes a free one")->capture_default_str();
  app.add_option("--to", to, "where to relay to")->required();
  app.add_option("--rate", rate, "limit of each direction, such as 2MB/s or 8Mbit/s; 0 B/s is none")
      ->capture_default_str();
  app.add_option("--cut-after", options.cut_after,
                 "reset all connections after so many bytes towards the client");
  app.add_option("--cuts", options.cuts, "how often --cut-after holds")->capture_default_str();
  app.add_option("--control", control, "where to take orders: stats, cut, drop, heal, rate N")
      ->capture_default_str();
  try {
    app.parse(argc, argv);
    options.listen = endpoint(listen);
    options.to = endpoint(to);
    const auto parsed = dray::adapters::parse_rate(rate);
    if (!parsed) throw CLI::ValidationError("--rate", parsed.error().message());
    options.rate = *parsed;
    const auto control_at = endpoint(control);

    dray::asio::io_context io{1};
    dray::tools::Relay relay{io, options};
    dray::tools::Control orders{io, control_at, relay};
    dray::asio::signal_set signals{io, SIGTERM, SIGINT};
    signals.async_wait([&io](const boost::system::error_code&, int) { io.stop(); });
    const boost::json::object ready{
        {"listen", to_text(relay.address())}, {"control", to_text(orders.address())}, {"pid", getpid()}};
    std::cout << boost::json::serialize(ready) << std::endl;
    io.run();
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    std::cerr << "dray-relay: " << error.what() << "\n";
    return 1;
  }
}
