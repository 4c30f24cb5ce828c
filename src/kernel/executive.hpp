// The executive of one execution: what every actor knows about itself, and the one root of it all.
//
// Thread safety: `thread` belongs to its actor unless a member says otherwise; what several actors
// share is guarded by `the_executive().lock`, an inner lock: no point is reached and nothing is
// called while it is held. Invariants: all state hangs on one root made by start() from
// sync::allocate, so that an execution can be abandoned at any point. An actor's IRQL is
// sync::level() and nothing else. No header of this folder but the *_nt.hpp ones names a Windows
// type, so that every layer may include them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/contract.hpp"
#include "sync/sync.hpp"

namespace belay::inline BELAY_BUILD::kernel {

inline constexpr std::uint8_t passive_level = 0;
inline constexpr std::uint8_t apc_level = 1;
inline constexpr std::uint8_t dispatch_level = 2;
inline constexpr std::uint8_t synch_level = 12;
inline constexpr std::uint8_t high_level = 15;

// ---- locks
// ---------------------------------------------------------------------------------------

/// How a spin lock was taken; the matching release must be of the same kind.
enum class lock_flavour : std::uint8_t { plain, queued, cancel };

/// A spin lock that an actor holds.
struct held_lock {
  volatile std::uint64_t* word = nullptr;
  const void* handle = nullptr;  ///< of an in-stack queued lock
  const void* site = nullptr;    ///< who took it
  std::uint8_t old_irql = 0;     ///< what the release that leaves so many locks must give back
  lock_flavour flavour = lock_flavour::plain;
  bool raised = false;  ///< taken by a call that raises; false: by an AtDpcLevel form
};

// ---- actors
// --------------------------------------------------------------------------------------

struct thread_object;
struct waiter;
struct apc_record;
struct try_state;
struct verified_thread;
struct lock_orders;

/// Two links of an intrusive list, laid out like LIST_ENTRY.
struct links {
  links* next;
  links* previous;
};

/// What the executive keeps for one actor, whether a driver made it (a system thread, a DPC, a work
/// item) or the outside did (a client).
struct thread {
  static constexpr int most_locks = 32;

