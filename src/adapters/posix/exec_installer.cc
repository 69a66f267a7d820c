#include "adapters/posix/exec_installer.h"

namespace dray::adapters {

InstallerAnswer parse_answer(const CommandResult& result) {
  InstallerAnswer answer;
  switch (result.status) {
    case 0:
      answer.exit = InstallerExit::kOk;
      break;
    case 2:
      answer.exit = InstallerExit::kUsage;
      break;
    case 3:
      answer.exit = InstallerExit::kRetryLater;
      break;
    case 10:
      answer.exit = InstallerExit::kBusy;
      break;
    default:
      answer.exit = InstallerExit::kFailed;
  }
  const auto add = [&](std::string_view line) {
    if (!line.empty()) answer.words += (answer.words.empty() ? "" : "\n") + std::string{line};
  };
  for (std::size_t at = 0; at < result.out.size();) {
    const auto end = std::min(result.out.find('\n', at), result.out.size());
    const std::string_view line = std::string_view{result.out}.substr(at, end - at);
    at = end + 1;
    const auto equals = line.find('=');
    if (equals == std::string_view::npos || equals == 0 || line.find(' ') < equals)
      add(line);
    else
      answer.values[std::string{line.substr(0, equals)}] = line.substr(equals + 1);
  }
  std::string_view complaint = result.err;
  while (!complaint.empty() && complaint.back() == '\n') complaint.remove_suffix(1);
  if (answer.exit != InstallerExit::kOk)
    add(complaint);  // what a verb says while it succeeds is for its own log
  if (answer.exit == InstallerExit::kFailed && answer.words.empty())
    answer.words = "exit status " + std::to_string(result.status);
  return answer;
}

std::string print_answer(const InstallerAnswer& answer) {
  std::string out;
  for (const auto& [key, value] : answer.values) out += key + "=" + value + "\n";
  if (answer.exit == InstallerExit::kOk && !answer.words.empty()) out += answer.words + "\n";
  return out;
}

Task<Result<InstallerAnswer>> ExecInstaller::run(InstallerVerb verb, InstallerEnv env, Stop& stop) {
  Command command;
  command.argv = settings_.command;
  command.argv.emplace_back(to_string(verb));
  std::string order;
  for (const std::string& component : env.order) order += (order.empty() ? "" : " ") + component;
  command.environment = {
      {"DRAY_COMPONENT", env.component},
      {"DRAY_VERSION", env.version},
      {"DRAY_SHA256", env.sha256.hex()},
      {"DRAY_ORDER", order},
      {"DRAY_SIZE", std::to_string(env.size)},
      {"DRAY_PAYLOAD", env.payload.empty() ? "" : (settings_.data / env.payload).string()}};
  auto result = co_await run_command(io_, clock_, std::move(command), settings_.limits, stop);
  if (!result) co_return result.error();
  if (result->timed_out)
    co_return Error{ErrorCode::kTimeout, std::string{to_string(verb)} + " took longer than " +
                                             std::to_string(settings_.limits.time.count() / 1000) + " s"};
  co_return parse_answer(*result);
}

}  // namespace dray::adapters
