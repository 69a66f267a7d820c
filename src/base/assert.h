// DRAY_ASSERT says what must never be. It stays on in release: a process that finds itself wrong ends, its
// supervisor starts it again, and resume() goes on from what was saved.
#pragma once

namespace dray {
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);
}

#define DRAY_ASSERT(expression) \
  ((expression) ? static_cast<void>(0) : ::dray::assertion_failed(#expression, __FILE_NAME__, __LINE__))
