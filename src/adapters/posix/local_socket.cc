#include "adapters/posix/local_socket.h"

#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <cstring>

#include "adapters/posix/fd.h"
#include "adapters/posix/timer.h"

namespace dray::adapters {
namespace {

using Protocol = asio::local::stream_protocol;
using Socket = asio::basic_stream_socket<Protocol, Executor>;
using Acceptor = asio::basic_socket_acceptor<Protocol, Executor>;
constexpr std::size_t kLongestLine = 64 << 10, kLongestAnswer = 1 << 20;
constexpr std::chrono::seconds kPatience{10};  // for the line, and for the answer to be taken
constexpr int kMostAtOnce = 16;

std::string user_of(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return "unknown";
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(peer.uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
    return entry.pw_name;
  return "uid " + std::to_string(peer.uid);
}

Result<gid_t> group_id(const std::string& name) {
  std::array<char, 16384> buffer{};
  group entry{};
  group* found = nullptr;
  if (::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return Error{ErrorCode::kInvalid, "there is no group '" + name + "'"};
  return entry.gr_gid;
}

Result<> check_length(const std::filesystem::path& path) {
  constexpr std::size_t kMost = sizeof(sockaddr_un::sun_path) - 1;
  if (path.string().size() <= kMost) return {};
  return Error{ErrorCode::kInvalid,
               path.string() + ": a socket's path has at most " + std::to_string(kMost) + " bytes"};
}

}  // namespace

struct LocalSocket::Core : std::enable_shared_from_this<Core> {
  Core(asio::io_context& io_, Answer a) : io{io_}, answer{std::move(a)}, acceptor{io_} {}

  // One caller, from its line to its answer. Ends by itself after kPatience.
  struct Call : std::enable_shared_from_this<Call> {
    Call(std::shared_ptr<Core> c, Socket s) : core{std::move(c)}, socket{std::move(s)}, timer{core->io} {
      ++core->calls;
    }
    ~Call() { --core->calls; }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    void read() {
      patience();
      asio::async_read_until(socket, asio::dynamic_buffer(text, kLongestLine), '\n',
                             [self = shared_from_this()](boost::system::error_code error, std::size_t size) {
                               self->timer.cancel();
                               if (error) return;
                               self->text.resize(size - 1);
                               asio::co_spawn(self->core->io.get_executor(), answer(self),
                                              [](std::exception_ptr e) {
                                                if (e) std::rethrow_exception(e);
                                              });
                             });
    }
    static Task<> answer(std::shared_ptr<Call> self) {
      std::string who = user_of(self->socket.native_handle());
      std::string line = std::move(self->text);
      std::string said = co_await self->core->answer(std::move(line), std::move(who));
      self->text = std::move(said) + "\n";
      self->write();
    }
    void write() {
      patience();
      asio::async_write(
          socket, asio::buffer(text),
          [self = shared_from_this()](boost::system::error_code, std::size_t) { self->timer.cancel(); });
    }
    void patience() {
      timer.expires_after(kPatience);
      timer.async_wait([weak = weak_from_this()](boost::system::error_code error) {
        const auto self = weak.lock();
        boost::system::error_code ignored;
        if (!error && self) self->socket.close(ignored);
      });
    }

    std::shared_ptr<Core> core;
    Socket socket;
    Timer timer;
    std::string text;
  };

  void accept() {
    acceptor.async_accept([self = shared_from_this()](boost::system::error_code error, Socket socket) {
      if (error == asio::error::operation_aborted || !self->acceptor.is_open()) return;
      // Above the limit it is closed at once: local programs come again.
      if (!error && self->calls < kMostAtOnce) std::make_shared<Call>(self, std::move(socket))->read();
      self->accept();
    });
  }

  asio::io_context& io;
  Answer answer;
  Acceptor acceptor;
  std::filesystem::path path;
  int calls = 0;
};

LocalSocket::LocalSocket(asio::io_context& io, Answer answer)
    : core_{std::make_shared<Core>(io, std::move(answer))} {}
LocalSocket::~LocalSocket() { close(); }

Result<> LocalSocket::listen(const std::filesystem::path& path, const std::string& group) {
  DRAY_CHECK(check_length(path));
  gid_t gid = static_cast<gid_t>(-1);
  if (!group.empty()) {
    DRAY_TRY(gid, group_id(group));
  }
  ::unlink(path.c_str());
  boost::system::error_code error;
  core_->acceptor.open(Protocol{}, error);
  const mode_t before = ::umask(0177);  // never open to others, not even for a moment
  if (!error) core_->acceptor.bind(Protocol::endpoint{path.string()}, error);
  ::umask(before);
  if (error) return errno_error(error.value(), path.string());
  core_->path = path;
  if (!group.empty() &&
      (::chown(path.c_str(), static_cast<uid_t>(-1), gid) != 0 || ::chmod(path.c_str(), 0660) != 0))
    return errno_error(errno, path.string());
  core_->acceptor.listen(kMostAtOnce, error);
  if (error) return errno_error(error.value(), path.string());
  core_->accept();
  return {};
}

void LocalSocket::close() {
  if (!core_->acceptor.is_open()) return;
  boost::system::error_code ignored;
  core_->acceptor.close(ignored);
  if (!core_->path.empty()) ::unlink(core_->path.c_str());
}

Result<std::string> ask_local(const std::filesystem::path& path, const std::string& line, Duration limit) {
  DRAY_CHECK(check_length(path));
  const Fd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (socket.get() < 0) return errno_error(errno, "socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.string().size());
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == ECONNREFUSED) return Error{ErrorCode::kNotFound, path.string() + ": nobody listens there"};
    return errno_error(errno, path.string());
  }
  const std::string out = line + "\n";
  if (::send(socket.get(), out.data(), out.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(out.size()))
    return errno_error(errno, path.string());
  std::string answer;
  while (answer.find('\n') == std::string::npos) {
    pollfd waiting{socket.get(), POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(limit.count())) <= 0)
      return Error{ErrorCode::kTimeout, path.string() + ": no answer"};
    std::array<char, 4096> piece{};
    const ssize_t n = ::recv(socket.get(), piece.data(), piece.size(), 0);
    if (n <= 0) return Error{ErrorCode::kUnavailable, path.string() + ": closed without an answer"};
    answer.append(piece.data(), static_cast<std::size_t>(n));
    if (answer.size() > kLongestAnswer) return Error{ErrorCode::kInvalid, path.string() + ": an answer without end"};
  }
  answer.resize(answer.find('\n'));
  return answer;
}

}  // namespace dray::adapters
