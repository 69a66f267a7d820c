#include "wire/unreadable.h"

#include <array>

namespace dray::wire {
namespace {

struct Shown {
  std::string_view table, column, member;  // where the member is not called as the column
};
constexpr std::array<Shown, 3> kShown{Shown{"device_type", "steps", "order"},
                                      Shown{"device", "reported", "reported_attributes"},
                                      Shown{"rollout", "update_windows", "update"}};

std::string_view member_of(const Unreadable& what) {
  for (const Shown& shown : kShown)
    if (shown.table == what.table && shown.column == what.column) return shown.member;
  return what.column;
}

// What devices and gateways have told is told again.
bool is_reported(const Unreadable& what) {
  return what.column == "reported" || what.column == "running" || what.column == "storage" ||
         what.table == "registered";
}

// Of an uploaded file; its own bytes say everything that its row does.
bool is_file(const Unreadable& what) {
  return what.table == "upload" || (what.table == "blob" && (what.column == "sha256" || what.column == "bytes"));
}

}  // namespace

std::string sentence_of(const Unreadable& what) {
  return what.table + " " + what.key + ", " + what.column + ": can't be read: " + what.why;
}

std::string remedy_of(const Unreadable& what) {
  if (is_reported(what)) return what.table == "site" ? "drayctl site resync " + what.key : "drayctl site resync SITE, of the site that it is of";
  if (what.table == "assignment" && what.column == "computed times") return "nothing is to be done: its times are computed anew";
  if (is_file(what)) return "drayctl artifact push, which sends the file anew";
  return "drayctl row replace " + what.table + " " + what.key + " " + what.column + " JSON";
}

Result<Replacement> decode_replacement(std::string table, std::string key, std::string column,
                                       std::string_view text) {
  return decode<Replacement>(parse_json(text), [&](const Node& n) {
    n.only({"value"});
    return Replacement{std::move(table), std::move(key), std::move(column), to_text(n.at("value").value())};
  });
}

void say_unreadable(json::object& out, const std::vector<Unreadable>& what) {
  if (what.empty()) return;
  json::array all;
  for (const Unreadable& one : what) {
    if (json::value* shown = out.if_contains(member_of(one))) *shown = nullptr;
    all.push_back({{"table", one.table},
                   {"key", one.key},
                   {"column", one.column},
                   {"error", sentence_of(one)},
                   {"remedy", remedy_of(one)}});
  }
  out["unreadable"] = std::move(all);
}

}  // namespace dray::wire
