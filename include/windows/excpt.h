// Belay's own text. Structured exception handling, for GCC and Clang, in C and C++.
//
//   __try { A } __except (F) { B }     an exception raised in A runs F, then B if F is 1
//   __try { A } __finally { C }        C runs however A is left, also by return, goto or __leave
//
// What is raised: ExRaiseStatus and its kin, and an access by the guest, below DISPATCH_LEVEL, to
// an address that is not mapped (as a user's bad pointer is). Any other fault is a finding at once.
//
// Differences from Windows' compiler, which do not show in most code:
//   - C blocks between the raise and its handler run before F, not after it.
//   - EXCEPTION_CONTINUE_EXECUTION is refused, with a report: there is no way back.
//   - A local that A changes and B or C reads has to be volatile; otherwise its value there is
//     indeterminate, as after setjmp.
//   - Leaving A by return, goto, break or continue where a C follows needs -O1 or more (belay cc's
//     default); code that is not optimised gets a report there.
//   - The pair is two statements: without braces around it, it is no single body of an if with an
//     else. break and continue in C end C.
//   - In C++ the lower-case words stay what the language says, and no destructor between the raise
//     and the handler runs. A program (not a driver) in C++ has none of these words: __try is also
//     the standard library's.

#ifndef BELAY_WINDOWS_EXCPT_H_
#define BELAY_WINDOWS_EXCPT_H_

#include "parts/compiler.h"

#define EXCEPTION_EXECUTE_HANDLER 1
#define EXCEPTION_CONTINUE_SEARCH 0
#define EXCEPTION_CONTINUE_EXECUTION (-1)

#ifdef __cplusplus
extern "C" {
#endif

struct _EXCEPTION_POINTERS;

// One guarded block in progress, and one termination block; the runtime knows what is in them.
struct BelayTryFrame_ {
  void* Registers[24];
  void* Exit[24];
  void* Runtime[8];
} __attribute__((aligned(16)));
struct BelayFinally_ {
  int Abnormal;
  int Runs;
  void* Runtime[56];
} __attribute__((aligned(16)));

// Returns 0; returns 1 when an exception, or a jump out of the block, comes here instead.
NTKERNELAPI int BelayTryEnter_(struct BelayTryFrame_* Frame) __attribute__((returns_twice));
NTKERNELAPI void BelayTryLeft_(struct BelayTryFrame_* Frame) __attribute__((returns_twice));
NTKERNELAPI void BelayTryEnd_(struct BelayTryFrame_* Frame, int Finally);
NTKERNELAPI int BelayTryCaught_(void* Function);
NTKERNELAPI int BelayTryJudge_(int Disposition, void* Function);
NTKERNELAPI int BelayFinallyRuns_(struct BelayFinally_* Finally);
NTKERNELAPI unsigned int BelayExceptionCode_(void* Function);
NTKERNELAPI struct _EXCEPTION_POINTERS* BelayExceptionPointers_(void* Function);

#ifdef __cplusplus
}
#endif

#if !defined(BELAY_CLIENT) || !defined(__cplusplus)
// clang-format off
#undef __try
#undef __except
#undef __finally
#undef __leave
#define __try                                                                                  \
  {                                                                                            \
    __label__ belay_leave;                                                                     \
    struct BelayTryFrame_ belay_frame __attribute__((__cleanup__(BelayTryLeft_)));             \
    belay_frame.Runtime[0] = __builtin_frame_address(0);                                       \
    if (BelayTryEnter_(&belay_frame) == 0)
#define __except(...)                                                                          \
    belay_leave: __attribute__((__unused__));                                                  \
    BelayTryEnd_(&belay_frame, 0);                                                             \
  }                                                                                            \
  if (BelayTryCaught_(__builtin_frame_address(0)) &&                                           \
      BelayTryJudge_((__VA_ARGS__), __builtin_frame_address(0)))
#define __finally                                                                              \
    belay_leave: __attribute__((__unused__));                                                  \
    BelayTryEnd_(&belay_frame, 1);                                                             \
  }                                                                                            \
  for (struct BelayFinally_ belay_finally = {0, 0, {0}}; BelayFinallyRuns_(&belay_finally);)
#define __leave goto belay_leave
#endif

#ifndef __cplusplus
#undef try
#undef except
#undef finally
#undef leave
#define try __try
#define except __except
#define finally __finally
#define leave __leave
#endif

// Clang predeclares some of these names; a macro gives both compilers one meaning.
#define GetExceptionCode() BelayExceptionCode_(__builtin_frame_address(0))
#define GetExceptionInformation() BelayExceptionPointers_(__builtin_frame_address(0))
#define _exception_code() GetExceptionCode()
#define _exception_info() GetExceptionInformation()
#define exception_code() GetExceptionCode()
#define exception_info() GetExceptionInformation()
#define AbnormalTermination() (belay_finally.Abnormal)
#define _abnormal_termination() AbnormalTermination()
#define abnormal_termination() AbnormalTermination()
// clang-format on

typedef enum _EXCEPTION_DISPOSITION {
  ExceptionContinueExecution,
  ExceptionContinueSearch,
  ExceptionNestedException,
  ExceptionCollidedUnwind
} EXCEPTION_DISPOSITION;

#endif
