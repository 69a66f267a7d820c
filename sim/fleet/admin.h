// An operator's client: one call to an API over the simulated network, repeated until it is answered.
#pragma once

#include <string>

#include "sim/world.h"
#include "wire/json.h"

namespace dray::sim::fleet {

struct Answer {
  int status = 0;
  Headers headers;
  wire::json::value body;  // null where it is none
};

class Admin {
 public:
  // `people`: the machine that calls; it is up, and stays so.
  Admin(World& world, Node& people) : world_{world}, people_{people}, http_{world.network(), people} {}

  void set_token(std::string token) { token_ = std::move(token); }

  // Again and again until an answer below 500 comes, under one Idempotency-Key.
  Task<Answer> insist(Method method, std::string url, std::string body, std::string upload_offset = {});
  Task<Answer> insist(Method method, std::string url, wire::json::value body);
  // Once; status 0: no answer.
  Task<Answer> call(Method method, std::string url, wire::json::value body);

 private:
  Task<Answer> once(Method method, const std::string& url, std::string body, const std::string& key,
                    const std::string& upload_offset);
  World& world_;
  Node& people_;
  SimHttpClient http_;
  std::string token_;
  int keys_ = 0;
  Stop never_;
};

}  // namespace dray::sim::fleet
