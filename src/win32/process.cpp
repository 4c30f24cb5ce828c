// The root of the user side, threads' states, the end of threads and of the process.
//
// Thread safety: see process.hpp.
// Contract: WDM-FILE-003, WIN32-PROCESS-001
#include "win32/process.hpp"

#include <csetjmp>
#include <cstdlib>

#include "kernel/parts.hpp"
#include "win32/crt.hpp"
#include "win32/error_codes.hpp"
#include "win32/handles.hpp"
#include "win32/transfer.hpp"

// clang-format off: last, because they define much.
#include <windows.h>
// clang-format on

namespace belay::inline BELAY_BUILD::win32 {

namespace {

constexpr sync::nanoseconds rundown_limit = 300LL * 1000 * 1000 * 1000;

device_port* chosen_port = nullptr;
process* the_root = nullptr;
std::jmp_buf* program_end = nullptr;
thread_state* program_thread = nullptr;

transfer* first_of(thread_state& who) {
  process& root = the_process();
  const kernel::guard hold_lock(root.lock);
  if (who.first != nullptr) ++who.first->references;
  return who.first;
}

// Takes what did not end in time off the thread.
void disown(thread_state& who) {
  process& root = the_process();
  const kernel::guard hold_lock(root.lock);
  while (transfer* const each = who.first) {
    who.first = each->next_of_thread;
    each->issuer = nullptr;
    each->next_of_thread = each->previous_of_thread = nullptr;
  }
}

bool drained(thread_state& who, sync::nanoseconds deadline) {
  for (;;) {
    {
      const kernel::guard hold_lock(the_process().lock);
      if (who.first == nullptr) return true;
    }
    if (!who.drained.park(deadline)) return false;
  }
}

void tell_overdue(thread_state& who, bool for_good) {
  transfer* const late = first_of(who);
  if (late == nullptr) return;
  the_process().port->overdue(*late, for_good);
  release(late);
}

void run_down(thread_state& who) {
  const sync::nanoseconds deadline = sync::now() + rundown_limit;
  {
    const kernel::guard hold_lock(the_process().lock);
    who.ending = true;
  }
  if (!cancel_transfers({nullptr, &who, nullptr})) return;
#if defined(BELAY_EXPLORED)
  // A lost cancel shows as soon as nobody else goes on, without five minutes of timers.
  if (!drained(who, sync::now() + 1)) tell_overdue(who, false);
#endif
  if (drained(who, deadline)) return;
  tell_overdue(who, true);
  disown(who);
}

void forget(thread_state& who) {
  process& root = the_process();
  {
    const kernel::guard hold_lock(root.lock);
    kernel::unlink(root.threads, &who);
  }
  sync::deallocate(who.tls);
  sync::deallocate(who.crt);
  kernel::dereference_object(who.object);
  kernel::discard(&who);
}

// Windows stops the other threads where they are, unless they are in a driver. Here those that wait
// in user mode never go on; the others end when they come to their next call.
void end_other_threads() {
#if defined(BELAY_EXPLORED)
  process& root = the_process();
  thread_state* who = root.threads;
  while (who != nullptr) {
    if (!who->waiting) {
      who = who->next;
      continue;
    }
    sync::world().dismiss(who->actor);
    who->waiting = false;
    --root.alive;
    run_down(*who);
    kernel::unlink(root.threads, who);
    who = root.threads;  // others may have ended meanwhile
  }
  while (root.alive != 0) root.all_ended.park(sync::forever);
#endif
}

}  // namespace

void set_device_port(device_port* port) { chosen_port = port; }

bool started() { return the_root != nullptr; }

process& the_process() {
  BELAY_ASSERT(the_root != nullptr && "win32::start() comes first");
  return *the_root;
}

void start() {
  const sync::sealed seal;
  const bool own = !kernel::started();
  if (own) kernel::start();
  the_root = kernel::make<process>();
  the_root->own_executive = own;
  the_root->port = chosen_port != nullptr ? chosen_port : &in_process_port();
}

void stop() {
  const sync::sealed seal;
  cancel_transfers({});
  close_all_handles();
  forget_names();
  forget_services();
  while (the_root->threads != nullptr) forget(*the_root->threads);
  free_crt(the_root->crt);
  the_root->crt = nullptr;
  process* const root = the_root;
  the_root = nullptr;
  if (kernel::thread* const caller = kernel::current_if_any()) caller->user = nullptr;
  if (root->own_executive) kernel::stop();
  kernel::discard(root);
}

thread_state& self() {
  kernel::thread& in = kernel::current();
  if (in.user != nullptr) return *static_cast<thread_state*>(in.user);
  auto* const made = kernel::make<thread_state>();
  made->actor = sync::self();
  made->object = kernel::thread_object_of_caller();
  kernel::reference_object(made->object);
  in.user = made;
  process& root = the_process();
  const kernel::guard hold_lock(root.lock);
  kernel::push_front(root.threads, made);
  return *made;
}

void end_of_thread() {
  const sync::sealed seal;
  kernel::thread& in = kernel::current();
  if (in.user == nullptr) return;
  auto& who = *static_cast<thread_state*>(in.user);
  run_down(who);
  in.user = nullptr;
  forget(who);
}

void thread_comes() {
  const kernel::guard hold_lock(the_process().lock);
  ++the_process().alive;
}

void thread_goes() {
  process& root = the_process();
  const kernel::guard hold_lock(root.lock);
  if (--root.alive == 0 && root.exiting) root.all_ended.unpark();
}

std::uint32_t run_program(int (*main)(void* context), void* context) {
  process& root = the_process();
  root.exit_code = 259;
  std::jmp_buf end;
  const std::uint8_t seals = sync::seals();
  program_end = &end;
  program_thread = &self();
  if (setjmp(end) == 0) root.exit_code = static_cast<std::uint32_t>(main(context));
  sync::set_seals(seals);
  program_end = nullptr;
  program_thread = nullptr;
  end_of_thread();
  const sync::sealed seal;
  root.exiting = true;
  cancel_transfers({});
  end_other_threads();
  close_all_handles();
  return root.exit_code;
}

void check_caller(const void* frame) {
  auto* const who = static_cast<thread_state*>(kernel::current().user);
  if (who == nullptr) return;
  if (the_process().exiting) {
    const auto code = static_cast<std::int32_t>(the_process().exit_code);
    end_of_thread();
    thread_goes();
    kernel::exit_thread(code);
  }
  constexpr std::uintptr_t frames = 64 * 1024;
  if (who->first == nullptr) return;
  check_memory_freed(static_cast<const char*>(frame) - frames, frames, who);
}

bool fail(std::uint32_t error) {
  self().last_error = error;
  return false;
}

bool fail_status(std::int32_t status) { return fail(error_of(status)); }

sync::nanoseconds deadline_in(std::uint32_t milliseconds) {
  if (milliseconds == INFINITE) return sync::forever;
  if (milliseconds == 0) return 0;
  return sync::now() + static_cast<sync::nanoseconds>(milliseconds) * 1000 * 1000;
}

}  // namespace belay::inline BELAY_BUILD::win32

