// What operators do about a row of the server's database that can't be read: they find it by what the server says of a
// site (`drayctl site why`), and put back what their own records say (`drayctl row replace`).
#include <algorithm>

#include "sim/fleet/operator.h"
#include "wire/ddi.h"

namespace dray::sim::fleet {
namespace {

using namespace std::chrono_literals;
using wire::json::object;
using wire::json::value;

bool is_named_in(const value& site, const DamagedRow& row) {
  const auto* body = site.if_object();
  const value* all = body != nullptr ? body->if_contains("unreadable") : nullptr;
  if (all == nullptr || !all->is_array()) return false;
  return std::any_of(all->as_array().begin(), all->as_array().end(), [&](const value& one) {
    return one.at("table") == row.table.c_str() && one.at("key") == row.key.c_str() && one.at("column") == row.column.c_str();
  });
}

}  // namespace

void Operator::put_back(const DamagedRow& row) {
  ++damaged_rows_;
  if (row.column == "planned_at") return;  // is computed anew by itself
  const Duration left = kWallStart + options_.faults_until + 5min - now();
  const Duration later = std::min(std::max(left, Duration{1min}), 10min + rows_random_.up_to(3h));
  fleet_.people().spawn(put_back(*this, row, later));
}

Task<bool> Operator::is_shown_unreadable(const DamagedRow& row) {
  for (const Node* gateway : fleet_.gateways()) {
    const std::string url = kApi + "sites/" + gateway->name();
    value none;
    const Answer site = co_await admin_.call(Method::kGet, url, std::move(none));
    if (site.status == 200 && is_named_in(site.body, row)) co_return true;
  }
  co_return false;
}

Task<> Operator::put_back(Operator& self, DamagedRow row, Duration later) {
  const std::string url = kApi + "rows/" + row.table + "/" + wire::escape_url(row.key) + "/" + row.column;
  for (Duration wait = later; self.now() < kWallStart + self.options_.ends; wait = 10min) {
    co_await self.sleep_until(self.now() + wait);
    const bool shown = co_await self.is_shown_unreadable(row);
    if (!shown) continue;  // nobody can be asked, or what it held is over
    auto given = wire::parse_json(row.replacement);
    value body = object{{"value", given ? std::move(*given) : value{}}};
    const Answer done = co_await self.admin_.insist(Method::kPut, url, std::move(body));
    if (done.status == 400) continue;
    if (done.status == 200 && row.table == "rollout" && row.column == "state") {
      value why = object{{"by", "ines"}, {"why", "its state could not be read"}};
      const std::string resume = kApi + "rollouts/" + row.key + "/resume";
      [[maybe_unused]] const Answer resumed = co_await self.admin_.insist(Method::kPost, resume, std::move(why));
    }
    co_return;
  }
}

}  // namespace dray::sim::fleet
