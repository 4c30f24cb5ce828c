// How the runtime says that the guest (driver) broke a rule.
//
// Thread safety: callable from any actor at any IRQL.
// Invariants: a violation is reported once and is the end of the guest: the sink does not return to
// it. Hosted, the default sink prints the bug-check screen and ends the process; explored, the
// explorer's sink records the finding and abandons the execution.
#pragma once

#include <cstdint>

#include "sync/sync.hpp"

namespace belay::inline BELAY_BUILD::kernel {

/// One broken rule, in the terms that Windows would use for it.
struct violation {
  const char* clause = "";       ///< id in contracts/*.toml, e.g. "WDM-CANCEL-011"
  const char* rule = "";         ///< Windows' name for it (SDV/Driver Verifier rule or bug check), or ""
  std::uint32_t bug_check = 0;   ///< bug-check code Windows would raise; 0 if it would just hang
  std::uint64_t parameter[4] = {};
  const void* object = nullptr;  ///< the IRP, lock or block it is about
  const void* site = nullptr;    ///< code address in the guest; nullptr: where the current call came from
  char text[240] = {};           ///< what happened, one sentence, naming the guest's terms
};

using violation_sink = void (*)(const violation&);

/// Installs the sink. Callers: set-up, before any guest code runs. nullptr restores the default.
void set_violation_sink(violation_sink sink);

/// Reports `what` and does not return to the guest.
[[noreturn]] void report(const violation& what);

/// Reports with a printf-style text.
[[noreturn]] void fail(const char* clause, const char* rule, std::uint32_t bug_check,
                       const std::uint64_t (&parameter)[4], const void* object, const char* format,
                       ...) __attribute__((format(printf, 6, 7)));

/// Whether a rule with this bug check is checked: not the verifier's (0xC4, 0xC9) when it is off
/// (kernel/verifier.hpp).
bool enforced(std::uint32_t bug_check);

}  // namespace belay::inline BELAY_BUILD::kernel

/// The guest's duty: when `condition` is false the guest broke `clause`.
/// BELAY_CONTRACT(cond, "WDM-CANCEL-011", "DoubleCompletion", 0x44, (p1, p2, p3, p4), object, "text %p", x)
#define BELAY_UNPACK(...) {__VA_ARGS__}
#define BELAY_CONTRACT(condition, clause, rule, code, parameters, object, ...)                      \
  do {                                                                                              \
    if (!(condition) && ::belay::kernel::enforced(code)) [[unlikely]]                                \
      ::belay::kernel::fail(clause, rule, code, BELAY_UNPACK parameters, object, __VA_ARGS__);      \
  } while (false)

/// Our own duty. Always on.
#define BELAY_ASSERT(condition)                                                                     \
  do {                                                                                              \
    if (!(condition)) [[unlikely]]                                                                  \
      ::belay::kernel::assertion_failed(#condition, __FILE__, __LINE__);                            \
  } while (false)

namespace belay::inline BELAY_BUILD::kernel {
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);
}
