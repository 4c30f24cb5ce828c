#include "sync/native/fences.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace belay::inline BELAY_BUILD::sync {

namespace native {
// Zero until it is initialised, which is right: until then light fences are whole ones.
const bool fences_on_request =
    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}  // namespace native

void heavy_fence() noexcept {
  native::whole_fence();
  if (native::fences_on_request)
    syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

}  // namespace belay::inline BELAY_BUILD::sync
