// "installer KIND VERB": the thin executable around the built-in installers, with the exec protocol's
// environment.
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "adapters/posix/exec_installer.h"
#include "adapters/posix/signals.h"
#include "device.h"

namespace dray::apps {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

Result<InstallerVerb> parse_verb(const std::string& text) {
  for (int i = 0; i <= static_cast<int>(InstallerVerb::kCancel); ++i)
    if (text == to_string(static_cast<InstallerVerb>(i))) return static_cast<InstallerVerb>(i);
  return Error{ErrorCode::kNotFound, text};
}

Task<> ask(Installer& installer, InstallerVerb verb, InstallerEnv env, Stop& stop,
           std::optional<Result<InstallerAnswer>>& out) {
  auto answer = co_await installer.run(verb, std::move(env), stop);
  out.emplace(std::move(answer));
}

}  // namespace

int run_verb(const AgentConfig& config, const std::string& kind, const std::string& verb_text) {
  const auto verb = parse_verb(verb_text);
  if (!verb) return 0;  // unknown verbs are silent: an older installer under a newer agent
  InstallerEnv env;
  env.component = variable("DRAY_COMPONENT");
  env.version = variable("DRAY_VERSION");
  env.size = std::strtoull(variable("DRAY_SIZE").c_str(), nullptr, 10);
  if (const std::string hex = variable("DRAY_SHA256"); !hex.empty()) {
    const auto digest = Sha256::parse(hex);
    if (!digest) {
      std::fprintf(stderr, "DRAY_SHA256: %s\n", digest.error().message().c_str());
      return static_cast<int>(InstallerExit::kUsage);
    }
    env.sha256 = *digest;
  }
  std::istringstream order{variable("DRAY_ORDER")};
  for (std::string component; order >> component;) env.order.push_back(component);
  if (env.order.empty() && !env.component.empty()) env.order.push_back(env.component);

  Device device{config};
  const std::filesystem::path payload = variable("DRAY_PAYLOAD");
  env.payload = payload.filename().string();
  if (!payload.empty() && !std::filesystem::exists(payload)) {
    std::fprintf(stderr, "%s: is not there\n", payload.c_str());
    return static_cast<int>(InstallerExit::kUsage);
  }
  adapters::PosixDisk payloads{payload.empty() ? config.data
                                               : std::filesystem::absolute(payload).parent_path()};
  InstallerConfig installer_config = config.installer;
  installer_config.kind = kind;
  const auto installer = make_installer(installer_config, device, payloads, config.data);
  Stop stop;
  adapters::StopOnSignals signals{device.io, stop};
  std::optional<Result<InstallerAnswer>> answer;
  asio::co_spawn(device.io, ask(*installer, *verb, std::move(env), stop, answer),
                 [&](std::exception_ptr error) {
                   signals.done();
                   device.io.stop();  // kept connections and the like hold up nothing
                   if (error) std::rethrow_exception(error);
                 });
  device.io.run();
  if (!answer || !*answer) {
    std::fprintf(stderr, "%s\n", answer ? answer->error().message().c_str() : "no answer");
    return static_cast<int>(InstallerExit::kFailed);
  }
  std::fputs(adapters::print_answer(**answer).c_str(), stdout);
  if ((*answer)->exit != InstallerExit::kOk) std::fprintf(stderr, "%s\n", (*answer)->words.c_str());
  return static_cast<int>((*answer)->exit);
}

}  // namespace dray::apps
