#include "belay/awaitable_operation.hpp"

#include "core/awaitable_slow.hpp"

namespace belay::inline BELAY_BUILD {

template class basic_awaitable_operation<awaitable_traits>;

}  // namespace belay::inline BELAY_BUILD
