#include "belay/biased_operation.hpp"

#include "core/biased_slow.hpp"

namespace belay::inline BELAY_BUILD {

template class basic_biased_operation<biased_traits>;
#if !defined(BELAY_EXPLORED)
static_assert(sizeof(biased_operation) == 32);
#endif

}  // namespace belay::inline BELAY_BUILD
