// Belay's own text. Windows removes the SAL 2 annotations here; Belay leaves them, since they are
// all empty.

#ifndef BELAY_WINDOWS_NO_SAL2_H_
#define BELAY_WINDOWS_NO_SAL2_H_

#include "sal.h"

#endif
