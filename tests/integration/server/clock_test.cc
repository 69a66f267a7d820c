// The real server, whose database says that it is later than its machine's clock says: it goes on from there, says so,
// and follows the clock when an operator confirms it.
#include <gtest/gtest.h>

#include "adapters/posix/system_machine_clock.h"
#include "adapters/sqlite/db.h"
#include "program.h"
#include "wire/http_fields.h"

namespace dray::testing_support {
namespace {

using namespace std::chrono_literals;

class ServerClock : public ServerProgram {
 protected:
  // As if the server had gone by a clock that was ahead by so much, in this boot of the machine.
  void store_time_ahead_by(Duration ahead) {
    const adapters::SystemMachineClock machine;
    const ClockReading now = machine.read();
    auto db = adapters::Db::open({.path = data("server.db")});
    ASSERT_TRUE(db) << db.error().message();
    const std::string wall = std::to_string((now.wall + ahead).time_since_epoch().count());
    const std::string boot = std::to_string(now.boot.time_since_epoch().count()) + " " + machine.boot();
    ASSERT_TRUE(db->execute("INSERT OR REPLACE INTO meta(key, value) VALUES('in_use_at', '" + wall + "'), ('in_use_boot', '" + boot + "')"));
  }
  // How far the time that the server goes by is ahead of the machine's.
  Duration ahead() {
    const Answer clock = get("clock");
    EXPECT_EQ(clock.status, 200) << clock.body;
    const boost::json::value said = clock.json();
    return *parse_rfc3339(std::string{said.at("now").as_string()}) - *parse_rfc3339(std::string{said.at("machine").as_string()});
  }
};

TEST_F(ServerClock, FollowsItsMachineAndSaysSo) {
  EXPECT_LT(std::chrono::abs(ahead()), 1s);
  EXPECT_EQ(exchange(admin_port, {.path = "/readyz"}).body, "ok\n");
  const auto [status, words] = drayctl({"clock", "show"});
  EXPECT_EQ(status, 0);
  EXPECT_NE(words.find("the server goes by"), std::string::npos) << words;
}

TEST_F(ServerClock, GoesOnFromTheNewestStoredTimeUntilAnOperatorConfirms) {
  EXPECT_EQ(terminate(), 0);
  store_time_ahead_by(2h);
  start();
  EXPECT_LT(std::chrono::abs(ahead() - 2h), 1s);
  const Answer ready = exchange(admin_port, {.path = "/readyz"});
  EXPECT_EQ(ready.status, 200) << "it works, by the old time";
  EXPECT_NE(ready.body.find("clock_leapt"), std::string::npos) << ready.body;
  const auto date = wire::parse_http_date(ready.headers.at("date"));
  ASSERT_TRUE(date);
  EXPECT_GT(*date, adapters::SystemMachineClock{}.read().wall + 119min);
  EXPECT_NE(drayctl({"clock", "show"}).second.find("clock_leapt"), std::string::npos);
  const auto [status, words] = drayctl({"clock", "confirm", "--by", "ines", "--why", "the test was ahead"});
  EXPECT_EQ(status, 0) << words;
  EXPECT_LT(std::chrono::abs(ahead()), 1s);
  EXPECT_EQ(exchange(admin_port, {.path = "/readyz"}).body, "ok\n");
}

}  // namespace
}  // namespace dray::testing_support
