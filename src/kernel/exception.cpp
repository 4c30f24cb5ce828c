#include "kernel/exception.hpp"

#include <cstdio>
#include <new>

#include "kernel/api.hpp"
#include "kernel/exception_jump.hpp"
#include "kernel/parts.hpp"

#include <ntifs.h>

namespace belay::inline BELAY_BUILD::kernel {

namespace {

enum class progress : std::uint8_t {
  running,  ///< in the guarded block
  raised,   ///< an exception has come to it
  leaving,  ///< a jump out of it is on its way, see try_frame::exit
  ended,    ///< nothing more to do for it
};

/// BelayTryFrame_, as the runtime sees it.
struct try_frame {
  void* registers[24];
  void* exit[24];        ///< where a jump out of the block goes on
  const void* function;  ///< the frame of the function that has the block
  try_frame* outer;
  progress state;
  std::uint8_t seals;
};
static_assert(sizeof(try_frame) <= sizeof(BelayTryFrame_));

/// How control came to a termination block, and where it goes from there.
struct termination {
  enum class cause : std::uint8_t { none, end_of_block, exception, jump } why;
  void* exit[24];
  EXCEPTION_RECORD record;
};

/// BelayFinally_, as the runtime sees it.
struct finally_block {
  int abnormal;
  int runs;
  termination how;
};
static_assert(sizeof(finally_block) <= sizeof(BelayFinally_));

/// An exception that an __except has come to, for GetExceptionCode there.
struct caught {
  const void* function;
  EXCEPTION_RECORD record;
  EXCEPTION_POINTERS pointers;
};

}  // namespace

struct try_state {
  static constexpr int most_caught = 16;
  try_frame* top = nullptr;
  EXCEPTION_RECORD flying{};  ///< raised, and not yet come to its __except or __finally
  bool arrived = false;       ///< it is at an __except that has not asked for it yet
  termination next{};         ///< for the __finally that starts next
  caught handled[most_caught];
  int handled_count = 0;
};

namespace {

try_state& tries() {
  thread& self = current();
  if (self.tries == nullptr) self.tries = make<try_state>();
  return *self.tries;
}

[[noreturn]] void unhandled(const EXCEPTION_RECORD& record, const char* clause) {
  const bool system = is_system_thread(current());
  violation what;
  what.clause = clause;
  what.rule = system ? "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED" : "KMODE_EXCEPTION_NOT_HANDLED";
  what.bug_check = system ? 0x7E : 0x1E;
  what.parameter[0] = static_cast<ULONG>(record.ExceptionCode);
  what.parameter[1] = reinterpret_cast<std::uint64_t>(record.ExceptionAddress);
  what.parameter[2] = system ? 0 : record.ExceptionInformation[0];
  what.parameter[3] = system ? 0 : record.ExceptionInformation[1];
  what.site = record.ExceptionAddress;
  std::snprintf(what.text, sizeof what.text,
                "the exception 0x%08X was raised and nobody handles it",
                static_cast<ULONG>(record.ExceptionCode));
  report(what);
}

[[noreturn]] void raise(const EXCEPTION_RECORD& record, const char* clause) {
  try_state& state = tries();
  try_frame* const frame = state.top;
  if (frame == nullptr) unhandled(record, clause);
  state.top = frame->outer;
  state.flying = record;
  frame->state = progress::raised;
  sync::set_seals(frame->seals);
  belay_try_resume(frame->registers);
}

/// Functions whose frames lie deeper than `function` have gone.
void forget_deeper(try_state& state, const void* function) {
  while (state.handled_count > 0 && state.handled[state.handled_count - 1].function <= function) {
    --state.handled_count;
  }
}

caught* find_caught(const void* function) {
  try_state& state = tries();
  for (int i = state.handled_count - 1; i >= 0; --i) {
    if (state.handled[i].function == function) return &state.handled[i];
  }
  return nullptr;
}

}  // namespace

bool in_guarded_block() {
  const thread* const self = current_if_any();
  return self != nullptr && self->tries != nullptr && self->tries->top != nullptr;
}

bool catches_fault(std::uintptr_t address) {
  return irql() < dispatch_level && address < user_probe_address && in_guarded_block() &&
         !sync::is_accessible(reinterpret_cast<const void*>(address), 1, false);
}

void raise_fault(std::uintptr_t address, bool write, const void* site) {
  EXCEPTION_RECORD record{};
  record.ExceptionCode = static_cast<NTSTATUS>(status_access_violation);
  record.ExceptionAddress = const_cast<void*>(site);
  record.NumberParameters = 2;
  record.ExceptionInformation[0] = write ? 1 : 0;
  record.ExceptionInformation[1] = address;
  raise(record, "WDM-IRP-014");
}

void raise_exception(std::uint32_t status, const void* site, const char* clause) {
  EXCEPTION_RECORD record{};
  record.ExceptionCode = static_cast<NTSTATUS>(status);
  record.ExceptionFlags = EXCEPTION_NONCONTINUABLE;
  record.ExceptionAddress = const_cast<void*>(site);
  raise(record, clause);
}

void leave_all_blocks(thread& self) {
  if (self.tries == nullptr) return;
  self.tries->top = nullptr;
  self.tries->arrived = false;
  self.tries->handled_count = 0;
}

void free_tries(thread& self) {
  if (self.tries != nullptr) discard(self.tries);
  self.tries = nullptr;
}

}  // namespace belay::inline BELAY_BUILD::kernel

