// Timers with a handle of their own (ExAllocateTimer): a timer, its DPC, and their memory.
#include "kernel/dispatcher_nt.hpp"
#include "kernel/pool.hpp"

/// Opaque to drivers, who may wait for it: the timer comes first.
struct _EX_TIMER {
  KTIMER Timer;
  KDPC Dpc;
  PEXT_CALLBACK Callback;
  PVOID Context;
  PEXT_DELETE_CALLBACK DeleteCallback;
  PVOID DeleteContext;
  LONG Uses;  // its owner, and each queued or running callback
};

using namespace belay;
using namespace belay::kernel;

namespace {

constexpr ULONG timer_tag = 0x6d547845;  // 'ExTm'

void drop(PEX_TIMER timer) {
  bool last = false;
  {
    const guard hold(the_executive().lock);
    last = --timer->Uses == 0;
  }
  if (!last) return;
  PEXT_DELETE_CALLBACK const callback = timer->DeleteCallback;
  PVOID const context = timer->DeleteContext;
  free_pool_block(timer, timer_tag, "ExDeleteTimer", nullptr);
  if (callback != nullptr) callback(context);
}

VOID timer_dpc(PKDPC, PVOID context, PVOID, PVOID) {
  auto* const timer = static_cast<PEX_TIMER>(context);
  {
    const guard hold(the_executive().lock);
    ++timer->Uses;
  }
  if (timer->Callback != nullptr) timer->Callback(timer, timer->Context);
  drop(timer);
}

}  // namespace

extern "C" {

/// Callers: IRQL <= DISPATCH_LEVEL. The callback runs at DISPATCH_LEVEL.
PEX_TIMER ExAllocateTimer(PEXT_CALLBACK Callback, PVOID CallbackContext, ULONG Attributes) {
  BELAY_EXPORT(ExAllocateTimer, nullptr);
  auto* const timer = static_cast<PEX_TIMER>(
      allocate_pool(sizeof(_EX_TIMER), timer_tag, true, __builtin_return_address(0)));
  if (timer == nullptr) return nullptr;
  KeInitializeTimerEx(&timer->Timer, (Attributes & EX_TIMER_NOTIFICATION) != 0
                                         ? NotificationTimer
                                         : SynchronizationTimer);
  KeInitializeDpc(&timer->Dpc, &timer_dpc, timer);
  timer->Callback = Callback;
  timer->Context = CallbackContext;
  timer->Uses = 1;
  return timer;
}

/// `DueTime` as for KeSetTimer, `Period` in 100-ns units. Returns: it was set before.
BOOLEAN ExSetTimer(PEX_TIMER Timer, LONGLONG DueTime, LONGLONG Period, PVOID) {
  BELAY_EXPORT(ExSetTimer, Timer);
  LARGE_INTEGER due;
  due.QuadPart = DueTime;
  const LONG period = Period == 0 ? 0 : static_cast<LONG>((Period + 9'999) / 10'000);
  return KeSetTimerEx(&Timer->Timer, due, period, &Timer->Dpc);
}
/// Returns TRUE if it was set and is no more.
BOOLEAN ExCancelTimer(PEX_TIMER Timer, PVOID) {
  BELAY_EXPORT(ExCancelTimer, Timer);
  return KeCancelTimer(&Timer->Timer);
}
/// Cancels (`Cancel`), waits for a running callback (`Wait`), frees, then calls the delete
/// callback.
///
/// Callers:  with Wait IRQL <= APC_LEVEL.
/// Returns:  TRUE if this call cancelled it.
BOOLEAN ExDeleteTimer(PEX_TIMER Timer, BOOLEAN Cancel, BOOLEAN Wait,
                      PEXT_DELETE_PARAMETERS Parameters) {
  BELAY_EXPORT(ExDeleteTimer, Timer);
  if (Parameters != nullptr) {
    Timer->DeleteCallback = Parameters->DeleteCallback;
    Timer->DeleteContext = Parameters->DeleteContext;
  }
  const BOOLEAN cancelled = Cancel ? KeCancelTimer(&Timer->Timer) : FALSE;
  KeRemoveQueueDpc(&Timer->Dpc);
  if (Wait || irql() == PASSIVE_LEVEL) KeFlushQueuedDpcs();
  drop(Timer);
  return cancelled;
}

}  // extern "C"
