// Timers.
//
// Thread safety: a timer record changes under the executive's lock. The alarm fires on no actor in
// particular; what it does is decided by the record, not by the alarm: a firing that lost against
// KeCancelTimer or KeSetTimer does nothing.
// Invariants: a record belongs to one KTIMER's address and lasts until that memory is freed, so
// that the alarm keeps one address for the whole execution. `armed` is what Windows calls "in the
// timer queue".
#include "kernel/dispatcher_nt.hpp"

namespace belay::inline BELAY_BUILD::kernel {

struct timer_record {
  sync::alarm alarm;  // first: fire() gets its address
  timer_record* next = nullptr;
  timer_record* previous = nullptr;
  PKTIMER timer = nullptr;
  bool armed = false;
  sync::nanoseconds due = 0;
  sync::nanoseconds period = 0;
  PKDPC dpc = nullptr;
  apc_record call;  // queued to `caller` at expiry
  thread* caller = nullptr;
  const void* site = nullptr;  // who set it
};

namespace {

constexpr sync::nanoseconds millisecond = 1'000'000;

timer_record* find_locked(const void* timer) {
  for (timer_record* each = the_executive().timers; each != nullptr; each = each->next) {
    if (each->timer == timer) return each;
  }
  return nullptr;
}

/// The timer's time has come. Returns: the DPC to start, if any.
dpc_record* expire_locked(timer_record& record) {
  KTIMER& timer = *record.timer;
  if (record.period == 0) record.armed = false;
  timer.Header.SignalState = 1;
  satisfy_waiters_locked(timer.Header);
  if (record.caller != nullptr) queue_apc_locked(*record.caller, record.call);
  if (record.dpc == nullptr) return nullptr;
  LARGE_INTEGER time;
  time.QuadPart = system_time();
  return queue_dpc_locked(record.dpc, reinterpret_cast<PVOID>(static_cast<ULONG_PTR>(time.LowPart)),
                          reinterpret_cast<PVOID>(static_cast<LONG_PTR>(time.HighPart)));
}

void fire(sync::alarm* alarm) {
  auto& record = *reinterpret_cast<timer_record*>(alarm);
  dpc_record* dpc = nullptr;
  {
    const guard hold(the_executive().lock);
    // Late for a timer that was cancelled, or early for one that was set again.
    if (!record.armed || sync::now() < record.due) return;
    sync::touch(record.timer, sizeof(KTIMER), sync::access_kind::update);
    dpc = expire_locked(record);
    if (record.armed) {
      record.due += record.period;
      record.alarm.set(record.due, &fire);
    }
  }
  if (dpc != nullptr) start_dpc(dpc, false);
}

}  // namespace

bool set_timer_at(PKTIMER timer, sync::nanoseconds due, sync::nanoseconds period, PKDPC dpc,
                  const void* site, void (*call)(void*), void* context) {
  thread& caller = current();
  executive& root = the_executive();
  dpc_record* start = nullptr;
  timer_record* record = nullptr;
  timer_record* fresh = nullptr;
  {
    const guard hold(root.lock);
    record = find_locked(timer);
  }
  if (record == nullptr) fresh = make<timer_record>();
  if (record != nullptr) order(sync::access_kind::update, &record->alarm);
  bool was_set = false;
  {
    const guard hold(root.lock);
    record = find_locked(timer);
    if (record == nullptr) {
      record = fresh;
      fresh = nullptr;
      record->timer = timer;
      push_front(root.timers, record);
    }
    was_set = record->armed;
    const sync::nanoseconds now = sync::now();
    record->armed = true;
    record->due = due;
    record->period = period;
    unqueue_apc_locked(record->call);
    record->call.ours = false;
    record->call.routine = call;
    record->call.context = context;
    record->caller = call != nullptr ? &caller : nullptr;
    record->dpc = dpc;
    record->site = site;
    timer->Header.SignalState = 0;
    timer->DueTime.QuadPart = static_cast<ULONGLONG>(due / 100);
    timer->Period = static_cast<ULONG>(period / millisecond);
    timer->Dpc = dpc;
    if (due <= now) {
      start = expire_locked(*record);
      if (record->armed) record->due = due = now + record->period;
    }
    if (record->armed) {
      record->alarm.set(due, &fire);
    } else {
      record->alarm.cancel();
    }
  }
  if (fresh != nullptr) discard(fresh);
  if (start != nullptr) start_dpc(start, true);
  return was_set;
}

namespace {

/// Sets a timer as drivers say it. Returns: it was set before.
bool set_timer(PKTIMER timer, LONGLONG due_time, LONG period, PKDPC dpc, const void* site) {
  const sync::nanoseconds due = due_time == 0 ? sync::now() : deadline_of(due_time);
  return set_timer_at(timer, due, period * millisecond, dpc, site);
}

DISPATCHER_HEADER& use_timer(PKTIMER timer, const char* what,
                             sync::access_kind kind = sync::access_kind::update) {
  return use_object(timer, sizeof *timer, notification_timer, synchronization_timer, what, kind);
}

/// Reports each armed timer that `concerns` picks.
template <class Pick>
const timer_record* first_armed(Pick concerns) {
  const guard hold(the_executive().lock);
  for (const timer_record* each = the_executive().timers; each != nullptr; each = each->next) {
    if (each->armed && concerns(*each)) return each;
  }
  return nullptr;
}

}  // namespace

bool cancel_timer_record(PKTIMER timer) {
  executive& root = the_executive();
  timer_record* record = nullptr;
  {
    const guard hold(root.lock);
    record = find_locked(timer);
  }
  if (record == nullptr) return false;
  order(sync::access_kind::update, &record->alarm);
  const guard hold(root.lock);
  const bool was_set = record->armed;
  record->armed = false;
  record->alarm.cancel();
  unqueue_apc_locked(record->call);
  return was_set;
}

void forget_timer_calls_locked(const thread& gone) {
  for (timer_record* each = the_executive().timers; each != nullptr; each = each->next) {
    if (each->caller == &gone) each->caller = nullptr;
  }
}

void stop_timers() {
  executive& root = the_executive();
  for (;;) {
    timer_record* record = nullptr;
    {
      const guard hold(root.lock);
      record = root.timers;
      if (record == nullptr) return;
      unlink(root.timers, record);
      unqueue_apc_locked(record->call);
      record->armed = false;
    }
    discard(record);
  }
}

void check_timers(const void* code, std::size_t bytes) {
  const timer_record* const left = first_armed([=](const timer_record& each) {
    return bytes == 0 || within(code, bytes, each.site) ||
           (each.dpc != nullptr &&
            within(code, bytes, reinterpret_cast<const void*>(each.dpc->DeferredRoutine)));
  });
  if (left == nullptr) return;
  violation what;
  what.clause = "WDM-IRP-019";
  what.rule = "DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS";
  what.bug_check = 0xCE;
  what.parameter[0] = reinterpret_cast<std::uint64_t>(left->timer);
  what.object = left->timer;
  what.site = left->site;
  __builtin_snprintf(what.text, sizeof what.text,
                     "the driver is unloaded while its timer %p, set here, is still set",
                     static_cast<const void*>(left->timer));
  report(what);
}

void check_freed_timers(const void* memory, std::size_t bytes) {
  const timer_record* const left = first_armed([=](const timer_record& each) {
    return overlaps(memory, bytes, each.timer, sizeof(KTIMER));
  });
  BELAY_CONTRACT(
      left == nullptr, "WDM-IRP-019", "TIMER_OR_DPC_INVALID", 0xC7,
      (0, reinterpret_cast<std::uint64_t>(left->timer), reinterpret_cast<std::uint64_t>(memory),
       reinterpret_cast<std::uint64_t>(memory) + bytes),
      left->timer, "memory is freed that holds the timer %p, which is still set",
      static_cast<const void*>(left->timer));
  executive& root = the_executive();
  for (;;) {
    timer_record* record = nullptr;
    {
      const guard hold(root.lock);
      for (record = root.timers; record != nullptr; record = record->next) {
        if (overlaps(memory, bytes, record->timer, sizeof(KTIMER))) break;
      }
      if (record == nullptr) return;
      unlink(root.timers, record);
      unqueue_apc_locked(record->call);
      record->timer = nullptr;
    }
    discard(record);  // waits for a firing that lost
  }
}

}  // namespace belay::inline BELAY_BUILD::kernel

