#include "agent/disk_installer.h"

#include <algorithm>
#include <functional>

namespace dray::agent {
namespace {

InstallerAnswer failed(const Error& error) { return {InstallerExit::kFailed, {}, error.message()}; }

Result<InstallerAnswer> answered(const Result<>& done) {
  if (done) return InstallerAnswer{};
  if (done.error().code() == ErrorCode::kStopped) return done.error();
  return failed(done.error());
}

bool is_plain_name(const std::string& name) {  // a component becomes a folder
  return !name.empty() && name.size() <= 64 && name[0] != '.' &&
         name.find_first_of("/\\ =\n\t") == std::string::npos && name.find('\0') == std::string::npos;
}

}  // namespace

Task<Result<InstallerAnswer>> DiskInstaller::run(InstallerVerb verb, InstallerEnv env, Stop& stop) {
  Stopping stopping{false};
  Stop::Hook hook{stop, [&stopping] { stopping = true; }};
  std::function<Result<InstallerAnswer>()> work = [this, verb, &env, &stopping] {
    return answer(verb, env, stopping);
  };
  co_return co_await on(worker_, std::move(work));
}

Result<InstallerAnswer> DiskInstaller::answer(InstallerVerb verb, const InstallerEnv& env,
                                              const Stopping& stopping) {
  for (const std::string& component : env.order)
    if (!is_plain_name(component))
      return InstallerAnswer{InstallerExit::kUsage, {}, "\"" + component + "\" is no component name"};
  switch (verb) {
    case InstallerVerb::kInfo:
      return info();
    case InstallerVerb::kReady:
      return InstallerAnswer{};
    case InstallerVerb::kInstalled:
      return installed(stopping);
    case InstallerVerb::kDownload:
      if (!is_plain_name(env.component) || env.sha256.empty() || env.payload.empty())
        return InstallerAnswer{InstallerExit::kUsage, {}, "download needs component, sha256 and payload"};
      return answered(download(env, stopping));
    case InstallerVerb::kInstall:
      return answered(install(env, stopping));
    case InstallerVerb::kNeedsReboot:
      return InstallerAnswer{InstallerExit::kOk, {}, "yes"};
    case InstallerVerb::kVerify:
      return answered(verify(stopping));
    case InstallerVerb::kCommit:
      return answered(commit());
    case InstallerVerb::kRollback:
      return answered(rollback(stopping));
    case InstallerVerb::kCancel:
      return answered(cancel());
    case InstallerVerb::kCleanup:
      return InstallerAnswer{};
  }
  return InstallerAnswer{};
}

Result<std::string> DiskInstaller::version_line(const Path& image, const std::vector<const Stored*>& known,
                                                const Stopping& stopping) const {
  DRAY_TRY(const auto file, disk_.open(image, Mode::kRead));
  DRAY_TRY(const Digested found, digest_of(disk_, image, stopping));
  std::string version = version_in(*file);
  if (version.empty()) {
    const auto same =
        std::find_if(known.begin(), known.end(), [&](const Stored* s) { return s->sha256 == found.sha256; });
    version = same != known.end() && !(*same)->version.empty() ? (*same)->version : found.sha256.hex();
  }
  return version + "\t" + found.sha256.hex();
}

}  // namespace dray::agent
