#include "range.h"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>

namespace dray::apps {
namespace {

// What a worker says through its pipe, a line each: "begin 17", "passed 17", "failed 17 window: ...".
void work(const SeedCommand& command, const Range& range, int worker, std::FILE* out) {
  for (std::uint64_t seed = range.first + static_cast<std::uint64_t>(worker); seed <= range.last;
       seed += static_cast<std::uint64_t>(range.jobs)) {
    std::fprintf(out, "begin %llu\n", static_cast<unsigned long long>(seed));
    std::fflush(out);
    const SeedResult result = run_seed(command, seed, false);
    const std::string what = result.what.substr(0, result.what.find('\n'));
    std::fprintf(out, "%s %llu %s\n", result.passed ? "passed" : "failed", static_cast<unsigned long long>(seed),
                 what.c_str());
    std::fflush(out);
    if (!result.passed && range.stop_at_first) return;
  }
}

struct Worker {
  pid_t pid = 0;
  std::FILE* in = nullptr;
};

Worker start(const SeedCommand& command, const Range& range, int number) {
  int ends[2];
  if (::pipe(ends) != 0) return {};
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(ends[0]);
    std::FILE* out = ::fdopen(ends[1], "w");
    work(command, range, number, out);
    std::fclose(out);
    std::_Exit(0);
  }
  ::close(ends[1]);
  return {pid, ::fdopen(ends[0], "r")};
}

struct Tally {
  std::uint64_t passed = 0;
  std::map<std::uint64_t, std::string> failed;
};

// Reads what one worker says until it ends; a seed that it began and did not end has ended it.
void listen(Worker& worker, Tally& tally) {
  std::optional<std::uint64_t> running;
  char* line = nullptr;
  std::size_t room = 0;
  while (::getline(&line, &room, worker.in) > 0) {
    line[std::strcspn(line, "\n")] = 0;
    char word[16] = {};
    unsigned long long seed = 0;
    int read = 0;
    std::sscanf(line, "%15s %llu %n", word, &seed, &read);
    running = std::string_view{word} == "begin" ? std::optional<std::uint64_t>{seed} : std::nullopt;
    if (std::string_view{word} == "passed") ++tally.passed;
    if (std::string_view{word} == "failed") tally.failed[seed] = line + read;
  }
  std::free(line);
  std::fclose(worker.in);
  int status = 0;
  ::waitpid(worker.pid, &status, 0);
  if (running)
    tally.failed[*running] = "the process ended with " +
                             (WIFSIGNALED(status) ? std::string{strsignal(WTERMSIG(status))}
                                                  : "status " + std::to_string(WEXITSTATUS(status)));
}

}  // namespace

std::vector<std::uint64_t> run_range(const SeedCommand& command, const Range& range) {
  const auto begin = std::chrono::steady_clock::now();
  std::vector<Worker> workers;
  for (int i = 0; i < range.jobs; ++i) workers.push_back(start(command, range, i));
  Tally tally;
  for (Worker& worker : workers) listen(worker, tally);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::vector<std::uint64_t> out;
  for (const auto& [seed, what] : tally.failed) {
    std::printf("%s    # %s\n", replay(command, seed).c_str(), what.c_str());
    out.push_back(seed);
  }
  std::printf("%llu seeds passed, %zu failed in %.1f s\n", static_cast<unsigned long long>(tally.passed),
              tally.failed.size(), took.count());
  return out;
}

}  // namespace dray::apps
