// System threads, and who is running.
#include <csetjmp>
#include <cstdio>

#include "kernel/dispatcher_nt.hpp"
#include "kernel/exception.hpp"
#include "kernel/verifier.hpp"
#include "kernel/waitable.hpp"
#include "sync/stack.hpp"

namespace belay::inline BELAY_BUILD::kernel {

namespace {

void init_thread_object(thread_object* object, const void* start_routine) {
  make_header(object->header, thread_kind, 0, sizeof(thread_object));
  object->start_routine = start_routine;
  object->priority = 8;
  object->exit_status = STATUS_PENDING;
}

thread_object* make_thread_object(const void* start_routine, const void* site) {
  auto* const object = static_cast<thread_object*>(
      create_object(&thread_type, sizeof(thread_object), site, "Thread"));
  if (object == nullptr) return nullptr;
  init_thread_object(object, start_routine);
  return object;
}

/// Of a thread that runs.
thread_object* make_vital_thread_object() {
  auto* const object = static_cast<thread_object*>(
      create_vital_object(&thread_type, sizeof(thread_object), nullptr, "Thread"));
  init_thread_object(object, nullptr);
  return object;
}

void adopt(thread& self, thread_object* object) {
  self.object = object;
  const guard hold(the_executive().lock);
  object->number = self.number;
  object->owner = &self;
  apc_record* oldest = nullptr;
  while (apc_record* const each = object->early) {
    object->early = each->next;
    each->next = oldest;
    oldest = each;
  }
  while (apc_record* const each = oldest) {
    oldest = each->next;
    each->queued = false;
    queue_apc_locked(self, *each);
  }
}

/// What a new thread is told: a driver's, or a program's.
struct thread_start {
  thread_object* object;
  PKSTART_ROUTINE routine;
  PVOID context;
  thread_routine program;
};

/// Nothing of it is waited for or called any more; then those who wait for it see all it did.
void finish(thread& self) {
  abandon_mutants(self);
  thread_object* const object = self.object;
  {
    const guard hold(the_executive().lock);
    object->terminating = true;
  }
  drop_apcs(self);
  order(sync::access_kind::update, object, sizeof(DISPATCHER_HEADER));
  const guard hold(the_executive().lock);
  if (object->exit_status == STATUS_PENDING) object->exit_status = STATUS_SUCCESS;
  object->header.SignalState = 1;
  satisfy_waiters_locked(object->header);
}

/// The end of a system thread, however it came: its duties, then its signal.
void end_thread(thread& self, const routine_state& entered, const void* routine) {
  routine_returned(entered, self.object->system ? "the system thread" : "the thread", routine,
                   "WDM-IRP-024", 0xC8, 0);
  executive& root = the_executive();
  if (root.call.thread_ends != nullptr) root.call.thread_ends(self);
  finish(self);
}

void thread_main(void* argument) {
  auto* const start = static_cast<thread_start*>(argument);
  const thread_start told = *start;
  discard(start);
  thread& self = current();
  adopt(self, told.object);
  std::jmp_buf leave;
  self.exit_point = &leave;
  const char* const kind = told.object->system ? "system thread" : "thread";
  sync::note(kind, told.object, told.object->start_routine);
  const routine_state entered = routine_entered();
  if (setjmp(leave) == 0) {
    if (told.routine != nullptr) {
      told.routine(told.context);
    } else {
      self.object->exit_status = told.program(told.context);
    }
  }
  self.exit_point = nullptr;
  leave_all_blocks(self);
  end_thread(self, entered, told.object->start_routine);
  end_task();
}

}  // namespace

thread_object* current_object() {
  thread& self = current();
  if (self.object == nullptr) adopt(self, make_vital_thread_object());
  return self.object;
}

void thread_left(thread& self) {
  thread_object* const object = self.object;
  if (!object->terminating) finish(self);
  self.object = nullptr;
  object->owner = nullptr;
  dereference_object(object);
}

bool is_system_thread(const thread& self) { return self.object != nullptr && self.object->system; }

void* thread_object_of_caller() { return current_object(); }

void end_of_caller() {
  thread& self = current();
  if (self.object != nullptr && !self.object->terminating) finish(self);
}

thread_facts facts_of_thread(const void* thread_object_body) {
  const auto& object = *static_cast<const thread_object*>(thread_object_body);
  const guard hold(the_executive().lock);
  return {object.number, object.header.SignalState > 0, object.exit_status};
}

void* create_thread(const char* name, thread_routine run, void* argument) {
  thread_object* const object =
      make_thread_object(reinterpret_cast<const void*>(run), __builtin_return_address(0));
  if (object == nullptr) return nullptr;
  thread_start* const start = try_make<thread_start>();
  if (start == nullptr) {
    object->terminating = true;
    dereference_object(object);
    return nullptr;
  }
  *start = {object, nullptr, argument, run};
  reference_object(object);
  sync::actor_options options;
  options.name = name;
  const sync::actor_id who = spawn_task(options, &thread_main, start);
  if (who != sync::no_actor) {
    const guard hold(the_executive().lock);
    object->number = (static_cast<std::uint64_t>(who) + 2) * 4;
    return object;
  }
  object->terminating = true;
  dereference_object(object);
  dereference_object(object);
  discard(start);
  return nullptr;
}

void exit_thread(std::int32_t status) {
  thread& self = current();
  BELAY_ASSERT(self.exit_point != nullptr && !self.object->system);
  self.object->exit_status = status;
  std::longjmp(*static_cast<std::jmp_buf*>(self.exit_point), 1);
}

void check_threads(const void* code, std::size_t bytes) {
  violation what;
  {
    const guard hold(the_executive().lock);
    const object_header* each = the_executive().objects;
    const thread_object* left = nullptr;
    for (; each != nullptr; each = each->next) {
      if (each->type != &thread_type) continue;
      const auto* const object = reinterpret_cast<const thread_object*>(each + 1);
      if (!object->system || object->terminating) continue;
      if (bytes != 0 && !within(code, bytes, object->start_routine)) continue;
      left = object;
      break;
    }
    if (left == nullptr) return;
    what.object = left;
    what.site = each->site;
    std::snprintf(what.text, sizeof what.text,
                  "the driver is unloaded while its system thread %p, created here, still runs",
                  static_cast<const void*>(left));
    what.parameter[0] = reinterpret_cast<std::uint64_t>(left->start_routine);
  }
  what.clause = "WDM-IRP-019";
  what.rule = "DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS";
  what.bug_check = 0xCE;
  report(what);
}

void check_unload(const void* code, std::size_t code_size) {
  check_timers(code, code_size);
  check_dpcs(code, code_size);
  check_work(code, code_size);
  check_threads(code, code_size);
  check_pool(code, code_size);
}

void check_freed(const void* memory, std::size_t bytes) {
  check_freed_timers(memory, bytes);
  check_freed_dpcs(memory, bytes);
  forget_freed_mutants(memory, bytes);
  forget_locks(memory, bytes);
}

}  // namespace belay::inline BELAY_BUILD::kernel

