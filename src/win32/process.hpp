// The process of the user side: its one root, its threads, its handles, and what each call does
// first.
//
// Thread safety: start and stop belong to one actor. What threads share is guarded by
// `the_process().lock`, an inner lock: no point is reached and nothing is called while it is held.
// Invariants: everything hangs on one root that start() makes from sync::allocate. Whatever a
// handle names is an object of kernel/object.hpp, so that a driver may look the same handle up. A
// handle's value is never given to another object. Each call is one step: the point comes first,
// then a seal that is lifted around the program's and the driver's code. Contract:
// WIN32-HANDLE-001, WIN32-HANDLE-002
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/executive.hpp"
#include "kernel/waitable.hpp"
#include "win32/device_port.hpp"

namespace belay::inline BELAY_BUILD::win32 {

struct transfer;
struct user_handle;
struct name_entry;
struct service_object;

inline constexpr std::size_t most_tls = 1088;

/// What the user side keeps for one thread. Its own unless said otherwise.
struct thread_state {
  thread_state* next = nullptr;  ///< all of the process, under its lock
  thread_state* previous = nullptr;
  void* object = nullptr;  ///< the thread object, referenced
  std::uint32_t last_error = 0;
  transfer* synchronous = nullptr;  ///< what it waits for in a call; under the process's lock
  transfer* first = nullptr;        ///< its requests in flight; under the process's lock
  bool ending = false;              ///< under the process's lock
  bool waiting = false;             ///< in a wait of its own, and in no driver
  sync::actor_id actor = sync::no_actor;
  sync::parking drained;  ///< `ending`, and nothing in flight
  void** tls = nullptr;   ///< most_tls values, made when first set
  void* crt = nullptr;    ///< the C runtime's
};

struct process {
#if defined(BELAY_EXPLORED)
  static constexpr std::size_t handle_buckets = 16;  // made anew for each execution
#else
  static constexpr std::size_t handle_buckets = 1024;
#endif

  sync::inner_lock lock;
  user_handle* handles[handle_buckets] = {};
  device_port* port = nullptr;
  thread_state* threads = nullptr;
  name_entry* names = nullptr;
  service_object* services = nullptr;
  void* crt = nullptr;      ///< the C runtime's
  std::uint64_t sweep = 0;  ///< of cancels, so that each sweep meets a request once
  bool own_executive = false;
  std::uint32_t alive = 0;  ///< threads by CreateThread that have not come to their end
  sync::parking all_ended;  ///< `exiting`, and none is alive
  bool exiting = false;     ///< explored: the main function has returned, other threads end
  std::uint64_t tls_used[most_tls / 64] = {};
  std::uint32_t address_epoch = 0;  ///< changes at each WakeByAddress…
  std::uint32_t exit_code = 259;    ///< STILL_ACTIVE
};

/// Builds the process. In this process's own executive unless wdm::start() made one.
void start();
/// Takes it down: handles closed, requests of threads that are left cancelled.
///
/// Callers: the actor that called start(), when no other thread of the process makes calls.
void stop();
bool started();
/// REQUIRES: between start() and stop().
process& the_process();

/// Frees what is known of services.
void forget_services();

/// The calling thread's; made on first use.
thread_state& self();
/// The calling thread ends: its requests are cancelled and awaited, what is kept for it is freed.
///
/// Contract: WDM-FILE-003
void end_of_thread();
/// One thread by CreateThread more.
void thread_comes();
/// One less: the calling thread, after end_of_thread(). It touches the process no more.
void thread_goes();

/// Runs a program's main function as the process's first thread.
///
/// Returns: its exit code: what it returned, or told ExitProcess.
std::uint32_t run_program(int (*main)(void* context), void* context);

// ---- handles

/// An object with a reference, for the length of a scope.
class held {
 public:
  held() = default;
  explicit held(void* object) : object_(object) {}
  held(held&& from) noexcept : object_(from.object_) { from.object_ = nullptr; }
  held& operator=(held&&) = delete;
  ~held() {
    if (object_ != nullptr) kernel::dereference_object(object_);
  }
  explicit operator bool() const { return object_ != nullptr; }
  void* get() const { return object_; }
  template <class T>
  T& as() const {
    return *static_cast<T*>(object_);
  }

 private:
  void* object_ = nullptr;
};

/// The object of a handle, pseudo handles included. Empty, with ERROR_INVALID_HANDLE as the last
/// error, when there is none or it is not of `type` (nullptr: of any).
held hold(void* handle, const kernel::object_type* type = nullptr);
/// A handle to `object`, dropping the caller's reference to it. `object` nullptr: no handle, and
/// ERROR_NOT_ENOUGH_MEMORY.
void* handle_to(void* object);

// ---- errors and times

/// Sets the calling thread's last error. Returns: false, which most calls return then.
bool fail(std::uint32_t error);
/// The same for an NTSTATUS.
bool fail_status(std::int32_t status);

inline constexpr std::int32_t status_pending = 0x103;
inline bool succeeded(std::int32_t status) { return status >= 0; }
inline bool is_error(std::int32_t status) {
  return (static_cast<std::uint32_t>(status) >> 30) == 3;
}
inline bool is_warning(std::int32_t status) {
  return (static_cast<std::uint32_t>(status) >> 30) == 2;
}

/// A time-out in milliseconds, INFINITE included, as a point on the clock.
sync::nanoseconds deadline_in(std::uint32_t milliseconds);

// ---- calls

/// Explored: ends a thread whose process has ended, and looks for an OVERLAPPED or a buffer of a
/// request in flight that lies in a frame below `frame`, which has returned (WIN32-IO-005).
void check_caller(const void* frame);

/// What each call does first: says who calls what, and is a point on `object`.
inline void enter(const char* name, const volatile void* object, const void* site) {
  sync::note(name, const_cast<const void*>(object), site);
  sync::point(object == nullptr ? sync::access_kind::none : sync::access_kind::update, object,
              object == nullptr ? 0 : 1);
#if defined(BELAY_EXPLORED)
  check_caller(__builtin_frame_address(0));
#endif
}

/// Calls `wait`, in which the calling thread waits in user mode: in no driver.
template <class Wait>
auto in_user_mode(Wait wait) {
  self().waiting = true;
  const auto result = wait();
  self().waiting = false;
  return result;
}

}  // namespace belay::inline BELAY_BUILD::win32

/// First in every exported function: the point, and the seal for the rest of it.
#define BELAY_CALL(name, object)                                       \
  ::belay::win32::enter(#name, (object), __builtin_return_address(0)); \
  const ::belay::sync::sealed belay_seal
