#include "support/relay_process.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/json.hpp>
#include <stdexcept>

#include "support/built.h"

namespace dray::testing_support {

RelayProcess::RelayProcess(const std::string& to, std::vector<std::string> options) {
  std::vector<std::string> argv{built("dray-relay"), "--to", to};
  argv.insert(argv.end(), options.begin(), options.end());
  process_ = std::make_unique<Process>(std::move(argv));
  if (!process_->wait_for("\"listen\"")) throw std::runtime_error("dray-relay did not start: " + process_->output());
  const auto ready = boost::json::parse(process_->lines().front());
  address_ = ready.at("listen").as_string();
  control_ = ready.at("control").as_string();
}

std::string RelayProcess::order(const std::string& line) {
  const auto colon = control_.rfind(':');
  boost::asio::ip::tcp::iostream stream{control_.substr(0, colon), control_.substr(colon + 1)};
  stream << line << "\n" << std::flush;
  std::string answer;
  std::getline(stream, answer);
  return answer;
}

int RelayProcess::cuts() { return static_cast<int>(boost::json::parse(order("stats")).at("cuts").to_number<int>()); }

std::uint64_t RelayProcess::bytes_down() { return boost::json::parse(order("stats")).at("down").to_number<std::uint64_t>(); }

}  // namespace dray::testing_support
