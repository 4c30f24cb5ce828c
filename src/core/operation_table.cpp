#include "belay/operation_table.hpp"

#include "core/operation_table_slow.hpp"

namespace belay::inline BELAY_BUILD {

template class basic_operation_table<table_traits>;

}  // namespace belay::inline BELAY_BUILD
