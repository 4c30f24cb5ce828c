// Whether memory of this process can be touched, asked of the system: the same in both builds.
//
// Thread safety: everything, from any thread; the answer is about one moment.
#pragma once

#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include <linux/futex.h>
#include <sys/syscall.h>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::sync::probe {

inline constexpr std::uintptr_t page = 4096;

/// The system looks at the aligned word itself and says EFAULT where a load would fault.
inline bool readable(std::uintptr_t word) {
  const timespec past{};
  syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, 0, &past, nullptr, FUTEX_BITSET_MATCH_ANY);
  return errno != EFAULT;
}

/// The system adds zero to the word in one step, so that nothing another thread writes is lost.
inline bool writable(std::uintptr_t word) {
  static std::uint32_t nobody_waits_here = 0;
  constexpr int add_zero = FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0);
  const long done =
      syscall(SYS_futex, &nobody_waits_here, FUTEX_WAKE_OP_PRIVATE, 0, nullptr, word, add_zero);
  return done >= 0 || errno != EFAULT;
}

inline bool accessible(const volatile void* address, std::size_t size, bool write) {
  if (size == 0) return true;
  const auto first = reinterpret_cast<std::uintptr_t>(address);
  const std::uintptr_t last = first + (size - 1);
  if (last < first) return false;
  const int saved = errno;
  bool can = true;
  for (std::uintptr_t at = first & ~std::uintptr_t{3}; can;) {
    errno = 0;
    can = write ? writable(at) : readable(at);
    const std::uintptr_t next = (at & ~(page - 1)) + page;
    if (next > last || next == 0) break;
    at = next;
  }
  errno = saved;
  return can;
}

}  // namespace belay::inline BELAY_BUILD::sync::probe
