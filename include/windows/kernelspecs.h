// Belay's own text. Kernel annotations under their newer header name.

#ifndef BELAY_WINDOWS_KERNELSPECS_H_
#define BELAY_WINDOWS_KERNELSPECS_H_

#include "driverspecs.h"

#endif
