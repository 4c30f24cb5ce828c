#include "belay/source.hpp"

#include "belay/fan_out_source.hpp"
#include "core/source_slow.hpp"

namespace belay::inline BELAY_BUILD {

template class core::list<source_traits>;
template class basic_source<source_traits>;
template class basic_child_source<source_traits>;
template class core::list<fan_out_traits>;
template class basic_source<fan_out_traits>;

}  // namespace belay::inline BELAY_BUILD
