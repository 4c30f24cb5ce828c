// Belay's own text. Structured exception handling, as far as source needs it to compile.
//
// A guest's fault is a finding (or, hosted, a bug check), never something to carry on from: so no
// exception is ever delivered to a handler.
//
//   __try     runs its block;
//   __except  never runs its block and never evaluates its filter, but both must compile;
//   __finally runs its block when the guarded block is left at its end.
//
// Limits, all of them visible in the source: leaving a guarded block by return, goto, break or
// continue skips its __finally block; __leave does not compile (there is no place to jump to);
// ExRaiseStatus and its kin end the execution instead of finding a handler. In C++ the lower-case
// words stay what the language says.

#ifndef BELAY_WINDOWS_EXCPT_H_
#define BELAY_WINDOWS_EXCPT_H_

#include "parts/compiler.h"

// clang-format off
#undef __try
#undef __except
#undef __finally
#undef __leave
#define __try if (1)
#define __except(filter) else if (0 && (filter))
#define __finally
#define __leave _Pragma("GCC error \"Belay's __try has no __leave: use goto\"")

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
// clang-format on

#define EXCEPTION_EXECUTE_HANDLER 1
#define EXCEPTION_CONTINUE_SEARCH 0
#define EXCEPTION_CONTINUE_EXECUTION (-1)

// Clang predeclares some of these names; a macro gives both compilers one meaning.
static FORCEINLINE unsigned int BelayNoException_(void) { return 0; }
static FORCEINLINE struct _EXCEPTION_POINTERS* BelayNoExceptionPointers_(void) {
  return (struct _EXCEPTION_POINTERS*)0;
}
#define GetExceptionCode() BelayNoException_()
#define GetExceptionInformation() BelayNoExceptionPointers_()
#define _exception_code() BelayNoException_()
#define _exception_info() BelayNoExceptionPointers_()
#define exception_code() BelayNoException_()
#define exception_info() BelayNoExceptionPointers_()
#define AbnormalTermination() 0
#define _abnormal_termination() 0
#define abnormal_termination() 0

typedef enum _EXCEPTION_DISPOSITION {
  ExceptionContinueExecution,
  ExceptionContinueSearch,
  ExceptionNestedException,
  ExceptionCollidedUnwind
} EXCEPTION_DISPOSITION;

#endif