  thread* next = nullptr;  ///< all of the execution
  thread* previous = nullptr;
  sync::actor_id actor = sync::no_actor;
  std::uint64_t number = 0;  ///< its thread id
  int priority = 8;
  std::uint32_t critical_regions = 0;
  std::uint32_t guarded_regions = 0;
  std::uint32_t handles_made = 0;
  void* exit_point = nullptr;  ///< of a system thread: where PsTerminateSystemThread goes
  int locks = 0;               ///< how many spin locks it holds
  held_lock held[most_locks];
  const char* wait_promised = nullptr;  ///< the export called with Wait = TRUE, until the wait
  alignas(sync::sealed) unsigned char promise_seal[sizeof(sync::sealed)] = {};  ///< meanwhile
  thread_object* object = nullptr;  ///< what KeGetCurrentThread returns; made when first asked for
  links pending_irps{};             ///< head of the actor's IRP list; the I/O manager's
  void* io = nullptr;               ///< the I/O manager's
  void* user = nullptr;             ///< the user side's
  sync::parking parking;            ///< where it sleeps; used by the dispatcher only
  waiter* waiting = nullptr;        ///< the wait in progress, under the executive's lock
  apc_record* first_apc = nullptr;  ///< queued to it, under the executive's lock
  apc_record* last_apc = nullptr;
  bool alerted = false;             ///< KeAlertThread came and no alertable wait took it
  bool in_normal_apc = false;       ///< no other normal kernel APC meanwhile
  links mutants{};                  ///< head of the mutexes that it owns
  try_state* tries = nullptr;       ///< structured exceptions; made when first needed
  verified_thread* verified = nullptr;  ///< what the verifier keeps; made when first needed
};

/// The calling actor's; made on first use.
thread& current();
/// The calling actor's, or nullptr if it has none yet.
inline thread* current_if_any() { return static_cast<thread*>(sync::local()); }
/// Frees the calling actor's, which then no longer uses the executive. Checks nothing.
void retire();

/// The calling actor's IRQL.
inline std::uint8_t irql() { return sync::level(); }

/// Name of an IRQL, for texts.
const char* irql_name(std::uint8_t level);

/// Plain bytes, not seen as the guest's (in a file that includes the Windows headers, memcpy is).
void copy_bytes(void* to, const void* from, std::size_t bytes);
void fill_bytes(void* at, int value, std::size_t bytes);

// ---- spin locks, for the exports and for the I/O manager's own
// ------------------------------------

/// Which clause a lock's misuse breaks, and what it is called in texts.
struct lock_terms {
  const char* clause = "WDM-LOCK-001";
  const char* name = "spin lock";
};

/// Takes `word` on the guest's behalf: raises to `raise_to` unless `raise_to` is `no_raise`.
///
/// Returns:  the IRQL before.
/// Contract: WDM-LOCK-001 (or terms.clause): not held already by the caller; AtDpcLevel forms at or
///           above DISPATCH_LEVEL.
inline constexpr std::uint8_t no_raise = 0xff;
std::uint8_t take_spin_lock(volatile std::uint64_t* word, std::uint8_t raise_to,
                            lock_flavour flavour, const void* handle, const lock_terms& terms,
                            const void* site);
/// The same if it is free. Returns: true if taken.
bool try_take_spin_lock(volatile std::uint64_t* word, std::uint8_t raise_to, lock_flavour flavour,
                        const lock_terms& terms, const void* site);
/// Gives `word` back and sets the IRQL to `new_irql` unless that is `no_raise`.
///
/// Contract: WDM-LOCK-001 (or terms.clause): held by the caller, taken in the same way, and
///           `new_irql` is what the matching acquire handed out. Locks may be released in another
///           order than the reverse as long as the IRQLs are: then each release restores the level
///           that one lock fewer calls for.
void give_spin_lock(volatile std::uint64_t* word, std::uint8_t new_irql, lock_flavour flavour,
                    const void* handle, const lock_terms& terms, const void* site);
/// Whether the calling actor holds `word`.
bool holds_spin_lock(const volatile std::uint64_t* word);
/// How many spin locks the calling actor holds; `last`: the one taken last.
int spin_locks_held(const held_lock** last = nullptr);

/// What a routine of the driver must leave as it found it.
struct routine_state {
  std::uint8_t irql = 0;
  std::uint32_t critical_regions = 0;
  std::uint32_t guarded_regions = 0;
  int locks = 0;
};
routine_state routine_entered();
/// Checks that a routine of the driver returned with what it came with: locks (WDM-LOCK-007),
/// regions (WDM-LOCK-008, -009), IRQL (`irql_clause` with bug check `code`, `parameter`).
///
/// `what` names the routine in texts ("the DPC routine"), `routine` is its address.
void routine_returned(const routine_state& entered, const char* what, const void* routine,
                      const char* irql_clause, std::uint32_t code, std::uint64_t parameter);

// ---- dispatcher objects, for other façades
// -------------------------------------------------------- `event` is a KEVENT, `object` any
// dispatcher object. Neither notes a call nor checks the IRQL.

void set_event(void* event, int increment = 0);
/// Waits; `deadline` on sync::now()'s clock. Returns: an NTSTATUS.
std::int32_t wait_for(void* object, sync::nanoseconds deadline = sync::forever);

// ---- one execution
// -------------------------------------------------------------------------------

struct timer_record;
struct dpc_record;
struct work_record;
struct pool_header;
struct object_header;
struct handle_entry;
struct flush_waiter;
struct registry_state;

/// Called by the I/O manager's wishes; each may be nullptr.
struct callbacks {
  /// A system thread ends: cancel and await its IRPs. At PASSIVE_LEVEL, on that thread.
  void (*thread_ends)(thread&) = nullptr;
  /// MmGetSystemRoutineAddress: nullptr if there is no such export.
  void* (*find_export)(const char* name) = nullptr;
  /// The registry has been made: add what is in it because of drivers and devices.
  void (*fill_registry)() = nullptr;
};

struct executive {
  static constexpr std::size_t pool_buckets = 256;

