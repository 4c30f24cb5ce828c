// The one door to the outside world: threads, locks, atomics with a wait, clock, timers, memory.
//
// Nothing outside src/sync names a thread, a mutex, an atomic, a clock, a sleep or the heap. The
// same sources above this header are built twice:
//
//   native    threads, futexes and real time                        (sync/native/*)
//   explored  fibers, virtual time; each call is a scheduling point (sync/explored/*)
//
// Both builds offer exactly the following, in namespace belay::sync:
//
//   actors    actor_id self();  actor_id spawn(const actor_options&, entry, void* argument);
//             void join(actor_id);               returns when it has finished
//             void*& local();                    one pointer an actor, for the layer above
//             std::uint8_t& level();             its interrupt level (the kernel's IRQL)
//             void yield();                      let others run
//             void relax();                      one turn of a spin loop
//             void linger();                     explored: would rather wait until nothing else
//             must
//                                                run, but may go on at any time; native: nothing
//   points    void point(access_kind, const volatile void*, std::size_t size);
//             void note(const char* what, const void* object, const void* site);
//                                                "this actor now does `what` to `object`": for
//                                                reports
//             class sealed;                      scope: the points inside are not preemption points
//             class unsealed;                    scope: lifts the seals around it
//             std::uint8_t seals(); void set_seals(std::uint8_t);
//                                                for a jump that leaves scopes without their ends
//   atomics   template <class T> class atomic;   the std::atomic calls that we use
//             bool wait_on(const volatile void* word32, std::uint32_t expected, nanoseconds
//             deadline);
//                                                false when the deadline passed; may return early
//             void wake_all(const volatile void* word32);
//             T load_word(const volatile T*), void store_word(volatile T*, T), T
//             exchange_word(volatile T*, T)
//                                                the same on a field in a guest's memory; a point
//                                                each
//             void light_fence(), void heavy_fence();    a pair of which the heavy side pays for
//                                                both (explored: all is sequentially consistent)
//   locks     class spin_lock { void lock(); void unlock(); bool try_lock(); };   a point each
//             class brief_lock { void lock(); void unlock(); };   one byte, for a few instructions
//                                                with nobody else's code; a point to take
//             class inner_lock;                  guards our own bookkeeping; no point may be
//             reached
//                                                while it is held (explored: costs nothing)
//             void acquire_word(volatile std::uint64_t*);   a lock in a guest's memory, 0 = free
//             bool try_acquire_word(volatile std::uint64_t*);
//             void release_word(volatile std::uint64_t*);
//             actor_id word_owner(const volatile std::uint64_t*);   no_actor when free or not known
//   waiting   class parking { bool park(nanoseconds deadline); void unpark(); void reset(); };
//                                                one waiter, one permit; false: the deadline passed
//   time      nanoseconds now();
//             nanoseconds elapsed();             real time since some fixed moment, for budgets and
//                                                reports only, never for the program under test
//             class alarm { void set(nanoseconds due, void (*fire)(alarm*)); bool cancel(); bool
//             is_set(); };
//                                                `fire` runs once, on no actor in particular, must
//                                                not block nor reach a point; cancel() is true iff
//                                                it took the alarm out before it fired
//   memory    void* allocate(std::size_t, memory_use); void deallocate(void*);
//             std::size_t size_of(const void*);  what was asked for
//             void poison(const void*, std::size_t, memory_state);  explored: the guest may no
//             longer
//                                                touch it
//             void touch(const void*, std::size_t, access_kind);    explored: read and write are as
//             if the
//                                                guest did it; update only checks that it may, for
//                                                calls that make their own point
//             bool is_accessible(const volatile void*, std::size_t, bool write);   mapped so that it
//                                                can be read, or written
//
// `allocate` gives 16-byte aligned memory that starts zeroed.
#pragma once

#include "sync/types.hpp"

#if defined(BELAY_EXPLORED)
#include "sync/explored/explored.hpp"
#else
#include "sync/native/native.hpp"
#endif
