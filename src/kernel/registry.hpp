// The registry as the rest of Belay sees it: content from outside, and keys that other layers own.
//
// Thread safety: any actor at PASSIVE_LEVEL.
// Invariants: it is in memory, hangs on the executive's root and lasts as long: one execution when
// explored, the process natively. Paths begin with "\Registry\Machine" or "\Registry\User"; names
// are compared without regard to case; CurrentControlSet is a link to ControlSet001.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::kernel {

enum class registry_action : std::uint8_t {
  make_key,
  delete_key,  ///< with all that is in it
  set_value,
  delete_value,
};

struct registry_change {
  registry_action action = registry_action::make_key;
  std::u16string_view key;
  std::u16string_view name = {};  ///< of the value; empty: the key's default value
  std::uint32_t type = 0;         ///< REG_SZ and so on
  const void* data = nullptr;
  std::size_t bytes = 0;
};

/// Carries out a change as an administrator would have before: keys on the way are made, what is to
/// go and is not there is gone. Memory is not refused. Callers: set-up.
void change_registry(const registry_change& change);
/// Carries out those of a list that was read elsewhere, in order: its elements have the same
/// members, but for `data`, which is a container.
template <class list>
void change_registry_as(const list& changes) {
  for (const auto& each : changes) {
    change_registry({.action = static_cast<registry_action>(each.action),
                     .key = each.key,
                     .name = each.name,
                     .type = each.type,
                     .data = each.data.data(),
                     .bytes = each.data.size()});
  }
}
/// Sets a value, unless the key has one of that name.
void add_registry_value(const registry_change& value);
/// Whether it is there already. Explored, it is made when it is first used, because most executions
/// never do; callbacks::fill_registry says what it then has.
bool registry_made();

/// Opens a key by its path; with `create`, makes it and what is missing on the way.
///
/// Returns: STATUS_SUCCESS and a handle; STATUS_OBJECT_NAME_NOT_FOUND;
///          STATUS_INSUFFICIENT_RESOURCES.
std::int32_t open_registry_key(std::u16string_view path, bool create, void** handle,
                               const void* site);

}  // namespace belay::inline BELAY_BUILD::kernel
