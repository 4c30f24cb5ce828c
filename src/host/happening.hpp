// A descriptor that becomes readable once something has happened.
//
// Thread safety: tell() from any thread, also in a signal handler; the descriptor is for one
// poll().
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include <sys/eventfd.h>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::host {

class happening {
 public:
  happening() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~happening() { close(descriptor_); }
  happening(const happening&) = delete;
  happening& operator=(const happening&) = delete;

  void tell() const {
    const std::uint64_t one = 1;
    if (write(descriptor_, &one, sizeof one) < 0) std::abort();
  }
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

}  // namespace belay::inline BELAY_BUILD::host
