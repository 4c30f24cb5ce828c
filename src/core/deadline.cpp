#include "belay/deadline.hpp"

#include "core/deadline_slow.hpp"

namespace belay::inline BELAY_BUILD {

template class basic_timer_wheel<deadline_traits>;
template class basic_deadline<deadline_traits>;

}  // namespace belay::inline BELAY_BUILD