using namespace belay;
using namespace belay::kernel;

namespace {
thread_object* object_of(PVOID thread) { return static_cast<thread_object*>(thread); }
constexpr std::uint64_t system_process_id = 4;
}  // namespace

extern "C" {

/// Starts a system thread at PASSIVE_LEVEL.
///
/// Returns:  a handle to it in *ThreadHandle, which the caller closes.
/// Ordering: what the caller did before happens before the routine.
/// Contract: WDM-IRP-019: it has ended when the driver is unloaded.
NTSTATUS PsCreateSystemThread(PHANDLE ThreadHandle, ULONG, POBJECT_ATTRIBUTES, HANDLE,
                              PCLIENT_ID ClientId, PKSTART_ROUTINE StartRoutine,
                              PVOID StartContext) {
  BELAY_EXPORT(PsCreateSystemThread, reinterpret_cast<const void*>(StartRoutine));
  thread_object* const object =
      make_thread_object(reinterpret_cast<const void*>(StartRoutine), __builtin_return_address(0));
  *ThreadHandle = nullptr;
  if (object == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  object->system = true;
  thread_start* const start = try_make<thread_start>();
  if (start != nullptr) *ThreadHandle = create_handle(object);
  if (*ThreadHandle == nullptr) {
    object->terminating = true;
    if (start != nullptr) discard(start);
    dereference_object(object);
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  *start = {object, StartRoutine, StartContext, nullptr};
  sync::actor_options options;
  options.name = "system thread";
  const sync::actor_id who = spawn_task(options, &thread_main, start);
  if (who == sync::no_actor) {
    object->terminating = true;
    close_handle(*ThreadHandle);
    dereference_object(object);
    discard(start);
    *ThreadHandle = nullptr;
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  if (ClientId != nullptr) {
    ClientId->UniqueProcess = reinterpret_cast<HANDLE>(system_process_id);
    ClientId->UniqueThread = reinterpret_cast<HANDLE>((static_cast<std::uint64_t>(who) + 2) * 4);
  }
  return STATUS_SUCCESS;
}

/// Ends the calling system thread. Does not return to it. Contract: WDM-IRP-024, WDM-LOCK-007
NTSTATUS PsTerminateSystemThread(NTSTATUS ExitStatus) {
  BELAY_EXPORT(PsTerminateSystemThread, nullptr);
  thread& self = current();
  if (self.exit_point == nullptr || !self.object->system) return STATUS_INVALID_PARAMETER;
  self.object->exit_status = ExitStatus;
  std::longjmp(*static_cast<std::jmp_buf*>(self.exit_point), 1);
}

PKTHREAD KeGetCurrentThread(VOID) { return reinterpret_cast<PKTHREAD>(current_object()); }
PEPROCESS IoGetCurrentProcess(VOID) { return static_cast<PEPROCESS>(the_executive().process); }
HANDLE PsGetCurrentProcessId(VOID) { return reinterpret_cast<HANDLE>(system_process_id); }
/// Returns: the address above the current thread's stack. Callers: IRQL <= APC_LEVEL.
PVOID IoGetInitialStack(VOID) {
  BELAY_EXPORT(IoGetInitialStack, nullptr);
  return sync::stack_base();
}
HANDLE PsGetCurrentThreadId(VOID) { return reinterpret_cast<HANDLE>(current().number); }
HANDLE PsGetProcessId(PEPROCESS) { return reinterpret_cast<HANDLE>(system_process_id); }
HANDLE PsGetThreadId(PETHREAD Thread) {
  return reinterpret_cast<HANDLE>(object_of(Thread)->number);
}
HANDLE PsGetThreadProcessId(PETHREAD) { return reinterpret_cast<HANDLE>(system_process_id); }
PEPROCESS PsGetThreadProcess(PETHREAD) { return static_cast<PEPROCESS>(the_executive().process); }
NTSTATUS PsGetProcessExitStatus(PEPROCESS) { return STATUS_PENDING; }
BOOLEAN PsIsThreadTerminating(PETHREAD Thread) { return object_of(Thread)->terminating; }
BOOLEAN PsIsSystemThread(PETHREAD Thread) { return object_of(Thread)->system; }

/// Contract: WDM-IRP-017: PASSIVE_LEVEL
KPRIORITY KeSetPriorityThread(PKTHREAD Thread, KPRIORITY Priority) {
  BELAY_EXPORT(KeSetPriorityThread, Thread);
  const KPRIORITY before = object_of(Thread)->priority;
  object_of(Thread)->priority = Priority;
  return before;
}
LONG KeSetBasePriorityThread(PKTHREAD Thread, LONG Increment) {
  BELAY_EXPORT(KeSetBasePriorityThread, Thread);
  const KPRIORITY before = object_of(Thread)->priority;
  object_of(Thread)->priority = 8 + Increment;
  return before - 8;
}
KPRIORITY KeQueryPriorityThread(PKTHREAD Thread) {
  BELAY_EXPORT(KeQueryPriorityThread, Thread);
  return object_of(Thread)->priority;
}

// One processor group of one processor is what drivers get to see: enough for those that size
// tables.
ULONG KeGetCurrentProcessorNumber(VOID) { return 0; }
ULONG KeGetCurrentProcessorNumberEx(PPROCESSOR_NUMBER ProcNumber) {
  if (ProcNumber != nullptr) *ProcNumber = {};
  return 0;
}
ULONG KeQueryActiveProcessorCount(KAFFINITY* ActiveProcessors) {
  if (ActiveProcessors != nullptr) *ActiveProcessors = 1;
  return 1;
}
ULONG KeQueryActiveProcessorCountEx(USHORT) { return 1; }
ULONG KeQueryMaximumProcessorCount(VOID) { return 1; }
ULONG KeQueryMaximumProcessorCountEx(USHORT) { return 1; }
KAFFINITY KeQueryActiveProcessors(VOID) { return 1; }
VOID KeSetSystemAffinityThread(KAFFINITY) { BELAY_EXPORT(KeSetSystemAffinityThread, nullptr); }
VOID KeRevertToUserAffinityThread(VOID) {}
NTSTATUS KeExpandKernelStackAndCallout(VOID (*Callout)(PVOID), PVOID Parameter, SIZE_T) {
  BELAY_EXPORT(KeExpandKernelStackAndCallout, reinterpret_cast<const void*>(Callout));
  Callout(Parameter);
  return STATUS_SUCCESS;
}

}  // extern "C"
