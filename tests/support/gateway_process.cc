#include "support/gateway_process.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/json.hpp>
#include <csignal>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "support/built.h"

namespace dray::testing_support {
int port_in_log(Process& process, const std::string& door) {
  const std::string wanted = "listening door=" + door + " ";
  if (!process.wait_for(wanted)) throw std::runtime_error("it does not listen:\n" + process.output());
  for (const std::string& line : process.lines())
    if (line.find(wanted) != line.npos) return std::stoi(line.substr(line.find("port=") + 5));
  return 0;
}

GatewayProcess::GatewayProcess(std::string folder, const std::string& server_url, const std::string& token, const std::string& extra,
                               Process::OnLine on_line, std::string program)
    : program_{program.empty() ? built("dray-gateway") : std::move(program)},
      folder_{std::move(folder)},
      server_url_{server_url},
      token_{token},
      extra_{extra.empty() ? "[devices]\npoll_s = 1\n" : extra} {
  std::filesystem::create_directories(folder_ + "/data");
  start(std::move(on_line));
}

void GatewayProcess::start(Process::OnLine on_line) {
  process_.reset();
  write_file(folder_ + "/gateway.toml", "data = \"data\"\nlisten = \"127.0.0.1:" + std::to_string(device_port_) +
                                            "\"\nlocal_listen = \"127.0.0.1:0\"\nlog_level = \"debug\"\n[server]\nurl = \"" + server_url_ +
                                            "\"\ntoken = \"" + token_ + "\"\nretry_base_s = 0.1\nretry_cap_s = 0.5\n" + extra_);
  process_ = std::make_unique<Process>(std::vector<std::string>{program_, "--config", folder_ + "/gateway.toml"},
                                       Process::Options{.on_line = std::move(on_line)});
  device_port_ = port_in_log(*process_, "devices");
  local_port_ = port_in_log(*process_, "local");
}

void GatewayProcess::kill() {
  process_->signal(SIGKILL);
  process_->wait();
}

bool GatewayProcess::ready() const {
  try {
    return !http_get(local_url() + "/readyz").empty();
  } catch (const std::runtime_error&) {
    return false;
  }
}

std::size_t GatewayProcess::stored() const {
  return boost::json::parse(http_get(local_url() + "/api/v1/status")).at("storage").at("artifacts").as_array().size();
}

std::uint64_t GatewayProcess::link_counter(const char* name) const {
  const auto status = boost::json::parse(http_get(local_url() + "/api/v1/status"));
  return status.at("link").at(name).to_number<std::uint64_t>();
}

std::uint64_t GatewayProcess::lan_bytes() const { return link_counter("lan_bytes"); }
std::uint64_t GatewayProcess::wan_bytes() const { return link_counter("wan_bytes"); }

std::string http_get(const std::string& url, const std::string& authorization) {
  const std::string rest = url.substr(url.find("//") + 2);
  const auto slash = rest.find('/');
  const auto colon = rest.find(':');
  boost::asio::ip::tcp::iostream stream;
  stream.expires_after(std::chrono::seconds{30});
  stream.connect(rest.substr(0, colon), rest.substr(colon + 1, slash - colon - 1));
  stream << "GET " << rest.substr(slash) << " HTTP/1.1\r\nHost: " << rest.substr(0, slash) << "\r\nConnection: close\r\n"
         << (authorization.empty() ? "" : "Authorization: " + authorization + "\r\n") << "\r\n"
         << std::flush;
  std::ostringstream all;
  all << stream.rdbuf();
  const std::string text = all.str();
  const auto head = text.find("\r\n\r\n");
  if (head == text.npos || text.compare(0, 12, "HTTP/1.1 200") != 0) throw std::runtime_error("GET " + url + ": " + text.substr(0, 200));
  return text.substr(head + 4);
}

}  // namespace dray::testing_support
