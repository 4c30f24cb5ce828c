// What every exported function does first.
//
//   KIRQL KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK SpinLock) {
//     BELAY_EXPORT(KeAcquireSpinLockRaiseToDpc, SpinLock);
//     …
//
// tells the reports who calls what with which object, and checks the caller's IRQL against the
// table in irql_limits.hpp, at the cost of two compares.
#pragma once

#include "kernel/executive.hpp"
#include "kernel/irql_limits.hpp"

namespace belay::inline BELAY_BUILD::kernel {

/// Reports a call outside the IRQL limits of the function at `index`, unless it is the verifier's
/// to say and that is off.
void irql_limit_exceeded(std::size_t index, const void* object, const void* site);
/// Reports that `name` was called where a wait had been promised.
void promised_wait_missing(const char* name, const void* object, const void* site);

template <std::size_t Index>
inline void enter(const void* object, const void* site) {
  constexpr const irql_limit& limit = irql_limits[Index];
  sync::note(limit.name, object, site);
  const std::uint8_t level = irql();
  if (level > limit.most || level < limit.least) [[unlikely]]
    irql_limit_exceeded(Index, object, site);
  const thread* const self = current_if_any();
  if (self != nullptr && self->wait_promised != nullptr && !limit.waits) [[unlikely]]
    promised_wait_missing(limit.name, object, site);
}

/// A step on a guest's object that others may race with: the scheduling point, then the check that
/// the guest may still touch it.
inline void use(const volatile void* object, std::size_t size,
                sync::access_kind kind = sync::access_kind::update) {
  sync::point(kind, object, size);
  const sync::sealed seal;
  sync::touch(const_cast<const void*>(object), size, kind);
}

/// Initialises a guest's object: a point only where others are known to share the memory.
inline void format(void* object, std::size_t size) {
  sync::touch(object, size, sync::access_kind::write);
}

/// Orders this step with the others on `what` without a preemption.
inline void order(sync::access_kind kind, const volatile void* what, std::size_t size = 1) {
  const sync::sealed seal;
  sync::point(kind, what, size);
}

}  // namespace belay::inline BELAY_BUILD::kernel

#define BELAY_EXPORT(name, object)                                           \
  ::belay::kernel::enter<::belay::kernel::irql_limit_index(#name)>((object), \
                                                                   __builtin_return_address(0))
