// Belay's own text. What the parts of the C runtime have in common.

#ifndef BELAY_WINDOWS_PARTS_WIN32_CRT_H_
#define BELAY_WINDOWS_PARTS_WIN32_CRT_H_

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "library.h"

typedef int errno_t;
typedef size_t rsize_t;
typedef long long __time64_t;
#define _TRUNCATE ((size_t)-1)
#define _CRT_DECLARE_NONSTDC_NAMES 1
#define _CRTIMP NTKERNELAPI
#define _CRTIMP2 NTKERNELAPI
#define _ACRTIMP NTKERNELAPI
#define _MAX_PATH 260
#define _MAX_DRIVE 3
#define _MAX_DIR 256
#define _MAX_FNAME 256
#define _MAX_EXT 256
#define _countof(a) (sizeof(a) / sizeof((a)[0]))

#ifdef __cplusplus
extern "C" {
#endif

typedef void (*_invalid_parameter_handler)(const wchar_t*, const wchar_t*, const wchar_t*,
                                           unsigned int, uintptr_t);
/// A function was given an argument that it does not take: runs the handler that the program set,
/// else ends the program, as Windows does (exit code 0xC0000417). `function` is its name.
_CRTIMP void BelayInvalidParameter(const char* function);
_CRTIMP _invalid_parameter_handler _set_invalid_parameter_handler(_invalid_parameter_handler);

#ifdef __cplusplus
}
#endif

#endif
