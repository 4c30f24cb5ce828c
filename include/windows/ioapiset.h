// Belay's own text. Overlapped I/O, cancellation, completion ports.

#ifndef BELAY_WINDOWS_IOAPISET_H_
#define BELAY_WINDOWS_IOAPISET_H_

#include "parts/win32_io.h"

#endif
