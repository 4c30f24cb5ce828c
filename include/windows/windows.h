// Belay's own text. What a Windows program includes: files, waits, threads, services, strings.
//
// Same names, types, values and structure layouts as on x64 Windows. Interlocked operations and
// string functions that know their size are inline, hence the program's own memory accesses; all
// else is a call into Belay.

#ifndef BELAY_WINDOWS_WINDOWS_H_
#define BELAY_WINDOWS_WINDOWS_H_

#ifndef _WINDOWS_
#define _WINDOWS_
#endif
#ifndef _INC_WINDOWS
#define _INC_WINDOWS
#endif

#include <ctype.h>
#include <stdarg.h>

#include "excpt.h"
#include "parts/win32_version.h"
#include "winbase.h"
#include "wincon.h"
#include "windef.h"
#include "winerror.h"
#include "winnt.h"
#ifndef NOSERVICE
#include "winsvc.h"
#endif
#ifndef WIN32_LEAN_AND_MEAN
#include "winioctl.h"
#endif

#endif
