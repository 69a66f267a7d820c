// For tests of the gateway's store: what lies in it between two lives, as it is, and changed by hand.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>

#include "adapters/sqlite/gateway_store.h"

namespace dray::gateway::testing_world {

class Stored {
 public:
  // Nobody else may have it open.
  explicit Stored(const std::string& folder) : store_{*adapters::GatewayStore::open({.path = folder + "/gateway.db"})} {}

  std::vector<Document> all() { return *store_->load(); }
  std::optional<std::string> text(std::string_view kind, const std::string& id) {
    for (const Document& document : all())
      if (document.kind == kind && document.id == id) return document.text;
    return {};
  }
  std::vector<Document> of(std::string_view kind) {
    auto out = all();
    std::erase_if(out, [&](const Document& d) { return d.kind != kind; });
    return out;
  }
  void put(std::string_view kind, const std::string& id, const std::string& text) {
    EXPECT_TRUE(store_->commit({{Write::put(kind, id, text)}}));
  }
  // Exactly these and no others.
  void replace(const std::vector<Document>& documents) {
    Writes writes;
    for (const Document& document : all()) writes.push_back(Write::erase(document.kind, document.id));
    for (const Document& document : documents) writes.push_back(Write::put(document.kind, document.id, document.text));
    EXPECT_TRUE(store_->commit({writes}));
  }

 private:
  std::unique_ptr<adapters::GatewayStore> store_;
};

// What a disk, or a later program, may have made of a document.
inline std::vector<std::string> damaged(const std::string& text) {
  std::string flipped = text, inside = text;
  flipped[0] = static_cast<char>(flipped[0] ^ 0x40);
  inside[inside.size() / 2] = static_cast<char>(0xff);
  return {text.substr(0, text.size() / 2), flipped, inside, "", "[1,2]", R"({"format":2})", R"({"format":99,"all":"new"})",
          std::string(64, '\0')};
}

}  // namespace dray::gateway::testing_world
