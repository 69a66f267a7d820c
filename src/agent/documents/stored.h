// What the built-in installers keep as text (docs/formats.md, "The agent"): metadata.json, order.json and
// single-file.json. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"

namespace dray::agent {

// What is known about written bytes. `good`: they were read back and were right.
struct Stored {
  std::string version;
  Sha256 sha256;
  std::uint64_t size = 0;
  bool good = false;
  friend bool operator==(const Stored&, const Stored&) = default;
};

// metadata.json: what each component of a slot holds.
using SlotRecord = std::map<std::string, Stored>;
std::string encode_slot(const SlotRecord& slot);
Result<SlotRecord> decode_slot(std::string_view text);

// order.json: the running order, from which slot to which.
struct OrderRecord {
  std::string from, to;  // from is empty on the first installation
  friend bool operator==(const OrderRecord&, const OrderRecord&) = default;
};
std::string encode_order(const OrderRecord& order);
Result<OrderRecord> decode_order(std::string_view text);

// single-file.json: the files of each component.
struct FileRecord {
  std::optional<Stored> now, staged, old;
  bool switched = false;  // since the last commit
  bool unknown = false;   // whether it was: the record is lost, and ".old" may be all there is to go back to
  friend bool operator==(const FileRecord&, const FileRecord&) = default;
};
using FileBook = std::map<std::string, FileRecord>;
std::string encode_book(const FileBook& book);
Result<FileBook> decode_book(std::string_view text);

}  // namespace dray::agent
