// Belay's own text. The calls of the base system: all of its parts.

#ifndef BELAY_WINDOWS_WINBASE_H_
#define BELAY_WINDOWS_WINBASE_H_

#include "parts/win32_error.h"
#include "parts/win32_file.h"
#include "parts/win32_handle.h"
#include "parts/win32_io.h"
#include "parts/win32_lock.h"
#include "parts/win32_memory.h"
#include "parts/win32_object.h"
#include "parts/win32_process.h"
#include "parts/win32_text.h"
#include "parts/win32_thread.h"
#include "parts/win32_time.h"

#endif
