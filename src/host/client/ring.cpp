#include "host/client/ring.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "kernel/executive.hpp"

namespace belay::inline BELAY_BUILD::host {

using kernel::guard;

namespace {

constexpr unsigned entries = 1024;
constexpr unsigned most_waiting = 16384;  // requests that block in the kernel at a time

}  // namespace

ring* ring::the_ring() {
  static ring the;
  static const bool works = the.start();
  return works ? &the : nullptr;
}

bool ring::start() {
  if (io_uring_queue_init(entries, &ring_, 0) != 0) return false;
  unsigned most[2] = {most_waiting, most_waiting};  // regular files: 4 a processor otherwise
  io_uring_register_iowq_max_workers(&ring_, most);
  return sync::spawn(
             {.name = "io_uring"}, [](void* self) { static_cast<ring*>(self)->listen(); }, this) !=
         sync::no_actor;
}

// REQUIRES: lock_ is held.
io_uring_sqe* ring::entry_for(work& what) {
  io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
  what.number = next_++;
  submitted_[what.number] = &what;
  return entry;
}

// REQUIRES: lock_ is held.
void ring::submit_locked() {
  while (io_uring_submit(&ring_) == -EINTR) {
  }
}

// REQUIRES: lock_ is held; `what` was submitted, or is about to be.
void ring::cancel_locked(const work& what) {
  io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
  io_uring_prep_cancel64(entry, what.number, 0);
  io_uring_sqe_set_data64(entry, 0);
}

// REQUIRES: lock_ is held; `entry` is filled in.
void ring::submit(work& what, io_uring_sqe* entry) {
  io_uring_sqe_set_flags(entry, IOSQE_ASYNC);  // or the submission itself would block
  io_uring_sqe_set_data64(entry, what.number);
  if (what.cancelled) cancel_locked(what);
  submit_locked();
}

void ring::read(work& what, int fd, const iovec* parts, unsigned count, std::int64_t offset) {
  const guard hold(lock_);
  io_uring_sqe* const entry = entry_for(what);
  io_uring_prep_readv(entry, fd, parts, count, static_cast<std::uint64_t>(offset));
  submit(what, entry);
}

void ring::cancel(work& what) {
  const guard hold(lock_);
  what.cancelled = true;
  if (what.number == 0 || submitted_.count(what.number) == 0) return;
  cancel_locked(what);
  submit_locked();
}

void ring::listen() {
  for (;;) {
    io_uring_cqe* done = nullptr;
    const int error = io_uring_wait_cqe(&ring_, &done);
    if (error == -EINTR) continue;
    if (error != 0) {
      std::fprintf(stderr, "belay: io_uring failed: error %d\n", -error);
      std::abort();
    }
    const std::uint64_t number = done->user_data;
    const int result = done->res;
    io_uring_cqe_seen(&ring_, done);
    work* what = nullptr;
    {
      const guard hold(lock_);
      const auto found = submitted_.find(number);
      if (found != submitted_.end()) {
        what = found->second;
        submitted_.erase(found);
      }
    }
    if (what != nullptr) what->done(*what, result);
  }
}

}  // namespace belay::inline BELAY_BUILD::host
