#include "sim/worker.h"

#include <algorithm>

namespace dray::sim {

Task<> SimWorker::run(std::function<void()> f) {
  free_at_ = std::max(free_at_, events_.now()) + random_.up_to(kSlowest);
  Wait wait{events_, life_};
  co_await wait.until(free_at_);  // equal times fire in the order of their making: FIFO
  f();
}

}  // namespace dray::sim
