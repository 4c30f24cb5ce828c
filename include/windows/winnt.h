// Belay's own text. What Windows programs share with the kernel: rights, limits, atomics, strings.

#ifndef BELAY_WINDOWS_WINNT_H_
#define BELAY_WINDOWS_WINNT_H_

#ifndef _WINNT_
#define _WINNT_
#endif

#include "parts/access.h"
#include "parts/interlocked.h"
#include "parts/memory.h"
#include "parts/security.h"
#include "parts/wide.h"
#include "parts/win32_nt.h"
#include "windef.h"

#endif
