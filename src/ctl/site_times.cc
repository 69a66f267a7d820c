#include "ctl/site_times.h"

#include "base/bytes.h"
#include "ctl/table.h"

namespace dray::ctl {
namespace {

constexpr int kMostExplained = 20;

std::uint64_t bytes_at(const json::value& item, std::string_view key) {
  const json::value* at = item.get_object().if_contains(key);
  return at != nullptr && at->is_number() ? at->to_number<std::uint64_t>() : 0;
}

// What is counted on, and whether anybody has ever seen it.
std::string line_of(const json::value& site) {
  const json::value* assumed = site.get_object().if_contains("assumed");
  const bool is_assumed = assumed != nullptr && assumed->is_bool() && assumed->get_bool();
  return human_bytes(bytes_at(site, "rate")) + "/s" + (is_assumed ? " assumed" : "");
}

}  // namespace

std::string render_sites(const json::array& sites) {
  json::array rows;
  for (const json::value& site : sites) {
    json::object row = site.get_object();
    row["size"] = human_bytes(bytes_at(site, "bytes"));
    row["line"] = line_of(site);
    if (cell(site, "planned_at") == "-") row["fits"] = "-", row["size"] = "-", row["line"] = "-";
    rows.push_back(std::move(row));
  }
  std::string out = render_table({{"SITE", "site"},
                                  {"DEVICES", "devices"},
                                  {"BYTES", "size"},
                                  {"RATE", "line"},
                                  {"START", "start_at"},
                                  {"UPDATE", "update_at"},
                                  {"FINISH", "finish_at"},
                                  {"FITS", "fits"},
                                  {"WHY NOT", "reason"}},
                                 rows);
  int left = kMostExplained;
  for (const json::value& site : sites) {
    if (cell(site, "sentence") == "-") continue;
    if (left-- == 0) return out + "...\n";
    out += cell(site, "site") + " does not fit: " + cell(site, "sentence") + "\n";
  }
  return out;
}

}  // namespace dray::ctl
