// Lists for people: columns as wide as their widest cell, cut where a cell is very long.
#pragma once

#include <string>
#include <vector>

#include "wire/json.h"

namespace dray::ctl {

struct Column {
  std::string title;
  std::string path;  // member of an item, "job.state" goes one deeper
};

std::string render_table(const std::vector<Column>& columns, const boost::json::array& items);
// One object as "name: value" lines, in the order of the columns.
std::string render_fields(const std::vector<Column>& columns, const boost::json::value& item);
// What of a thing is stored but can't be read, and what replaces it; empty where all can.
std::string render_unreadable(const boost::json::value& item);
// What stands at a path, for people: times without fraction, null as "-", lists joined by blanks, objects as "a=b c=d".
std::string cell(const boost::json::value& item, std::string_view path);

}  // namespace dray::ctl