using namespace belay;
using namespace belay::win32;

extern "C" {

DWORD WINAPI GetLastError(VOID) { return self().last_error; }
VOID WINAPI SetLastError(DWORD dwErrCode) { self().last_error = dwErrCode; }

/// Ends the process: its requests are cancelled, its handles closed.
///
/// Callers:  any thread; a program that run_program() started ends there when its first thread
///           calls, otherwise the operating system's process ends.
/// Contract: WIN32-PROCESS-001
VOID WINAPI ExitProcess(UINT uExitCode) {
  enter("ExitProcess", nullptr, __builtin_return_address(0));
  the_process().exit_code = uExitCode;
  if (program_end != nullptr && program_thread == &self()) std::longjmp(*program_end, 1);
#if defined(BELAY_EXPLORED)
  // The threads are not ended by force here: this one ends, the first one decides.
  end_of_thread();
  thread_goes();
  kernel::exit_thread(static_cast<std::int32_t>(uExitCode));
#else
  cancel_transfers({});
  close_all_handles();
  std::exit(static_cast<int>(uExitCode));
#endif
}

HANDLE WINAPI GetCurrentProcess(VOID) { return reinterpret_cast<HANDLE>(-1); }
HANDLE WINAPI GetCurrentThread(VOID) { return reinterpret_cast<HANDLE>(-2); }
DWORD WINAPI GetCurrentThreadId(VOID) { return static_cast<DWORD>(kernel::current().number); }

}  // extern "C"
