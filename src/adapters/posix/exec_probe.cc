#include "adapters/posix/exec_probe.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace dray::adapters {
namespace {

constexpr std::int64_t kLongestWait = 30 * 86'400;  // of a retry_after

std::string variable_of(const std::string& attribute) {
  std::string out = "DRAY_ATTRIBUTE_";
  for (const unsigned char c : attribute) out += std::isalnum(c) ? static_cast<char>(std::toupper(c)) : '_';
  return out;
}

void add_line(std::string& words, std::string_view line) {
  if (!line.empty()) words += (words.empty() ? "" : "\n") + std::string{line};
}

ProbeAnswer read(const CommandResult& result) {
  constexpr std::string_view kRetryAfter = "retry_after=";
  ProbeAnswer answer;
  answer.busy = result.status == 10;
  for (std::size_t at = 0; at < result.out.size();) {
    const auto end = std::min(result.out.find('\n', at), result.out.size());
    const std::string_view line = std::string_view{result.out}.substr(at, end - at);
    at = end + 1;
    std::int64_t seconds = 0;
    const char* last = line.data() + line.size();
    if (line.starts_with(kRetryAfter) &&
        std::from_chars(line.data() + kRetryAfter.size(), last, seconds).ptr == last && seconds >= 0 &&
        seconds <= kLongestWait)
      answer.retry_after = std::chrono::seconds{seconds};
    else
      add_line(answer.why, line);
  }
  return answer;
}

}  // namespace

Task<Result<ProbeAnswer>> ExecProbe::run(std::string check, ProbeSubject subject, Stop& stop) {
  const auto found = checks_.find(check);
  if (found == checks_.end())
    co_return Error{ErrorCode::kNotFound, "there is no status check '" + check + "' here"};
  Command command;
  command.argv = found->second.command;
  command.as = as_;
  command.environment = {
      {"DRAY_DEVICE", subject.device}, {"DRAY_TYPE", subject.type}, {"DRAY_ADDRESS", subject.address}};
  for (const auto* attributes : {&subject.attributes, &subject.given})
    for (const auto& [name, value] : *attributes) command.environment[variable_of(name)] = value;
  const CommandLimits limits = found->second.limits;
  auto result = co_await run_command(io_, clock_, std::move(command), limits, stop);
  if (!result) co_return result.error();
  if (result->timed_out)
    co_return Error{ErrorCode::kTimeout, "status check '" + check + "' took longer than " +
                                             std::to_string(limits.time.count() / 1000) + " s"};
  if (result->status != 0 && result->status != 10) {
    std::string why = result->err;
    while (!why.empty() && why.back() == '\n') why.pop_back();
    co_return Error{ErrorCode::kUnavailable,
                    "status check '" + check +
                        "' failed: " + (why.empty() ? "exit status " + std::to_string(result->status) : why)};
  }
  co_return read(*result);
}

}  // namespace dray::adapters
