// Belay's own text. Windows marks old string functions as deprecated here; Belay leaves that to the
// compiler.

#ifndef BELAY_WINDOWS_DONTUSE_H_
#define BELAY_WINDOWS_DONTUSE_H_

#endif
