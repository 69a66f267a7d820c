// What the exchanges of one client share: kept connections and the sweep. Internal to net.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/client.h"
#include "net/socket.h"

namespace dray::net {

class ClientExchange;

struct ClientCore : std::enable_shared_from_this<ClientCore> {
  ClientCore(asio::io_context& i, Clock& c, const ClientLimits& l) : io{i}, clock{c}, limits{l} {}

  // A kept connection to host:port that is still open, or nothing.
  std::optional<Socket> take(const std::string& key);
  void keep(const std::string& key, Socket socket);
  // Runs while there is something to watch.
  void start_sweep();

  struct Kept {
    Socket socket;
    SteadyTime until;
  };

  asio::io_context& io;
  Clock& clock;
  ClientLimits limits;
  std::map<std::string, std::vector<Kept>> pool;
  std::list<ClientExchange*> running;
  bool sweeping = false;
  Stop ended;

 private:
  static Task<> sweep(std::shared_ptr<ClientCore> self);
  void look();
};

}  // namespace dray::net
