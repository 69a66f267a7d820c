// dray-server, the program, with a data folder that outlives it: started, killed, started again.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "http_call.h"
#include "support/process.h"

namespace dray::testing_support {

class ServerProgram : public ::testing::Test {
 protected:
  void SetUp() override { start(); }

  void start();
  void kill();                     // -9
  std::optional<int> terminate();  // SIGTERM; its exit status
  std::string data(const std::string& name) const { return folder / ("data/" + name); }

  Answer admin(Call call);
  Answer get(const std::string& path) { return admin({.path = "/api/v1/" + path}); }
  Answer post(const std::string& path, const boost::json::value& body);
  // As an operator types it; its exit status and its words.
  std::pair<int, std::string> drayctl(std::vector<std::string> words);
  Answer gateway(Call call, const std::string& token);
  Answer report(const std::string& token, const boost::json::array& reports);

  // The shortest way to something to roll out. Each expects to succeed.
  void add_type(const std::string& name = "till", const std::string& component = "os");
  std::string upload(const std::string& bytes);  // its SHA-256
  std::string add_artifact(const std::string& bytes, const std::string& version = "2",
                           const std::string& type = "till");
  std::string add_site(const std::string& name = "berlin");  // its token
  void add_device(const std::string& name, const std::string& site = "berlin",
                  const std::string& type = "till");
  void add_release(const std::string& name, const std::string& version, const std::string& sha256);

  TempFolder folder;
  std::string limits;  // of the configuration's [limits]
  std::unique_ptr<Process> server;
  std::uint16_t admin_port = 0, gateway_port = 0;
  std::string token;
};

// Half a megabyte that nobody compresses, different for each seed.
std::string image(std::size_t size, unsigned seed = 1);
std::string sha256_hex(const std::string& bytes);
// "2026-..Z", so many seconds from now.
std::string in_seconds(int seconds);

}  // namespace dray::testing_support