using namespace belay;
using namespace belay::kernel;

extern "C" {

// ---- what the macros of excpt.h call
// -------------------------------------------------------------

/// The second half of BelayTryEnter_.
int belay_try_push(void* at) {
  auto* const frame = static_cast<try_frame*>(at);
  try_state& state = tries();
  frame->outer = state.top;
  frame->state = progress::running;
  frame->seals = sync::seals();
  state.top = frame;
  return 0;
}

/// The second half of BelayTryLeft_, the end of the block's scope. A jump out of the block goes the
/// way an exception would; what stands behind the block says whether it may pass.
void belay_try_leaving(void* at) {
  auto* const frame = static_cast<try_frame*>(at);
  if (frame->state == progress::ended) return;
  tries().top = frame->outer;
  frame->state = progress::leaving;
  belay_try_resume(frame->registers);
}

/// The block's end, or what came instead.
void BelayTryEnd_(BelayTryFrame_* Frame, int Finally) {
  auto* const frame = reinterpret_cast<try_frame*>(Frame);
  try_state& state = tries();
  const progress was = frame->state;
  frame->state = progress::ended;
  if (was == progress::running) state.top = frame->outer;
  if (Finally == 0) {
    if (was == progress::leaving) belay_try_resume(frame->exit);
    state.arrived = was == progress::raised;
    return;
  }
  using cause = termination::cause;
  state.next.why = was == progress::raised    ? cause::exception
                   : was == progress::leaving ? cause::jump
                                              : cause::end_of_block;
  copy_bytes(state.next.exit, frame->exit, sizeof frame->exit);
  state.next.record = state.flying;
}

/// Whether an exception has come to the __except behind the block.
int BelayTryCaught_(void* Function) {
  thread* const self = current_if_any();
  if (self == nullptr || self->tries == nullptr || !self->tries->arrived) return 0;
  try_state& state = *self->tries;
  state.arrived = false;
  forget_deeper(state, Function);
  BELAY_ASSERT(state.handled_count < try_state::most_caught);
  caught& it = state.handled[state.handled_count++];
  it.function = Function;
  it.record = state.flying;
  it.pointers = {&it.record, nullptr};
  return 1;
}

/// What the filter said. Returns: 1 if the handler runs. Contract: WDM-EX-001
int BelayTryJudge_(int Disposition, void* Function) {
  if (Disposition > 0) return 1;
  const caught* const it = find_caught(Function);
  BELAY_ASSERT(it != nullptr);
  const EXCEPTION_RECORD record = it->record;
  BELAY_CONTRACT(Disposition == 0, "WDM-EX-001", "STATUS_NONCONTINUABLE_EXCEPTION", 0x1E,
                 (0xC0000025, reinterpret_cast<std::uint64_t>(record.ExceptionAddress),
                  static_cast<ULONG>(record.ExceptionCode), 0),
                 nullptr,
                 "a filter answered EXCEPTION_CONTINUE_EXECUTION to exception 0x%08X; the "
                 "execution cannot go on where it was raised",
                 static_cast<ULONG>(record.ExceptionCode));
  raise(record, "WDM-IRP-025");
}

/// 1 before the termination block, and 0 after it; or the exception or the jump goes on.
int BelayFinallyRuns_(BelayFinally_* Finally) {
  auto* const block = reinterpret_cast<finally_block*>(Finally);
  using cause = termination::cause;
  if (block->runs == 0) {
    block->runs = 1;
    block->how = tries().next;
    tries().next.why = cause::none;
    // Code that is not optimised shares one way out of the block among all exits, and forgets here
    // which one it was on.
    BELAY_CONTRACT(block->how.why != cause::none, "WDM-EX-001", "", 0, (0, 0, 0, 0), nullptr,
                   "a guarded block with a __finally was left by return, goto, break or continue in "
                   "code compiled without optimisation; compile it with -O1");
    block->abnormal = block->how.why != cause::end_of_block;
    return 1;
  }
  if (block->how.why == cause::exception) raise(block->how.record, "WDM-IRP-025");
  if (block->how.why == cause::jump) belay_try_resume(block->how.exit);
  return 0;
}

unsigned int BelayExceptionCode_(void* Function) {
  const caught* const it = find_caught(Function);
  return it != nullptr ? static_cast<unsigned int>(it->record.ExceptionCode) : 0;
}
_EXCEPTION_POINTERS* BelayExceptionPointers_(void* Function) {
  caught* const it = find_caught(Function);
  return it != nullptr ? &it->pointers : nullptr;
}

// ---- raising
// -------------------------------------------------------------------------------------

/// Raises an exception. Contract: WDM-IRP-025 (0x1E, 0x7E): somebody handles it.
VOID ExRaiseStatus(NTSTATUS Status) {
  BELAY_EXPORT(ExRaiseStatus, nullptr);
  raise_exception(static_cast<ULONG>(Status), __builtin_return_address(0));
}
VOID ExRaiseAccessViolation(VOID) {
  BELAY_EXPORT(ExRaiseAccessViolation, nullptr);
  raise_exception(status_access_violation, __builtin_return_address(0));
}
VOID ExRaiseDatatypeMisalignment(VOID) {
  BELAY_EXPORT(ExRaiseDatatypeMisalignment, nullptr);
  raise_exception(status_datatype_misalignment, __builtin_return_address(0));
}

}  // extern "C"
