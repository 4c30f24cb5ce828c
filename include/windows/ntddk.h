// Belay's own text. What a kernel driver includes: wdm.h, and what older drivers have beside it.

#ifndef BELAY_WINDOWS_NTDDK_H_
#define BELAY_WINDOWS_NTDDK_H_

#ifndef _NTDDK_
#define _NTDDK_
#endif

#include "wdm.h"

#endif
