// Texts as devices of other makers may send them: any bytes, any length, with more of those at which limits lie.
#pragma once

#include <string>
#include <string_view>

#include "sim/random.h"

namespace dray::sim::fleet {

// Raw bytes; may be no UTF-8, may be empty, at most some 20,000 bytes.
std::string odd_text(SimRandom& random);
// 1 to 128 characters of those that DDI allows in attributes (docs/ddi.md 1.4), every printable sign among them.
std::string odd_version(SimRandom& random);
// As a JSON string. Bytes stay what they are but for quotes and backslashes, as sloppy clients write them; now and then
// as \u escapes, with NUL and lone surrogates among them.
std::string odd_json(SimRandom& random, std::string_view text);
// One of those that arithmetic or a reader may not survive, as JSON writes it.
std::string odd_number(SimRandom& random);

}  // namespace dray::sim::fleet
