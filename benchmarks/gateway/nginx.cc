#include "nginx.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace dray::bench {
namespace {

namespace fs = std::filesystem;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return at;
}

// nginx can't choose one itself.
std::uint16_t free_port(std::uint16_t other = 0) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto at = loopback(0);
  socklen_t size = sizeof at;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&at), size) != 0) throw std::runtime_error{"no free port"};
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size);
  ::close(fd);
  const std::uint16_t port = ntohs(at.sin_port);
  return port == other ? free_port(other) : port;
}

bool accepts(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto at = loopback(port);
  const bool connected = ::connect(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0;
  ::close(fd);
  return connected;
}

std::string configuration(const std::string& root, const Nginx::Content& content, std::uint16_t return_port,
                          std::uint16_t file_port) {
  std::ostringstream out;
  out << "daemon off; master_process off; worker_processes 1; pid " << root << "/pid; error_log " << root
      << "/error.log;\n"
      << "events { worker_connections 4096; }\nhttp { access_log off; default_type application/hal+json; "
         "sendfile on; tcp_nopush on; "
      << "tcp_nodelay on; keepalive_timeout 600; keepalive_requests 1000000000; open_file_cache max=1000; "
         "open_file_cache_valid 60s;\n";
  for (const char* part : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    out << part << "_temp_path " << root << "/" << part << ";\n";
  out << "server { listen 127.0.0.1:" << return_port << ";\n";
  for (const auto& [prefix, text] : content.returned)
    out << "location " << prefix << " { return 200 '" << text << "'; }\n";
  out << "}\nserver { listen 127.0.0.1:" << file_port << "; root " << root << "/html; } }\n";
  return out.str();
}

}  // namespace

Nginx::Nginx(const std::string& program, const fs::path& folder, const Content& content)
    : return_port_{free_port()}, file_port_{free_port(return_port_)} {
  const auto place = [&](const std::string& path) {
    const fs::path out = folder / "html" / path.substr(1);
    fs::create_directories(out.parent_path());
    return out;
  };
  for (const auto& [path, text] : content.files) testing_support::write_file(place(path), text);
  for (const auto& [path, file] : content.linked) fs::create_hard_link(file, place(path));
  const std::string root = folder;
  testing_support::write_file(root + "/nginx.conf", configuration(root, content, return_port_, file_port_));
  process_ = std::make_unique<testing_support::Process>(
      std::vector<std::string>{program, "-p", root, "-c", root + "/nginx.conf", "-e", root + "/error.log"});
  for (int i = 0; i < 500 && !accepts(file_port_); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  if (!accepts(file_port_))
    throw std::runtime_error{"nginx does not serve: " + testing_support::read_file(root + "/error.log")};
}

}  // namespace dray::bench
