// Why something is not done, as a word for machines and as words for people.
#pragma once

#include <string>

namespace dray::core {

// Why an update is not done, beside its state: what went wrong last, or what it waited for when its time was over.
struct Cause {
  std::string reason, sentence;
  friend bool operator==(const Cause&, const Cause&) = default;
};

// Why nothing of an assignment begins now, whatever its times say: its rollout is paused, or has no times here yet.
struct Held {
  std::string reason, sentence;
  friend bool operator==(const Held&, const Held&) = default;
};

}  // namespace dray::core
