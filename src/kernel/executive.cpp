#include "kernel/executive.hpp"

#include <cstdio>
#include <new>

#include "kernel/api.hpp"
#include "kernel/exception.hpp"
#include "kernel/object.hpp"
#include "kernel/parts.hpp"
#include "kernel/verifier.hpp"

namespace belay::inline BELAY_BUILD::kernel {

namespace {

executive* the_root = nullptr;

void wait_for_tasks() {
  for (;;) {
    {
      const guard hold(the_root->lock);
      the_root->stopping = true;
      if (the_root->tasks == 0) return;
    }
    the_root->all_gone.park(sync::forever);
  }
}

}  // namespace

bool started() { return the_root != nullptr; }

executive& the_executive() {
  BELAY_ASSERT(the_root != nullptr && "kernel::start() comes first");
  return *the_root;
}

sync::actor_id spawn_task(const sync::actor_options& options, sync::entry run, void* argument) {
  executive& root = the_executive();
  {
    const guard hold(root.lock);
    ++root.tasks;
  }
  const sync::actor_id who = sync::spawn(options, run, argument);
  if (who != sync::no_actor) return who;
  const guard hold(root.lock);
  --root.tasks;
  return who;
}

void end_task() {
  retire();
  executive& root = the_executive();
  const guard hold(root.lock);
  if (--root.tasks == 0 && root.stopping) root.all_gone.unpark();
}

void start(const callbacks& call) {
  the_root = make<executive>();
  the_root->call = call;
  the_root->began = sync::now();
  sync::local() = nullptr;
  sync::level() = passive_level;
  make_process();
#if !defined(BELAY_EXPLORED)
  make_registry();  // threads may come to it at the same time
#endif
}

void stop() {
  if (the_root == nullptr) return;
  wait_for_tasks();
  stop_timers();
  free_dpcs();
  free_work();
  free_objects();
  free_registry();
  free_pool();
  while (thread* const each = the_root->threads) {
    unlink(the_root->threads, each);
    free_tries(*each);
    free_verified(*each);
    discard(each);
  }
  sync::local() = nullptr;
  forget_all_locks();
  executive* const root = the_root;
  the_root = nullptr;
  discard(root);
}

thread& current() {
  if (thread* const known = current_if_any()) return *known;
  thread* const made = make<thread>();
  made->actor = sync::self();
  made->number = (static_cast<std::uint64_t>(made->actor) + 2) * 4;
  made->pending_irps = {&made->pending_irps, &made->pending_irps};
  made->mutants = {&made->mutants, &made->mutants};
  executive& root = the_executive();
  {
    const guard hold(root.lock);
    push_front(root.threads, made);
  }
  sync::local() = made;
  return *made;
}

void retire() {
  thread* const self = current_if_any();
  if (self == nullptr) return;
  if (self->object != nullptr) thread_left(*self);
  executive& root = the_executive();
  {
    const guard hold(root.lock);
    unlink(root.threads, self);
  }
  sync::local() = nullptr;
  free_tries(*self);
  free_verified(*self);
  discard(self);
}

const char* irql_name(std::uint8_t level) {
  switch (level) {
    case passive_level:
      return "PASSIVE_LEVEL";
    case apc_level:
      return "APC_LEVEL";
    case dispatch_level:
      return "DISPATCH_LEVEL";
    case synch_level:
      return "SYNCH_LEVEL";
    case high_level:
      return "HIGH_LEVEL";
    default:
      return "a device IRQL";
  }
}

void irql_limit_exceeded(std::size_t index, const void* object, const void* site) {
  const irql_limit& limit = irql_limits[index];
  if (limit.code != 0 && !verifier()) return;
  const std::uint8_t level = irql();
  violation what;
  what.clause = "WDM-IRP-017";
  what.rule = *limit.rule != '\0' ? limit.rule : "IRQL_NOT_LESS_OR_EQUAL";
  what.bug_check = limit.code != 0 ? 0xC4 : 0xA;
  what.parameter[limit.code != 0 ? 0 : 3] =
      limit.code != 0 ? limit.code : reinterpret_cast<std::uint64_t>(site);
  what.parameter[1] = level;
  what.object = object;
  what.site = site;
  const bool exact = limit.least == limit.most;
  std::snprintf(what.text, sizeof what.text, "%s called at %s; it needs IRQL %s %s", limit.name,
                irql_name(level), exact ? "=" : (level > limit.most ? "<=" : ">="),
                irql_name(level > limit.most ? limit.most : limit.least));
  report(what);
}

void promised_wait_missing(const char* name, const void* object, const void* site) {
  if (!verifier()) return;
  violation what;
  what.clause = "WDM-LOCK-005";
  what.rule = "IrqlKeSetEvent";
  what.bug_check = 0xC4;
  what.parameter[0] = 0x20016;
  what.object = object;
  what.site = site;
  std::snprintf(what.text, sizeof what.text,
                "%s called after %s with Wait = TRUE; the very next call must be the wait", name,
                current().wait_promised);
  report(what);
}

routine_state routine_entered() {
  const thread* const self = current_if_any();
  if (self == nullptr) return {irql(), 0, 0, 0};
  return {irql(), self->critical_regions, self->guarded_regions, self->locks};
}

namespace {

void regions_balance(const thread& self, const routine_state& entered, const char* what,
                     const void* routine) {
  BELAY_CONTRACT(self.critical_regions == entered.critical_regions, "WDM-LOCK-008",
                 "CriticalRegions", 0xC4,
                 (0x40003, self.critical_regions, entered.critical_regions, 0), routine,
                 "%s returned with %u critical regions entered; it came with %u", what,
                 self.critical_regions, entered.critical_regions);
  BELAY_CONTRACT(self.guarded_regions == entered.guarded_regions, "WDM-LOCK-009", "GuardedRegions",
                 0xC4, (0x4000E, self.guarded_regions, entered.guarded_regions, 0), routine,
                 "%s returned with %u guarded regions entered; it came with %u", what,
                 self.guarded_regions, entered.guarded_regions);
}

}  // namespace

void routine_returned(const routine_state& entered, const char* what, const void* routine,
                      const char* irql_clause, std::uint32_t code, std::uint64_t parameter) {
  const thread* const self = current_if_any();
  const std::uint8_t level = irql();
  if (self != nullptr && self->locks > entered.locks) {
    const held_lock& held = self->held[self->locks - 1];
    violation found;
    found.clause = "WDM-LOCK-007";
    found.rule = held.flavour == lock_flavour::cancel ? "CancelSpinLock" : "SpinLock";
    found.bug_check = code;
    found.parameter[0] = parameter;
    found.parameter[1] = reinterpret_cast<std::uint64_t>(held.word);
    found.parameter[2] = entered.irql;
    found.parameter[3] = level;
    found.object = const_cast<const std::uint64_t*>(held.word);
    found.site = held.site;
    std::snprintf(found.text, sizeof found.text,
                  "%s returned while it still holds the %s %p that it acquired here", what,
                  held.flavour == lock_flavour::cancel ? "cancel spin lock" : "spin lock",
                  static_cast<const void*>(const_cast<const std::uint64_t*>(held.word)));
    if (enforced(code)) report(found);
  }
  BELAY_CONTRACT(level == entered.irql, irql_clause, "IrqlReturn", code,
                 (parameter, reinterpret_cast<std::uint64_t>(routine), entered.irql, level),
                 routine, "%s was called at %s and returned at %s", what, irql_name(entered.irql),
                 irql_name(level));
  if (self == nullptr) return;
  regions_balance(*self, entered, what, routine);
  BELAY_CONTRACT(self->wait_promised == nullptr, "WDM-LOCK-005", "IrqlKeSetEvent", 0xC4,
                 (0x20016, level, 0, 0), routine,
                 "%s returned right after %s with Wait = TRUE; a wait must follow", what,
                 self->wait_promised);
}

}  // namespace belay::inline BELAY_BUILD::kernel
