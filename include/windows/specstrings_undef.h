// Belay's own text. Windows removes the legacy annotations here; Belay leaves them.

#ifndef BELAY_WINDOWS_SPECSTRINGS_UNDEF_H_
#define BELAY_WINDOWS_SPECSTRINGS_UNDEF_H_

#include "sal.h"

#endif
