#include "config.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <sstream>

#include "adapters/posix/secret_file.h"
#include "adapters/toml/config.h"
#include "base/text.h"
#include "core/model/said_type.h"
#include "wire/limits.h"

namespace dray::apps {
namespace {

using adapters::Config;

// The token, from the file or from one beside it that only we can read.
std::string token_of(const Config& server) {
  if (server.has("token") && server.has("token_file"))
    server.refuse("token_file", "is given beside token; one of them is enough");
  std::string token = server.text("token", "");
  const auto file = server.path("token_file", std::filesystem::path{});
  if (file.empty()) return token;
  const auto read = adapters::read_secret(file);
  if (!read) server.refuse("token_file", read.error().message());
  return read ? *read : std::string{};
}

void load_server(const Config& server, agent::AgentSettings& out) {
  out.url = server.text("url");
  if (!out.url.starts_with("http://") && !out.url.starts_with("https://"))
    server.refuse("url", "must begin with http:// or https://");
  const std::string kind = server.choice("token_kind", {"target", "gateway"}, "target");
  const std::string token = token_of(server);
  if (token.find_first_of("\r\n\t ") != std::string::npos) server.refuse("token", "must not hold blanks");
  if (!token.empty()) out.authorization = (kind == "target" ? "TargetToken " : "GatewayToken ") + token;
}

void load_poll(const Config& poll, agent::AgentSettings& out) {
  out.poll_least = poll.duration_s("least_s", {0, 86400}, out.poll_least);
  out.poll_most = poll.duration_s("most_s", {1, 86400}, out.poll_most);
  out.working_poll = poll.duration_s("working_s", {0, 3600}, out.working_poll);
  out.start_jitter = poll.duration_s("start_jitter_s", {0, 3600}, out.start_jitter);
  out.hold = std::chrono::seconds{poll.integer("hold_s", {1, 60}, out.hold.count())};
  out.retry_most = poll.duration_s("retry_most_s", {1, 3600}, out.retry_most);
  if (out.poll_least > out.poll_most) poll.refuse("least_s", "is more than most_s");
}

// What the device asks itself before it is updated.
void load_ready(const Config& ready, AgentConfig& out) {
  out.busy_command = ready.strings("busy_command", std::vector<std::string>{});
  out.busy_command_limit = ready.duration_s("busy_command_limit_s", {1, 600}, out.busy_command_limit);
  if (!out.busy_command.empty()) out.agent.busy_check = kBusyCheck;
  out.agent.busy_retry = ready.duration_s("busy_retry_s", {1, 86'400}, out.agent.busy_retry);
  out.agent.waits_while_busy = ready.choice("while_busy", {"answer", "wait"}, "answer") == "wait";
  out.agent.asks_operator = ready.boolean("ask_operator", false);
  for (const std::string& text : ready.strings("prohibited_hours", std::vector<std::string>{})) {
    const auto hours = core::parse_hours(text);
    if (hours)
      out.agent.prohibited.push_back(*hours);
    else
      ready.refuse("prohibited_hours", "\"" + text + "\" " + hours.error().message());
  }
}

bool is_name(const std::string& text, bool plus_dot) {
  return !text.empty() && text.size() <= 64 && text[0] != '.' &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' ||
                  (plus_dot && (c == '.' || c == ':'));
         });
}

// Compared with the name of a device type, or one of its other names: what is cut on the way would be another one.
std::string type_of(const Config& file) {
  std::string type = file.text("type", "");
  if (clean_characters(type, wire::kLongestAttribute) != type)
    file.refuse("type", "must have at most " + std::to_string(wire::kLongestAttribute) + " characters, and no control characters");
  return type;
}

// Two that a server would call the same: one would be written into the other's place.
void refuse_twins(const Config& entry, const Component& one, const std::vector<Component>& others) {
  const auto part_of = [](const Component& c) { return c.part.empty() ? c.name : c.part; };
  for (const Component& other : others) {
    if (other.name == one.name) entry.refuse("name", "\"" + one.name + "\" is given twice");
    if (other.name != one.name && part_of(other) == part_of(one))
      entry.refuse("part", "\"" + part_of(one) + "\" would be both " + other.name + " and " + one.name);
  }
}

InstallerConfig load_installer(const Config& table, agent::AgentSettings& agent) {
  InstallerConfig out;
  out.kind = table.choice("kind", {"ab-dir", "single-file", "exec"});
  const bool exec = out.kind == "exec";
  if (!exec) out.root = table.text("root", "device");
  if (out.root.is_absolute() || out.root.lexically_normal().string().starts_with(".."))
    table.refuse("root", "must be a folder below data");
  if (exec) out.command = table.strings("command");
  out.time_limit = table.duration_s("time_limit_s", {1, 86400}, out.time_limit);
  for (const Config& entry : table.tables("components")) {
    Component component{entry.text("name"), entry.text("part", ""), ""};
    if (!is_name(component.name, false)) entry.refuse("name", "must be up to 64 letters, digits, - or _");
    if (out.kind == "single-file") component.file = entry.text("file");
    if (component.file.starts_with('/') || component.file.find("..") != Path::npos)
      entry.refuse("file", "must be a path below root");
    if (!component.part.empty()) agent.parts[component.part] = component.name;
    refuse_twins(entry, component, out.components);
    agent.components.push_back(component.name);
    out.components.push_back(std::move(component));
  }
  if (out.kind == "single-file" && out.components.empty())
    table.refuse("components", "must name at least one component and its file");
  return out;
}

// As a shell would find it: a name without "/" in the folders of PATH.
bool can_be_started(const std::string& program) {
  const auto is_program = [](const std::string& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && ::access(path.c_str(), X_OK) == 0;
  };
  if (program.find('/') != std::string::npos) return is_program(program);
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): before any thread
  std::istringstream folders{path != nullptr ? path : "/usr/bin:/bin"};
  for (std::string folder; std::getline(folders, folder, ':');)
    if (is_program((folder.empty() ? "." : folder) + "/" + program)) return true;
  return false;
}

}  // namespace

