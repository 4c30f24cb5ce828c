// Belay's own text. Another name of windef.h.

#include "windef.h"
