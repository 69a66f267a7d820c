#include "program.h"

#include <signal.h>

#include <chrono>
#include <filesystem>

#include "base/time.h"
#include "support/built.h"

namespace dray::testing_support {

using boost::json::array;
using boost::json::object;
using boost::json::value;

std::string image(std::size_t size, unsigned seed) {
  std::string out(size, '\0');
  std::uint64_t x = seed * 2654435761U + 1;
  for (char& c : out) {
    x = x * 6364136223846793005ULL + 1442695040888963407ULL;
    c = static_cast<char>(x >> 56);
  }
  return out;
}

std::string sha256_hex(const std::string& bytes) { return sha256_of(as_bytes(bytes)).hex(); }

std::string in_seconds(int seconds) {
  return to_rfc3339(std::chrono::floor<Duration>(std::chrono::system_clock::now()) +
                    std::chrono::seconds{seconds});
}

void ServerProgram::start() {
  const std::string config = folder / "server.toml", ports = folder / "ports.json";
  write_file(
      config,
      "data = \"data\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[gateway]\nlisten = \"127.0.0.1:0\"\n[limits]\n" +
          limits);
  std::filesystem::remove(ports);
  server = std::make_unique<Process>(std::vector<std::string>{built("dray-server"),
                                                              "--config", config, "--ports-file", ports});
  ASSERT_TRUE(server->wait_for(" started ")) << server->output();
  const auto chosen = wire::parse_json(read_file(ports));
  ASSERT_TRUE(chosen);
  admin_port = chosen->at("admin").to_number<std::uint16_t>();
  gateway_port = chosen->at("gateway").to_number<std::uint16_t>();
  token = read_file(data("admin-token"));
  token.pop_back();
}

void ServerProgram::kill() {
  server->signal(SIGKILL);
  EXPECT_EQ(server->wait(), 128 + SIGKILL);
}

std::optional<int> ServerProgram::terminate() {
  server->signal(SIGTERM);
  return server->wait();
}

Answer ServerProgram::admin(Call call) {
  if (call.token.empty()) call.token = token;
  return exchange(admin_port, call);
}

Answer ServerProgram::post(const std::string& path, const value& body) {
  return admin({.method = "POST", .path = "/api/v1/" + path, .body = wire::to_text(body)});
}

std::pair<int, std::string> ServerProgram::drayctl(std::vector<std::string> words) {
  words.insert(words.begin(), {built("drayctl"), "--server",
                               "http://127.0.0.1:" + std::to_string(admin_port), "--token-file", data("admin-token")});
  Process process{words};
  const auto status = process.wait();
  return {status.value_or(-1), process.output()};
}

Answer ServerProgram::gateway(Call call, const std::string& gateway_token) {
  call.token = gateway_token;
  return exchange(gateway_port, call);
}

Answer ServerProgram::report(const std::string& gateway_token, const array& reports) {
  return gateway({.method = "POST", .path = "/gateway/v1/reports", .body = wire::to_text(reports)},
                 gateway_token);
}

void ServerProgram::add_type(const std::string& name, const std::string& component) {
  const object type{{"name", name}, {"components", array{component}}, {"client", "dray"}};
  const auto made = post("device-types", type);
  ASSERT_EQ(made.status, 201) << made.body;
}

std::string ServerProgram::upload(const std::string& bytes) {
  const std::string sha = sha256_hex(bytes);
  const object wanted{{"sha256", sha}, {"size", bytes.size()}};
  const auto begun = post("uploads", wanted);
  EXPECT_EQ(begun.status, 201) << begun.body;
  const auto sent = admin({.method = "PATCH",
                           .path = "/api/v1/uploads/" + sha,
                           .body = bytes,
                           .headers = {{"Upload-Offset", "0"}}});
  EXPECT_EQ(sent.status, 200) << sent.body;
  return sha;
}

std::string ServerProgram::add_artifact(const std::string& bytes, const std::string& version,
                                        const std::string& type) {
  const std::string sha = upload(bytes);
  const object artifact{{"sha256", sha},     {"name", "image"},    {"file", "image.img"},
                        {"component", "os"}, {"version", version}, {"device_types", array{type}}};
  const auto made = post("artifacts", artifact);
  EXPECT_EQ(made.status, 201) << made.body;
  return sha;
}

std::string ServerProgram::add_site(const std::string& name) {
  const object site{{"name", name}};
  const auto made = post("sites", site);
  EXPECT_EQ(made.status, 201) << made.body;
  return std::string{made.json().at("token").as_string()};
}

void ServerProgram::add_device(const std::string& name, const std::string& site, const std::string& type) {
  const object device{{"name", name}, {"site", site}, {"type", type}};
  const auto made = post("devices", device);
  ASSERT_EQ(made.status, 201) << made.body;
}

void ServerProgram::add_release(const std::string& name, const std::string& version,
                                const std::string& sha256) {
  const object release{{"name", name}, {"version", version}, {"artifacts", array{sha256}}};
  const auto made = post("releases", release);
  ASSERT_EQ(made.status, 201) << made.body;
}

}  // namespace dray::testing_support
