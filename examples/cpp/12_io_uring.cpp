// A read of an io_uring that a request cancels, from any thread.
//
// The ring belongs to one thread. A request that comes elsewhere is handed to it and asks the
// kernel; the answer and the read's own completion arrive in either order, and what became of it is
// said once.
#include <liburing.h>
#include <unistd.h>

#include <thread>

#include <belay/operation.hpp>
#include <belay/uring_canceller.hpp>

#include "check.hpp"

namespace {

struct ring_read : belay::uring_request {
  explicit ring_read(belay::uring_canceller& by) : uring_request(by, number, &on_over) {}
  static void on_over(uring_request& self) noexcept { ++static_cast<ring_read&>(self).overs; }
  static constexpr std::uint64_t number = 7;
  int overs = 0;
};

/// Starts a read of one byte and runs the ring until it is over.
void run(io_uring& ring, belay::uring_canceller& canceller, ring_read& read,
         belay::operation& operation, int from, char& byte) {
  if (!read.start(operation)) {
    operation.complete(belay::outcome::canceled);
    return;
  }
  io_uring_sqe* const entry = io_uring_get_sqe(&ring);
  io_uring_prep_read(entry, from, &byte, 1, 0);
  io_uring_sqe_set_data64(entry, ring_read::number);
  io_uring_submit(&ring);
  while (read.overs == 0) {
    io_uring_cqe* came = nullptr;
    if (io_uring_wait_cqe(&ring, &came) != 0) continue;
    if (!canceller.take(*came)) read.finish(came->res);
    io_uring_cqe_seen(&ring, came);
  }
}

}  // namespace

int main() {
  using belay::outcome;
  using example::check;
  io_uring ring;
  if (const int error = io_uring_queue_init(8, &ring, 0); error != 0) {
    std::printf("skip  io_uring is not to be had here: error %d\n", -error);
    return 0;
  }
  {
    belay::uring_canceller canceller(ring);
    check(canceller.valid(), "a ring that can cancel");
    bool right = true;
    for (int round = 0; round < 100; ++round) {
      int ends[2];
      if (pipe(ends) != 0) return 1;
      belay::operation operation;
      ring_read read(canceller);
      char byte = 0;
      std::thread user([&] { operation.cancel(belay::reason_kind::user); });
      if (round % 2 != 0) right = write(ends[1], "x", 1) == 1 && right;  // else nothing ever comes
      run(ring, canceller, read, operation, ends[0], byte);
      user.join();
      const bool asked = operation.cancelled();
      right = right && operation.outcome() != outcome::none && (asked || byte == 'x') &&
              (operation.outcome() != outcome::canceled || asked) &&
              (operation.outcome() != outcome::completed || byte == 'x');
      close(ends[0]);
      close(ends[1]);
    }
    check(right, "100 reads, each ended once: with its byte, or cancelled");
  }
  io_uring_queue_exit(&ring);
  return example::result();
}
