// What Driver Verifier adds: rules that Windows checks only when it is told to.
//
// Thread safety: the switch is for set-up; what is kept of an actor is its own; the order of locks
// is shared, under a lock of its own.
// Invariants: explored, the verifier is always on. A check whose bug check is 0xC4 or 0xC9 is the
// verifier's (kernel::enforced); all others stand without it. Contract: WDM-LOCK-003, WDM-LOCK-011
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/contract.hpp"

namespace belay::inline BELAY_BUILD::kernel {

struct thread;

/// Turns the verifier's checks off or on; they are on at first. Explored: ignored. Callers: set-up,
/// before any guest code runs.
void set_verifier(bool on);
bool verifier();

// ---- the order of locks

enum class lock_kind : std::uint8_t { spin_lock, cancel_spin_lock, fast_mutex, mutex, resource };

/// The calling actor is about to wait for `lock`: reports (0xC4, 0x1001) when the locks it holds
/// were taken after `lock` before, by anybody. What a try takes is only remembered.
///
/// Steady state: one look at the known successors of each lock held.
void lock_awaited(const void* lock, lock_kind kind, const void* site);
/// It has it. A lock that it holds already is counted.
void lock_taken(const void* lock, lock_kind kind, const void* site);
void lock_given(const void* lock);
/// A lock is given back for another actor.
void lock_given_for(thread& owner, const void* lock);
/// Memory that held locks is freed: what lies there next is another lock.
void forget_locks(const void* memory, std::size_t bytes);
void forget_all_locks();

// ---- raising and lowering

void irql_raised(std::uint8_t from, std::uint8_t to);
/// Checks that KeLowerIrql returns to the level of the raise that it undoes.
void irql_lowering(std::uint8_t from, std::uint8_t to);

/// Frees what is kept of an actor.
void free_verified(thread& self);

}  // namespace belay::inline BELAY_BUILD::kernel
