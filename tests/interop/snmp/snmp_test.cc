// The printer check that we ship (tools/probes/dray-probe-snmp) against the real snmpd, which shows the two
// objects of a printer by `override` and lets the test change them by snmpset. M8: what a foreign device's
// status says.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>

#include "support/built.h"
#include "support/process.h"

namespace dray::testing_support {
namespace {

constexpr const char* kDeviceStatus = ".1.3.6.1.2.1.25.3.2.1.5.1";
constexpr const char* kPrinterStatus = ".1.3.6.1.2.1.25.3.5.1.1.1";

// One that was free a moment ago; snmpd can't be asked which one the system gave it.
int free_udp_port() {
  const int socket = ::socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ::close(socket);
  return ntohs(address.sin_port);
}

class Snmp : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int tries = 0; tries < 5; ++tries) {  // somebody may have taken the port in between
      port_ = free_udp_port();
      write_file(folder_ / "snmpd.conf",
                 "agentAddress udp:127.0.0.1:" + std::to_string(port_) +
                     "\nrocommunity public 127.0.0.1\nrwcommunity site 127.0.0.1\noverride -rw " +
                     kDeviceStatus + " integer 2\noverride -rw " + kPrinterStatus + " integer 3\n");
      Process::Options options;
      options.environment = {{"SNMP_PERSISTENT_DIR", folder_ / "state"}, {"MIBS", ""}};
      snmpd_ = std::make_unique<Process>(
          std::vector<std::string>{"/usr/sbin/snmpd", "-f", "-Le", "-C", "-c", folder_ / "snmpd.conf"},
          std::move(options));
      if (snmpd_->wait_for("NET-SNMP version", std::chrono::seconds{20})) return;
    }
    FAIL() << snmpd_->output();
  }

  void set(const char* object, int value) {
    Process::Options options;
    options.environment = {{"SNMP_PERSISTENT_DIR", folder_ / "state"}};
    Process set{{"snmpset", "-v", "2c", "-c", "site", "-m", "", "127.0.0.1:" + std::to_string(port_), object,
                 "i", std::to_string(value)},
                std::move(options)};
    EXPECT_EQ(set.wait(), 0) << set.output();
  }
  // Its exit status; what it said is in said_.
  std::optional<int> probe(std::map<std::string, std::string> more = {}) {
    Process::Options options;
    options.environment = {{"DRAY_ADDRESS", "127.0.0.1"},
                           {"DRAY_ATTRIBUTE_SNMP_PORT", std::to_string(port_)},
                           {"SNMP_PERSISTENT_DIR", folder_ / "none"}};
    for (const auto& [name, value] : more) options.environment[name] = value;
    Process script{{in_sources("tools/probes/dray-probe-snmp")}, std::move(options)};
    const auto status = script.wait();
    said_ = script.output();
    return status;
  }

  TempFolder folder_;
  int port_ = 0;
  std::unique_ptr<Process> snmpd_;
  std::string said_;
};

TEST_F(Snmp, M8_AnIdlePrinterIsReadyAndOneThatPrintsIsBusy) {
  EXPECT_EQ(probe(), 0) << said_;
  struct Row {
    int device, printer, exit;
  };
  for (const Row row : {Row{2, 4, 10}, Row{2, 5, 10}, Row{2, 1, 0}, Row{3, 3, 0}, Row{4, 3, 10},
                        Row{5, 1, 10}, Row{2, 2, 10}, Row{1, 3, 10}, Row{2, 3, 0}}) {
    set(kDeviceStatus, row.device);
    set(kPrinterStatus, row.printer);
    EXPECT_EQ(probe(), row.exit) << row.device << " " << row.printer << ": " << said_;
  }
}

TEST_F(Snmp, WhatIsNoAnswerIsNoStatus) {
  EXPECT_EQ(probe({{"DRAY_ATTRIBUTE_SNMP_INDEX", "7"}}), 1);
  EXPECT_NE(said_.find("index 7"), std::string::npos) << said_;
  EXPECT_EQ(probe({{"DRAY_ATTRIBUTE_SNMP_PORT", "1"}}), 1);  // nobody there
  EXPECT_FALSE(said_.empty());
  EXPECT_EQ(probe({{"DRAY_ADDRESS", ""}}), 1);
  EXPECT_NE(said_.find("no address"), std::string::npos) << said_;
}

}  // namespace
}  // namespace dray::testing_support
