#include "adapters/posix/system_machine_clock.h"

#include <sys/timex.h>

#include <ctime>
#include <fstream>

namespace dray::adapters {
namespace {

Duration clock_of(clockid_t id) {
  std::timespec time{};
  ::clock_gettime(id, &time);
  return std::chrono::floor<Duration>(std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec});
}

// A kernel whose clock was set says no until a time service has looked at it again.
bool kernel_is_synchronised() {
  timex asked{};
  const int state = ::adjtimex(&asked);
  return state >= 0 && state != TIME_ERROR && (asked.status & STA_UNSYNC) == 0;
}

}  // namespace

ClockReading SystemMachineClock::read() const {
  return {WallTime{clock_of(CLOCK_REALTIME)}, SteadyTime{clock_of(CLOCK_BOOTTIME)}, kernel_is_synchronised()};
}

std::string SystemMachineClock::boot() const {
  std::ifstream file{"/proc/sys/kernel/random/boot_id"};
  std::string id;
  std::getline(file, id);
  return id;
}

}  // namespace dray::adapters
