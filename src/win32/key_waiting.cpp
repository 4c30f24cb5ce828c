// Whether a key waits to be read.
//
// Thread safety: any thread.
#include <fstream>

#include "sync/sync.hpp"

// clang-format off: last, because they define much.
#include <conio.h>
#include <windows.h>
// clang-format on

#if defined(BELAY_EXPLORED)

extern "C" NTKERNELAPI int _kbhit(void) { return 0; }

#else

/// Standard input is asked how much it has; a terminal has something once a line is complete.
extern "C" NTKERNELAPI int _kbhit(void) {
  std::filebuf keys;
  if (keys.open("/dev/stdin", std::ios::in | std::ios::binary) == nullptr) return 0;
  return keys.in_avail() > 0 ? 1 : 0;
}

#endif
