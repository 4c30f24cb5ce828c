// Belay's own text. Annotations under their older header name.

#ifndef BELAY_WINDOWS_SPECSTRINGS_H_
#define BELAY_WINDOWS_SPECSTRINGS_H_

#include "sal.h"

#endif
