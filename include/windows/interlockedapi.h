// Belay's own text. Interlocked operations.

#ifndef BELAY_WINDOWS_INTERLOCKEDAPI_H_
#define BELAY_WINDOWS_INTERLOCKEDAPI_H_

#include "winnt.h"

#endif
