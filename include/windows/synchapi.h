// Belay's own text. Waits, objects to wait for, locks.

#ifndef BELAY_WINDOWS_SYNCHAPI_H_
#define BELAY_WINDOWS_SYNCHAPI_H_

#include "parts/win32_lock.h"
#include "parts/win32_object.h"
#include "parts/win32_thread.h"

#endif
