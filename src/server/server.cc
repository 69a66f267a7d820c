#include "server/server.h"

#include <utility>

#include "server/planning.h"

namespace dray::server {
namespace {
constexpr Duration kSweepUploads{3'600'000};
}  // namespace

Server::Server(Parts parts, Options options)
    : parts_{std::move(parts)},
      options_{options},
      tasks_{parts_.executor},
      sites_{parts_, timetable_},
      artifacts_{parts_, options_},
      instances_{parts_, sites_, tasks_},
      admin_{parts_, options_, sites_, artifacts_, instances_, timetable_},
      gateway_{parts_, options_, sites_, artifacts_, instances_, tasks_, timetable_},
      both_{admin_, gateway_},
      clock_lines_{parts_.clock, parts_.log} {}

Task<HttpResponse> Server::Both::handle(HttpRequest request, Stop& stop) {
  if (request.target.starts_with("/gateway/")) co_return co_await gateway.handle(std::move(request), stop);
  co_return co_await admin.handle(std::move(request), stop);
}

Task<Result<>> Server::start() {
  auto artifacts = co_await artifacts_.load();
  if (!artifacts) co_return artifacts.error();
  std::function<Result<>()> egress = [this] {
    return parts_.store.note_egress(to_text(options_.egress), options_.egress.limited());
  };
  auto noted = co_await on(parts_.store_worker, std::move(egress));
  if (!noted) co_return noted.error();
  std::function<Result<bool>()> ask = [this] { return parts_.store.ask_unreadable_times({}); };
  auto asked = co_await on(parts_.store_worker, std::move(ask));  // planning begins by looking
  if (!asked) co_return asked.error();
  std::function<Result<std::vector<wire::Unreadable>>()> look = [this] { return parts_.store.dangling(); };
  auto dangling = co_await on(parts_.store_worker, std::move(look));
  if (!dangling) co_return dangling.error();
  for (const wire::Unreadable& one : *dangling)
    parts_.log.error("row_set_aside", {{"what", wire::sentence_of(one)}, {"remedy", wire::remedy_of(one)}});
  auto sites = co_await sites_.load();
  if (!sites) co_return sites.error();
  co_return co_await settle_admin_token();
}

// The file first, the hash second: a crash between them makes another token at the next start, never one that
// nobody has seen.
Task<Result<>> Server::settle_admin_token() {
  std::function<Result<std::optional<std::string>>()> read = [this] {
    return parts_.store.admin_token_sha256();
  };
  auto have = co_await on(parts_.store_worker, std::move(read));
  if (!have) co_return have.error().with_context("reading the admin token's hash");
  if (*have) {
    if (!is_token_hash(**have))
      parts_.log.error("admin_token_unreadable",
                       {{"note", "its stored hash is damaged, so nobody can administer this server"},
                        {"help", "stop it, remove the row 'admin_token_sha256' of the table meta in server.db, and start it: it "
                                 "writes a new token to admin-token"}});
    admin_.set_token_sha256(**have);
    co_return Result<>{};
  }
  const std::string token = random_alphanumeric(parts_.random, 40);
  std::function<Result<>()> write = [this, &token] {
    return replace_file(parts_.disk, "admin-token", token + "\n");
  };
  auto written = co_await on(parts_.bytes, std::move(write));
  if (!written) co_return written.error().with_context("writing the admin token");
  std::function<Result<>()> save = [this, hash = sha256_hex(token)] {
    return parts_.store.set_admin_token(hash);
  };
  auto saved = co_await on(parts_.store_worker, std::move(save));
  if (!saved) co_return saved.error().with_context("saving the admin token's hash");
  admin_.set_token_sha256(sha256_hex(token));
  parts_.log.info("admin_token_made", {{"file", "admin-token"}});
  co_return Result<>{};
}

// The loops below hold no co_await in a condition: gcc 12 makes wrong code of that.
Task<> Server::flush_contacts(Stop& stop) {
  while (!stop.requested()) {
    [[maybe_unused]] auto slept =
        co_await parts_.clock.sleep_until(parts_.clock.steady() + options_.flush_contacts, stop);
    watch_clock();
    co_await sites_.flush_contacts();
  }
}

// Says once that the wall clock has leapt, and once that it is over; where the time has moved otherwise than time passes,
// everything that waits for an instant looks again.
void Server::watch_clock() {
  const wire::ClockView clock = parts_.clock.shown();
  const bool leapt = clock.leapt_for.has_value();
  if (leapt && !clock_leapt_ && clock_lines_.may_say("clock_leapt", "server"))
    parts_.log.error("clock_leapt", {{"why", wire::clock_sentence(clock)}});
  if (!leapt && clock_leapt_ && clock_lines_.may_say("clock_followed_again", "server"))
    parts_.log.info("clock_followed_again", {{"now", to_rfc3339(clock.now)}});
  clock_leapt_ = leapt;
  const TimeMark now = parts_.clock.mark();
  const Duration moved = (now.time - clock_seen_.time) - (now.at - clock_seen_.at);
  if (std::chrono::abs(moved) >= std::chrono::seconds{1}) timetable_.notify();
  clock_seen_ = now;
}

Task<> Server::sweep_uploads(Stop& stop) {
  while (!stop.requested()) {
    co_await artifacts_.sweep();
    [[maybe_unused]] auto slept =
        co_await parts_.clock.sleep_until(parts_.clock.steady() + kSweepUploads, stop);
  }
}

void Server::begin() {
  clock_seen_ = parts_.clock.mark();
  watch_clock();
  Stop& ending = tasks_.stop_signal();
  tasks_.spawn(keep_time(parts_, options_, sites_, timetable_, ending));
  tasks_.spawn(keep_planning(parts_, options_, sites_, timetable_, ending));
  tasks_.spawn(flush_contacts(ending));
  tasks_.spawn(sweep_uploads(ending));
  tasks_.spawn(artifacts_.check(ending));
}

Task<> Server::end() {
  tasks_.stop();
  co_await tasks_.join();
}

Task<Result<>> Server::run(Stop& stop) {
  auto started = co_await start();
  if (!started) co_return started.error();
  begin();
  [[maybe_unused]] auto asked = co_await parts_.clock.sleep_until(kSteadyMax, stop);
  co_await end();
  co_return Result<>{};
}

}  // namespace dray::server
