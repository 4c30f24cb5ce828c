// One io_uring of the process, and the thread that hears of what it has done.
//
// Thread safety: everything, from any thread.
// Invariants: a work's number is never given twice, so that a cancel that comes late finds nothing.
#pragma once

#include <liburing.h>

#include <cstdint>
#include <unordered_map>

#include <sys/uio.h>

#include "sync/sync.hpp"

namespace belay::inline BELAY_BUILD::host {

/// One entry of the ring.
struct work {
  std::uint64_t number = 0;  ///< 0: not submitted
  bool cancelled = false;    ///< before it was submitted
  /// `result`: what the system call returned, or the negative errno. On the ring's thread.
  void (*done)(work& self, int result) = nullptr;
};

class ring {
 public:
  /// The process's; made when first asked for. nullptr: this kernel has no io_uring for us.
  static ring* the_ring();

  /// Reads into `parts`, which stay until `done`. `fd` blocks.
  void read(work& what, int fd, const iovec* parts, unsigned count, std::int64_t offset);
  /// Asks for the end of a work; before it was submitted it is remembered.
  void cancel(work& what);

 private:
  bool start();
  void listen();
  io_uring_sqe* entry_for(work& what);
  void submit(work& what, io_uring_sqe* entry);
  void cancel_locked(const work& what);
  void submit_locked();

  io_uring ring_{};
  sync::inner_lock lock_;
  std::uint64_t next_ = 1;
  std::unordered_map<std::uint64_t, work*> submitted_;
};

}  // namespace belay::inline BELAY_BUILD::host
