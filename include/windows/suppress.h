// Belay's own text. Windows names the numbers of static analysis warnings here; sources only use
// them in pragmas.

#ifndef BELAY_WINDOWS_SUPPRESS_H_
#define BELAY_WINDOWS_SUPPRESS_H_

#endif
