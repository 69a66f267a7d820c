#include "agent/documents/boot_record.h"

#include "base/text.h"
#include "wire/json.h"

namespace dray::agent {
namespace {

constexpr std::int64_t kBootVersion = 1;

}  // namespace

std::string encode_boot(const BootRecord& record) {
  return wire::to_text(wire::json::object{{"version", kBootVersion},
                                          {"trial", record.trial.value()},
                                          {"starts", record.starts},
                                          {"fallback", record.fallback.value()},
                                          {"why", clean_text(record.why, wire::kLongestSentence)}}) +
         "\n";
}

Result<BootRecord> decode_boot(std::string_view text) {
  return wire::decode<BootRecord>(wire::parse_json(text), [](const wire::Node& root) {
    if (const auto version = root.maybe("version")) version->integer(1, kBootVersion);
    return BootRecord{ActionId{root.at("trial").integer(0)},
                      static_cast<int>(root.at("starts").integer(0, 1000)),
                      ActionId{root.at("fallback").integer(0)}, root.at("why").cleaned(wire::kLongestSentence)};
  });
}

}  // namespace dray::agent
