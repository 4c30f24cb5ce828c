#include "belay/operation.hpp"

#include "core/operation_slow.hpp"

namespace belay::inline BELAY_BUILD {

template class basic_operation<operation_traits>;

}  // namespace belay::inline BELAY_BUILD
