// Whose thread it is that FUSE names.
//
// Thread safety: any thread.
#include "host/process_of.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <sys/syscall.h>

namespace belay::inline BELAY_BUILD::host {

int process_of(int thread, int likely) {
  if (thread <= 0 || thread == likely) return thread;
  // Signal 0 is none: it only asks whether the one belongs to the other.
  if (likely > 0 && (syscall(SYS_tgkill, likely, thread, 0) == 0 || errno == EPERM)) return likely;
  char path[40];
  std::snprintf(path, sizeof path, "/proc/%d/status", thread);
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return thread;
  char text[512];
  const ssize_t got = read(file, text, sizeof text - 1);
  close(file);
  text[got > 0 ? got : 0] = '\0';
  const char* const line = std::strstr(text, "\nTgid:");
  const int found = line == nullptr ? 0 : std::atoi(line + 6);
  return found > 0 ? found : thread;
}

}  // namespace belay::inline BELAY_BUILD::host
