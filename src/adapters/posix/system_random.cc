#include "adapters/posix/system_random.h"

#include <errno.h>
#include <sys/random.h>

#include "base/assert.h"

namespace dray::adapters {

void SystemRandom::fill(std::span<std::byte> out) {
  while (!out.empty()) {
    auto got = ::getrandom(out.data(), out.size(), 0);
    // Without the kernel's generator there is no safe way on.
    DRAY_ASSERT(got > 0 || errno == EINTR);
    if (got > 0) out = out.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace dray::adapters
