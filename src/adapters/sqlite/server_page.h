// Pages of lists: a cursor is the number of the row that the page before ended with. Internal to the adapter.
#pragma once

#include <charconv>
#include <optional>
#include <string>

#include "adapters/sqlite/db.h"
#include "server/store.h"

namespace dray::adapters::rows {

inline Result<std::int64_t> read_cursor(const std::string& text) {
  std::int64_t out = 0;
  if (text.empty()) return out;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size() || out < 0)
    return Error{ErrorCode::kInvalid, "cursor: is none of ours; take `next` of the page before"};
  return out;
}

// Rows behind the cursor in the order of their numbers (column 0) until the page is full; make() gives
// nothing for a row that the filter does not pass.
template <class T, class F>
Result<wire::Page<T>> page(Statement& rows, const server::PageQuery& query, F make) {
  DRAY_TRY(const std::int64_t after, read_cursor(query.cursor));
  rows.bind(1, after);
  wire::Page<T> out;
  std::int64_t last = after;
  for (;;) {
    DRAY_TRY(const bool row, rows.step());
    if (!row) return out;
    std::optional<T> item = make(rows);
    if (item && out.items.size() == query.limit) {
      rows.reset();
      out.next = std::to_string(last);
      return out;
    }
    last = rows.integer(0);
    if (item) out.items.push_back(std::move(*item));
  }
}

// The one row that there may be.
template <class T, class F>
Result<T> single(Statement& rows, const Error& missing, F make) {
  DRAY_TRY(const bool row, rows.step());
  if (!row) return missing;
  T out = make(rows);
  rows.reset();
  return out;
}

}  // namespace dray::adapters::rows
