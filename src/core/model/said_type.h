// The type that a device says it is of, against the one that it was entered under: of another type's artifacts it gets
// nothing. Pure; asked by the gateway, which then holds its jobs, and by the server, which says so.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/model/device.h"

namespace dray::core {

// The attribute that says it. Clients that are not ours do not send it.
inline constexpr std::string_view kSaidType = "dray.type";

struct OtherType {
  std::string said, entered;
  friend bool operator==(const OtherType&, const OtherType&) = default;
};

// said: the device's own attributes. Nothing: it says the same, a name that its type is called by as well, or nothing.
std::optional<OtherType> other_type(const Attributes& said, const DeviceType& type);
// A device is of a type until it says another one: what it says of itself without naming its type takes nothing back.
void keep_said_type(const Attributes& before, Attributes& now);
// What it said, where that is not the name itself that it was entered under; else empty.
std::string differing_type(const Attributes& said, const std::string& entered);
// For people: both names, and what ends it.
std::string sentence_of(const OtherType& other);

}  // namespace dray::core
