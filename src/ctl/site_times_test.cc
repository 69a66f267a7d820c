#include "ctl/site_times.h"

#include <gtest/gtest.h>

namespace dray::ctl {
namespace {

std::string line_with(const std::string& text, const std::string& word) {
  const auto at = text.find(word);
  if (at == std::string::npos) return {};
  const auto from = text.rfind('\n', at) + 1;
  return text.substr(from, text.find('\n', at) - from);
}

TEST(SiteTimes, ARateThatNobodyHasMeasuredIsMarkedAsAssumed) {
  const auto sites = boost::json::parse(R"([
    {"site": "berlin", "devices": 2, "bytes": 1000000, "rate": 500000, "planned_at": "2026-11-24T00:00:00Z", "fits": true, "assumed": false},
    {"site": "lyon", "devices": 2, "bytes": 1000000, "rate": 125000, "planned_at": "2026-11-24T00:00:00Z", "fits": true, "assumed": true},
    {"site": "oslo", "devices": 1, "bytes": 1, "rate": 125000, "planned_at": "2026-11-24T00:00:00Z", "fits": false, "sentence": "No."}])");
  const std::string shown = render_sites(sites.as_array());
  EXPECT_EQ(line_with(shown, "berlin").find("assumed"), std::string::npos) << shown;
  EXPECT_NE(line_with(shown, "lyon").find("/s assumed"), std::string::npos) << shown;
  EXPECT_EQ(line_with(shown, "oslo").find("assumed"), std::string::npos) << "not known any more";
  EXPECT_NE(shown.find("oslo does not fit: No."), std::string::npos) << shown;
}

}  // namespace
}  // namespace dray::ctl