  sync::inner_lock lock;
  callbacks call;
  thread* threads = nullptr;
  waiter* first_waiter = nullptr;  // in order of arrival
  waiter* last_waiter = nullptr;
  timer_record* timers = nullptr;
  dpc_record* dpcs = nullptr;  // queued or running
  flush_waiter* flushes = nullptr;
  std::uint64_t dpcs_queued = 0;
  work_record* work = nullptr;           // queued or running
  pool_header* pool[pool_buckets] = {};  // by address; blocks handed out and some freed ones
  pool_header* first_freed = nullptr;    // the freed ones, oldest first
  pool_header* last_freed = nullptr;
  std::size_t freed = 0;
  std::uint64_t allocations = 0;
  object_header* objects = nullptr;
  handle_entry* handles = nullptr;
  void* process = nullptr;  // the one process, an object
  lock_orders* orders = nullptr;  // of the verifier
  registry_state* registry = nullptr;
  std::uint64_t tasks = 0;  // actors of our own that have not come to their last step
  bool stopping = false;
  sync::parking all_gone;         // where stop() waits for them
  thread* awaits_work = nullptr;  // check_unload, while work items of devices run
  sync::nanoseconds began = 0;    // the clock at start()
};

/// Builds the executive of one execution. Callers: one actor, before any export is called.
void start(const callbacks& call = {});
/// Waits for the actors that the executive itself started, then takes it down and frees what it
/// holds. Not needed when the arena is rewound.
///
/// REQUIRES: no other actor uses it any more.
void stop();
/// REQUIRES: between start() and stop().
executive& the_executive();
bool started();

/// Held for the length of a scope.
class guard {
 public:
  explicit guard(sync::inner_lock& lock) : lock_(lock) { lock_.lock(); }
  ~guard() { lock_.unlock(); }
  guard(const guard&) = delete;
  guard& operator=(const guard&) = delete;

 private:
  sync::inner_lock& lock_;
};

// ---- text
// ----------------------------------------------------------------------------------------

/// Where DbgPrint's text goes. `text` ends with '\0' and may hold several lines or none.
using print_sink = void (*)(const char* text);
/// nullptr restores the default: standard error natively, nowhere when explored. Callers: set-up.
void set_print_sink(print_sink sink);

// ---- end-of-run oracles
// --------------------------------------------------------------------------

/// A block of pool that is not freed.
struct pool_block {
  const void* address = nullptr;
  std::size_t size = 0;
  std::uint32_t tag = 0;
  const void* site = nullptr;  ///< code that allocated it
};
/// Visits blocks, in no particular order, until `visit` returns false.
void pool_outstanding(bool (*visit)(void* context, const pool_block&), void* context);

/// Waits for the DPCs that are queued or running. PASSIVE_LEVEL.
void flush_dpcs();
/// Reports what a driver left behind whose code lies in [`code`, `code` + `code_size`): set timers,
/// queued or running DPCs, work items, threads and pool. With code_size 0: anything left.
///
/// Callers:  after DriverUnload returned and the driver's objects are gone.
/// Contract: WDM-IRP-019 (0xCE), WDM-IRP-009 (0xC4, 0x62)
void check_unload(const void* code, std::size_t code_size);
/// Reports a set timer or a queued DPC that lies in memory about to be freed (WDM-IRP-019, 0xC7).
void check_freed(const void* memory, std::size_t bytes);

}  // namespace belay::inline BELAY_BUILD::kernel