using namespace belay;
using namespace belay::kernel;

extern "C" {

VOID KeInitializeTimer(PKTIMER Timer) { KeInitializeTimerEx(Timer, NotificationTimer); }

/// Formats a timer. Contract: WDM-IRP-026: not while it is set.
VOID KeInitializeTimerEx(PKTIMER Timer, TIMER_TYPE Type) {
  BELAY_EXPORT(KeInitializeTimerEx, Timer);
  format(Timer, sizeof *Timer);
  const timer_record* const set =
      first_armed([=](const timer_record& each) { return each.timer == Timer; });
  BELAY_CONTRACT(set == nullptr, "WDM-IRP-026", "TIMER_OR_DPC_INVALID", 0xC7,
                 (0, reinterpret_cast<std::uint64_t>(Timer), 0, 0), Timer,
                 "KeInitializeTimer on a timer that is set");
  fill_bytes(Timer, 0, sizeof *Timer);
  make_header(Timer->Header, Type == NotificationTimer ? notification_timer : synchronization_timer,
              0, sizeof *Timer);
  Timer->TimerType = static_cast<USHORT>(Type);
}

/// Sets a timer, replacing what was set before: it is then signalled, and `Dpc` queued, at
/// `DueTime` and again each `Period` milliseconds.
///
/// Returns:  TRUE if it was set before.
/// Races:    against expiry: the later of the two sees the other's effect whole.
BOOLEAN KeSetTimerEx(PKTIMER Timer, LARGE_INTEGER DueTime, LONG Period, PKDPC Dpc) {
  BELAY_EXPORT(KeSetTimerEx, Timer);
  use_timer(Timer, "KeSetTimerEx");
  return set_timer(Timer, DueTime.QuadPart, Period, Dpc, __builtin_return_address(0));
}
BOOLEAN KeSetTimer(PKTIMER Timer, LARGE_INTEGER DueTime, PKDPC Dpc) {
  BELAY_EXPORT(KeSetTimer, Timer);
  use_timer(Timer, "KeSetTimer");
  return set_timer(Timer, DueTime.QuadPart, 0, Dpc, __builtin_return_address(0));
}
BOOLEAN KeSetCoalescableTimer(PKTIMER Timer, LARGE_INTEGER DueTime, ULONG Period, ULONG,
                              PKDPC Dpc) {
  BELAY_EXPORT(KeSetCoalescableTimer, Timer);
  use_timer(Timer, "KeSetCoalescableTimer");
  return set_timer(Timer, DueTime.QuadPart, static_cast<LONG>(Period), Dpc,
                   __builtin_return_address(0));
}

/// Takes a timer out of the timer queue.
///
/// Returns:  TRUE if it was set and is no more. FALSE if it was not: never set, cancelled, or
/// expired,
///           in which case its DPC may be queued or running. (A periodic timer is set until
///           cancelled.)
/// Races:    against expiry: exactly one takes it out.
BOOLEAN KeCancelTimer(PKTIMER Timer) {
  BELAY_EXPORT(KeCancelTimer, Timer);
  use_timer(Timer, "KeCancelTimer");
  return cancel_timer_record(Timer);
}

BOOLEAN KeReadStateTimer(PKTIMER Timer) {
  BELAY_EXPORT(KeReadStateTimer, Timer);
  return use_timer(Timer, "KeReadStateTimer", sync::access_kind::read).SignalState > 0;
}

}  // extern "C"
