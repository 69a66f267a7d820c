#include "range.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <new>
#include <optional>
#include <set>
#include <sstream>

#include "base/assert.h"

namespace dray::apps {
namespace {

constexpr std::uint64_t kMostProgress = 20;  // lines a range
constexpr std::size_t kMostRows = 1'000;

// What the workers share: each takes the next seed when it is free.
struct Shared {
  std::atomic<std::uint64_t> next{0}, done{0};
  std::atomic<bool> stop{false};
  std::array<std::atomic<std::uint64_t>, kMostRows> covered{};  // kinds of faults by row
};

void add(Shared& shared, const sim::fleet::Covered& covered) {
  DRAY_ASSERT(covered.size() <= kMostRows);
  for (std::size_t i = 0; i < covered.size(); ++i) shared.covered[i] |= covered[i];
}

sim::fleet::Covered all_covered(const Shared& shared) {
  sim::fleet::Covered out(sim::fleet::table_rows().size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = shared.covered[i];
  return out;
}

Shared& make_shared_memory() {
  void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  DRAY_ASSERT(memory != MAP_FAILED);
  return *new (memory) Shared;
}

void print(const std::string& line) {  // in one piece: others write, too
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fflush(stdout);
}

void say(const SeedCommand& command, std::uint64_t seed, const std::string& what) {
  print(replay(command, seed) + "    # " + what + "\n");
}

std::uint64_t count_of(const Range& range) {
  std::uint64_t out = 0;
  for (const Range::Span& span : range.spans) out += span.last - span.first + 1;
  return out;
}

std::uint64_t seed_at(const Range& range, std::uint64_t n) {
  for (const Range::Span& span : range.spans) {
    const std::uint64_t here = span.last - span.first + 1;
    if (n < here) return span.first + n;
    n -= here;
  }
  return 0;
}

std::string to_text(const std::vector<Range::Span>& spans) {
  std::string out;
  for (const Range::Span& span : spans)
    out += (out.empty() ? "" : ", ") + std::to_string(span.first) + "-" + std::to_string(span.last);
  return out;
}

// Failures are said at once. Through its pipe a worker tells how far it is: "begin 17", "passed 17", "failed 17".
void work(const SeedCommand& command, const Range& range, std::FILE* out, Shared& shared) {
  const std::uint64_t all = count_of(range);
  const std::uint64_t step = std::max<std::uint64_t>(1, (all + kMostProgress - 1) / kMostProgress);
  while (!shared.stop) {
    const std::uint64_t n = shared.next++;
    if (n >= all) return;
    const std::uint64_t seed = seed_at(range, n);
    std::fprintf(out, "begin %llu\n", static_cast<unsigned long long>(seed));
    std::fflush(out);
    const SeedResult result = run_seed(command, seed, false);
    add(shared, result.covered);
    if (!result.passed) say(command, seed, result.what.substr(0, result.what.find('\n')));
    std::fprintf(out, "%s %llu\n", result.passed ? "passed" : "failed", static_cast<unsigned long long>(seed));
    std::fflush(out);
    if (!result.passed && range.stop_at_first) shared.stop = true;
    const std::uint64_t done = ++shared.done;
    if (done % step == 0) print("... " + std::to_string(done) + " of " + std::to_string(all) + " seeds\n");
  }
}

struct Worker {
  pid_t pid = 0;
  std::FILE* in = nullptr;
};

Worker start(const SeedCommand& command, const Range& range, Shared& shared) {
  int ends[2];
  DRAY_ASSERT(::pipe(ends) == 0);
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  DRAY_ASSERT(pid >= 0);
  if (pid == 0) {
    ::close(ends[0]);
    std::FILE* out = ::fdopen(ends[1], "w");
    work(command, range, out, shared);
    std::fclose(out);
    std::fflush(nullptr);
    std::_Exit(0);
  }
  ::close(ends[1]);
  return {pid, ::fdopen(ends[0], "r")};
}

struct Tally {
  std::uint64_t passed = 0;
  std::set<std::uint64_t> failed;
};

// Reads what one worker says until it ends. False: a seed has ended it.
bool listen(const SeedCommand& command, Worker& worker, Tally& tally) {
  std::optional<std::uint64_t> running;
  char* line = nullptr;
  std::size_t room = 0;
  while (::getline(&line, &room, worker.in) > 0) {
    char word[16] = {};
    unsigned long long seed = 0;
    std::sscanf(line, "%15s %llu", word, &seed);
    running = std::string_view{word} == "begin" ? std::optional<std::uint64_t>{seed} : std::nullopt;
    if (std::string_view{word} == "passed") ++tally.passed;
    if (std::string_view{word} == "failed") tally.failed.insert(seed);
  }
  std::free(line);
  std::fclose(worker.in);
  int status = 0;
  ::waitpid(worker.pid, &status, 0);
  if (!running) return true;
  tally.failed.insert(*running);
  say(command, *running,
      "the process ended with " + (WIFSIGNALED(status) ? std::string{strsignal(WTERMSIG(status))}
                                                       : "status " + std::to_string(WEXITSTATUS(status))));
  return false;
}

}  // namespace

bool parse_spans(const std::string& text, std::vector<Range::Span>& spans) {
  std::istringstream in{text};
  for (std::string part; std::getline(in, part, ',');) {
    unsigned long long first = 0, last = 0;
    if (std::sscanf(part.c_str(), "%llu-%llu", &first, &last) != 2 || first > last) return false;
    spans.push_back({first, last});
  }
  return !spans.empty();
}

std::vector<std::uint64_t> run_range(const SeedCommand& command, const Range& range) {
  const auto begin = std::chrono::steady_clock::now();
  Shared& shared = make_shared_memory();
  std::vector<Worker> workers;
  for (int i = 0; i < range.jobs; ++i) workers.push_back(start(command, range, shared));
  Tally tally;
  for (Worker& worker : workers)
    while (!listen(command, worker, tally)) {
      if (range.stop_at_first && command.only.empty()) shared.stop = true;
      worker = start(command, range, shared);  // the rest is to be heard of all the same
    }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("%llu seeds passed, %zu failed in %.1f s\n", static_cast<unsigned long long>(tally.passed),
              tally.failed.size(), took.count());
  const sim::fleet::Covered covered = all_covered(shared);
  std::printf("%s\n", sim::fleet::summary(covered).c_str());
  if (!range.pairs.empty()) {
    std::ofstream out{range.pairs};
    out << sim::fleet::page(covered, to_text(range.spans));
  }
  return {tally.failed.begin(), tally.failed.end()};
}

}  // namespace dray::apps