Result<> check_commands(const AgentConfig& config) {
  std::string wrong;
  const auto check = [&](const char* key, const std::vector<std::string>& command) {
    if (command.empty() || can_be_started(command[0])) return;
    wrong += (wrong.empty() ? "" : "\n") + std::string{key} + ": " + command[0] + " is not there, or can't be executed";
  };
  check("installer.command", config.installer.command);
  check("ready.busy_command", config.busy_command);
  if (config.machine) check("reboot_command", config.reboot_command);
  if (wrong.empty()) return {};
  return Error{ErrorCode::kInvalid, wrong};
}

Result<AgentConfig> load_config(const std::filesystem::path& path) {
  DRAY_TRY(const Config file, Config::open(path));
  AgentConfig out;
  out.agent.id = file.text("id");
  if (!is_name(out.agent.id, true)) file.refuse("id", "must be up to 64 letters, digits, -, _, . or :");
  out.agent.tenant = file.text("tenant", "DEFAULT");
  if (!is_name(out.agent.tenant, true)) file.refuse("tenant", "must be a plain name");
  out.data = file.path("data");
  const auto level = parse_level(file.choice("log", {"debug", "info", "warn", "error"}, "info"));
  if (level) out.log = *level;
  out.agent.busy_file = file.text("busy_file", "busy");
  if (out.agent.busy_file.starts_with('/') || out.agent.busy_file.find("..") != Path::npos)
    file.refuse("busy_file", "must be a path below data");
  out.machine = file.choice("restart", {"process", "machine"}, "process") == "machine";
  out.reboot_command = file.strings("reboot_command", std::vector<std::string>{"systemctl", "reboot"});
  out.program = file.strings("run", std::vector<std::string>{});
  out.program_settles = file.duration_s("run_settle_s", {0, 3600}, out.program_settles);
  load_server(file.table("server"), out.agent);
  load_poll(file.table("poll"), out.agent);
  load_ready(file.table("ready"), out);
  const Config local = file.table("local");
  out.socket = local.path("socket", out.data / "agent.sock");
  out.socket_group = local.text("group", "");
  const Config attributes = file.table("attributes");
  for (const std::string& key : attributes.keys()) out.agent.attributes[key] = attributes.text(key);
  if (std::string type = type_of(file); !type.empty()) out.agent.attributes[std::string{core::kSaidType}] = std::move(type);
  out.installer = load_installer(file.table("installer"), out.agent);
  DRAY_CHECK(file.finish());
  return out;
}

}  // namespace dray::apps
