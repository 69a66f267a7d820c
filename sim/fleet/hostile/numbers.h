// Numbers that no honest gateway sends, under the token of a site: beside its reports, or in place of numbers of its
// own whose loss harms nobody (rates, logs). The server must set them aside, and take the rest.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "sim/fleet/admin.h"

namespace dray::sim::fleet {

class HostileNumbers {
 public:
  HostileNumbers(World& world, Node& people, SimRandom random) : http_{world.network(), people}, people_{people}, random_{random} {}

  // Remembers how this gateway says who it is: the same is said for it.
  void heard(const std::string& gateway, const HttpRequest& request);
  // One request of ours, where anything was heard of the gateway: an epoch or a place that can't be.
  void post(const std::string& gateway);
  // The body with some of its numbers replaced.
  std::shared_ptr<BodySource> in_place(std::shared_ptr<BodySource> body);

 private:
  static Task<> send(HostileNumbers& self, HttpRequest request, std::string body);

  SimHttpClient http_;
  Node& people_;
  SimRandom random_;
  std::map<std::string, Headers> headers_;
  Stop never_;
};

}  // namespace dray::sim::fleet
