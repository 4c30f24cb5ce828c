// What every example prints and returns: a line for each thing that it shows, and whether all held.
#pragma once

#include <cstdio>

namespace example {

inline int failed = 0;

/// Callers: one thread, normally main().
inline void check(bool holds, const char* what) {
  std::printf("%s  %s\n", holds ? "ok  " : "FAIL", what);
  if (!holds) ++failed;
}

/// What main() returns.
inline int result() { return failed == 0 ? 0 : 1; }

}  // namespace example
