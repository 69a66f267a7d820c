#include "support/stack.h"

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "base/digest.h"
#include "support/built.h"

namespace dray::testing_support {
namespace {

std::string local(int port) { return "127.0.0.1:" + std::to_string(port); }

}  // namespace

Stack::Stack() {
  std::filesystem::create_directories(folder("server"));
  std::filesystem::create_directories(folder("devices"));
  start_server();
  ctl({"site", "create", "berlin", "--time-zone", "Europe/Berlin", "--token-to", folder("gateway.token")});
}

void Stack::start_server(Process::OnLine on_line) {
  server_.reset();
  write_file(folder("server.toml"), "data = \"server\"\nlog_level = \"debug\"\n[admin]\nlisten = \"" + local(admin_port_) +
                                        "\"\n[gateway]\nlisten = \"" + local(api_port_) + "\"\n");
  server_ = std::make_unique<Process>(std::vector<std::string>{built("dray-server"), "--config", folder("server.toml")},
                                      Process::Options{.on_line = std::move(on_line)});
  admin_port_ = port_in_log(*server_, "admin");
  api_port_ = port_in_log(*server_, "gateway");
}

void Stack::slow_wan(const std::vector<std::string>& options) {
  wan_ = std::make_unique<RelayProcess>(local(api_port_), options);
}

void Stack::start_gateway(Process::OnLine on_line) {
  std::string token = read_file(folder("gateway.token"));
  token.erase(token.find_last_not_of('\n') + 1);
  if (gateway_)
    gateway_->start(std::move(on_line));
  else
    gateway_ = std::make_unique<GatewayProcess>(folder("gateway"), wan_ ? wan_->url() : "http://" + local(api_port_), token,
                                                "[devices]\npoll_s = 1\n[updates]\nretry_base_s = 1\nretry_cap_s = 1\ncancel_within_s = 10\n", std::move(on_line));
  device_url_ = gateway_->device_url();
}

boost::json::value Stack::ctl(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), {built("drayctl"), "--json", "--server", "http://" + local(admin_port_), "--token-file", folder("server") + "/admin-token"});
  Process drayctl{arguments};
  const auto status = drayctl.wait(std::chrono::seconds{60});
  if (!status || *status != 0) throw std::runtime_error("drayctl failed: " + drayctl.output());
  auto lines = drayctl.lines();  // what it warns of stands before, on its other output
  std::erase_if(lines, [](const std::string& line) { return line.starts_with("warning: "); });
  return lines.empty() ? boost::json::value{} : boost::json::parse(lines.front());
}

std::string Stack::ctl_words(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), {built("drayctl"), "--server", "http://" + local(admin_port_), "--token-file", folder("server") + "/admin-token"});
  Process drayctl{arguments};
  const auto status = drayctl.wait(std::chrono::seconds{60});
  if (!status || *status != 0) throw std::runtime_error("drayctl failed: " + drayctl.output());
  return drayctl.output();
}

void Stack::make_type(const std::string& name, const std::vector<std::string>& components, bool one_by_one, const std::vector<std::string>& more) {
  std::vector<std::string> arguments{"type", "create", name, "--power-on-within", "20"};
  for (const std::string& component : components) arguments.insert(arguments.end(), {"--component", component});
  if (one_by_one) arguments.push_back("--one-by-one");
  if (std::find(more.begin(), more.end(), "--client") == more.end()) arguments.insert(arguments.end(), {"--client", "dray"});
  arguments.insert(arguments.end(), more.begin(), more.end());
  ctl(arguments);
}

