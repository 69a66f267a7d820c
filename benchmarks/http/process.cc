#include "process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "server.h"

namespace dray::bench {

namespace {

void run_on(std::size_t processor) {
  if (std::thread::hardware_concurrency() < 2) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  (void)::sched_setaffinity(0, sizeof set, &set);  // a container may forbid it: then without
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return at;
}

// nginx can't choose one itself.
std::uint16_t free_port() {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto at = loopback(0);
  socklen_t size = sizeof at;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&at), size) != 0) throw std::runtime_error{"no free port"};
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size);
  ::close(fd);
  return ntohs(at.sin_port);
}

bool accepts(std::uint16_t port) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto at = loopback(port);
  bool connected = ::connect(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0;
  ::close(fd);
  return connected;
}

}  // namespace

void run_on_other_processor() { run_on(1); }

Process::Process(std::vector<std::string> words) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error{"pipe"};
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  auto parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error{"fork"};
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(1);
    run_on(0);
    ::dup2(ends[1], STDOUT_FILENO);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  out_ = ends[0];
}

Process::~Process() {
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
  ::close(out_);
}

std::string Process::read_line() {
  std::string line;
  for (char c = 0; ::read(out_, &c, 1) == 1;) {
    if (c == '\n') return line;
    line += c;
  }
  throw std::runtime_error{"a server ended before it served"};
}

Nginx::Nginx(const std::string& program, const std::filesystem::path& folder,
             const std::filesystem::path& files)
    : port_{free_port()} {
  auto root = folder.string();
  std::filesystem::create_directories(folder / "html");
  std::ofstream{folder / "html/static"} << poll_body();
  // As fast as nginx is set up by those who know it: one process, no logs, sendfile, an open file cache.
  std::ofstream{folder / "nginx.conf"}
      << "daemon off; master_process off; worker_processes 1; pid " << root << "/pid; error_log " << root
      << "/error.log;\nevents { worker_connections 4096; }\nhttp { access_log off; "
      << "default_type application/hal+json; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_timeout "
         "120; "
      << "keepalive_requests 1000000000; open_file_cache max=100; open_file_cache_valid 60s;\n"
      << "client_body_temp_path " << root << "/t1; proxy_temp_path " << root << "/t2; fastcgi_temp_path "
      << root << "/t3; uwsgi_temp_path " << root << "/t4; scgi_temp_path " << root << "/t5;\n"
      << "server { listen 127.0.0.1:" << port_ << "; root " << files.string() << ";\n"
      << "location = /return { return 200 '" << poll_body() << "'; }\n"
      << "location = /static { root " << root << "/html; } } }\n";
  process_ = std::make_unique<Process>(
      std::vector<std::string>{program, "-p", root, "-c", root + "/nginx.conf", "-e", root + "/error.log"});
  for (int i = 0; i < 500 && !accepts(port_); ++i) std::this_thread::sleep_for(std::chrono::milliseconds{10});
  if (!accepts(port_)) throw std::runtime_error{"nginx does not serve; see " + root + "/error.log"};
}

}  // namespace dray::bench
