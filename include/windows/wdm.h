// Belay's own text. The Windows Driver Model: include this (or ntddk.h, ntifs.h) in a driver.
//
// Same names, types, values and structure layouts as on x64 Windows. List, interlocked and IRP
// stack functions are inline, hence the guest's own memory accesses; all else is a call into Belay.

#ifndef BELAY_WINDOWS_WDM_H_
#define BELAY_WINDOWS_WDM_H_

#ifndef _WDM_
#define _WDM_
#endif
#ifndef _WDMDDK_
#define _WDMDDK_
#endif

#ifndef NTDDI_VERSION
#define NTDDI_VERSION 0x0A00000C
#endif
#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0A00
#endif
#ifndef WINVER
#define WINVER _WIN32_WINNT
#endif

#include <stdarg.h>
#include <stddef.h>

#include "bugcodes.h"
#include "devioctl.h"
#include "ntdef.h"
#include "ntstatus.h"
#include "parts/access.h"
#include "parts/access_nt.h"
#include "parts/compiler.h"
#include "parts/ex.h"
#include "parts/file_info.h"
#include "parts/interlocked.h"
#include "parts/io.h"
#include "parts/io_constants.h"
#include "parts/io_csq.h"
#include "parts/io_remove_lock.h"
#include "parts/io_types.h"
#include "parts/irp.h"
#include "parts/ke.h"
#include "parts/ke_types.h"
#include "parts/list.h"
#include "parts/memory.h"
#include "parts/mm.h"
#include "parts/ob_ps.h"
#include "parts/pnp.h"
#include "parts/po.h"
#include "parts/power_types.h"
#include "parts/rtl.h"
#include "parts/security.h"
#include "parts/wide.h"
#include "parts/zw.h"
#include "suppress.h"

#define ALLOC_PRAGMA 1

#endif