void Stack::make_device(const std::string& name, const std::string& type, const std::vector<std::string>& components, const std::string& more,
                        const std::string& url) {
  const std::string home = folder("devices/" + name);
  const std::string slot = home + "/data/device/slots/0";
  boost::json::object stored;
  std::string installer;
  for (const std::string& component : components) {
    const std::string bytes = "factory image of " + component;
    std::filesystem::create_directories(slot + "/" + component);
    write_file(slot + "/" + component + "/image", bytes);
    stored[component] = {{"version", "1"}, {"sha256", sha256_of(as_bytes(bytes)).hex()}, {"size", bytes.size()}, {"good", true}};
    installer += "[[installer.components]]\nname = \"" + component + "\"\n";
  }
  write_file(slot + "/metadata.json", boost::json::serialize(boost::json::object{{"components", stored}}));
  std::filesystem::create_directory_symlink("slots/0", home + "/data/device/current");
  ctl({"device", "create", name, "--site", "berlin", "--type", type, "--token-to", home + "/token"});
  write_file(home + "/agent.toml", "id = \"" + name + "\"\ntype = \"" + type + "\"\ndata = \"data\"\nlog = \"debug\"\nbusy_file = \"busy\"\n" + more + "[server]\nurl = \"" +
                                       (url.empty() ? device_url_ : url) + "\"\ntoken_file = \"token\"\n[poll]\nleast_s = 0.2\nmost_s = 1\nworking_s = 1\nstart_jitter_s = 0\nretry_most_s = 1\n"
                                       "[installer]\nkind = \"ab-dir\"\nroot = \"device\"\n" + installer);
  devices_[name].folder = home;
}

void Stack::make_device_moody(const std::string& name) {
  const std::string home = folder("devices/" + name), script = home + "/installer.sh";
  std::string config = read_file(home + "/agent.toml");
  write_file(home + "/ab-dir.toml", config);
  write_file(script, "#!/bin/sh\nif [ -e '" + home + "/fail-'\"$1\" ]; then echo 'told to fail' >&2; exit 1; fi\nexec '" + built("dray-agent") +
                         "' installer ab-dir \"$1\" --config '" + home + "/ab-dir.toml'\n");
  std::filesystem::permissions(script, std::filesystem::perms::owner_all);
  const std::string built_in = "kind = \"ab-dir\"\nroot = \"device\"\n";
  config.replace(config.find(built_in), built_in.size(), "kind = \"exec\"\ncommand = [\"" + script + "\"]\n");
  write_file(home + "/agent.toml", config);
}

void Stack::start_device(const std::string& name, Process::OnLine on_line) {
  DeviceProcess& device = devices_.at(name);
  device.process.reset();
  device.process = std::make_unique<Process>(std::vector<std::string>{built("dray-agent"), "boot", "--config", device.folder + "/agent.toml"},
                                             Process::Options{.on_line = std::move(on_line)});
}

std::string Stack::push_image(const std::string& type, const std::string& component, const std::string& version, const std::string& bytes) {
  const std::string file = folder(component + "-" + version + ".img");
  write_file(file, bytes);
  const auto made = ctl({"artifact", "push", file, "--name", component, "--component", component, "--version", version, "--type", type});
  return std::string{made.at("sha256").as_string()};
}

std::string Stack::start_rollout(const std::string& version, const std::vector<std::string>& sha256, const std::string& keys) {
  std::vector<std::string> arguments{"release", "create", "firmware", version};
  arguments.insert(arguments.end(), sha256.begin(), sha256.end());
  ctl(arguments);
  write_file(folder("rollout.toml"), "release = \"firmware/" + version + "\"\n" + keys);
  return std::string{ctl({"rollout", "create", folder("rollout.toml")}).at("id").as_string()};
}

boost::json::value Stack::device_view(const std::string& name) const { return ctl({"device", "show", name}); }

bool Stack::wait_until(const std::function<bool()>& pred, std::chrono::seconds at_most) {
  const auto deadline = std::chrono::steady_clock::now() + at_most;
  // Each look is a drayctl call of some tens of milliseconds; no clock is waited for in between.
  while (!pred())
    if (std::chrono::steady_clock::now() > deadline) return false;
  return true;
}

bool Stack::wait_for_versions(const std::string& device, const std::map<std::string, std::string>& versions, std::chrono::seconds at_most) {
  return wait_until(
      [&] {
        const auto view = device_view(device);
        const auto& running = view.at("running").as_object();
        return std::all_of(versions.begin(), versions.end(), [&](const auto& wanted) {
          const auto* have = running.if_contains(wanted.first);
          return have != nullptr && have->at("version").as_string() == wanted.second;
        });
      },
      at_most);
}

bool Stack::wait_for_state(const std::string& device, const std::string& state, std::chrono::seconds at_most) {
  return wait_until(
      [&] {
        const auto view = device_view(device);
        return view.at("job").is_object() && view.at("job").at("state").as_string() == state;
      },
      at_most);
}

}  // namespace dray::testing_support
