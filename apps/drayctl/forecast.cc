// What-if by simulation: dray-forecast is run on the facts that the server has answered.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "adapters/posix/fd.h"
#include "session.h"

namespace dray::ctl {
namespace {

constexpr const char* kProgram = "dray-forecast";

// Beside drayctl, else wherever PATH has it.
std::string program() {
  std::error_code none;
  const auto beside = std::filesystem::read_symlink("/proc/self/exe", none).replace_filename(kProgram);
  return std::filesystem::exists(beside, none) ? beside.string() : kProgram;
}

Result<> write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n <= 0) return adapters::errno_error(errno, "the facts for dray-forecast");
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

// Into an unnamed file: the program reads all of it before it answers, and a pipe would have to be fed meanwhile.
Result<adapters::Fd> facts_file(const json::value& facts) {
  adapters::Fd file{::open(std::filesystem::temp_directory_path().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
  if (!file) return adapters::errno_error(errno, "a temporary file");
  DRAY_CHECK(write_all(file.get(), json::serialize(facts)));
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return Error{ErrorCode::kInternal, "lseek"};
  return file;
}

std::string read_all_of(int fd) {
  std::string out;
  char piece[65'536];
  for (ssize_t n = 0; (n = ::read(fd, piece, sizeof piece)) > 0;) out.append(piece, static_cast<std::size_t>(n));
  return out;
}

std::string share(const json::value& item, std::string_view key) {
  return std::to_string(std::lround(100 * item.at(key).to_number<double>())) + " %";
}

}  // namespace

Result<json::value> forecast(const json::value& facts, int runs, int sites) {
  DRAY_TRY(const adapters::Fd in, facts_file(facts));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Error{ErrorCode::kExhausted, "no pipe can be made"};
  adapters::Fd out{ends[0]}, theirs{ends[1]};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, theirs.get(), STDOUT_FILENO);
  std::string words[] = {program(), "--runs", std::to_string(runs), "--sites", std::to_string(sites)};
  char* argv[] = {words[0].data(), words[1].data(), words[2].data(), words[3].data(), words[4].data(), nullptr};
  pid_t pid = -1;
  const int failed = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0)
    return adapters::errno_error(failed, words[0] + ", which comes with drayctl");
  theirs = adapters::Fd{};
  const std::string text = read_all_of(out.get());
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid || status != 0)
    return Error{ErrorCode::kInternal, "dray-forecast has failed"};
  return wire::parse_json(text);
}

std::string render_forecast(const json::value& forecast) {
  json::array rows;
  for (const json::value& site : forecast.at("items").as_array()) {
    json::object row = site.get_object();
    row["ends"] = share(site, "in_time");
    row["share"] = share(site, "updated");
    rows.push_back(std::move(row));
  }
  std::string out = render_table({{"SITE", "site"},
                                  {"PLANNED", "planned_finish_at"},
                                  {"10 %", "finish.p10"},
                                  {"MEDIAN", "finish.p50"},
                                  {"90 %", "finish.p90"},
                                  {"IN TIME", "ends"},
                                  {"DEVICES", "share"}},
                                 rows);
  const std::string runs = cell(forecast, "runs"), played = cell(forecast, "played"), sites = cell(forecast, "sites");
  out += "\nplayed " + runs + " times" + (played == sites ? "" : ", " + played + " of " + sites + " sites") + ": ";
  if (played == "0") return out + "no site starts anything.\n";
  if (cell(forecast, "finish.p50") == "-")
    return out + "in less than half of the runs every device is updated before the expiry (" + share(forecast, "in_time") + ").\n";
  return out + "all of it ends at " + cell(forecast, "finish.p50") + " (10 % of the runs by " + cell(forecast, "finish.p10") +
         ", 90 % by " + (cell(forecast, "finish.p90") == "-" ? "never" : cell(forecast, "finish.p90")) + "); every device in time in " +
         share(forecast, "in_time") + " of the runs.\n";
}

}  // namespace dray::ctl
