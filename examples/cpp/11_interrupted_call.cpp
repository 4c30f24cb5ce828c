// A plain blocking call that a request ends: by a signal, without a second descriptor.
//
// Whenever the request comes, before, while or after the thread sleeps in read(2), it is not lost;
// and neither is a byte: what the kernel has read is returned.
#include <unistd.h>

#include <thread>

#include <belay/interruptible.hpp>

#include "check.hpp"

namespace {

struct pipe_pair {
  pipe_pair() { valid = pipe(ends) == 0; }
  ~pipe_pair() {
    close(ends[0]);
    close(ends[1]);
  }
  int ends[2] = {-1, -1};
  bool valid = false;
};

}  // namespace

int main() {
  using belay::outcome;
  using example::check;
  pipe_pair pipe;
  check(pipe.valid, "a pipe");

  {  // Nobody writes.
    belay::operation operation;
    std::thread reader([&] {
      belay::interruptible calls(operation);
      char byte = 0;
      const belay::call_result got = calls.read(pipe.ends[0], &byte, 1);
      calls.unwatch();
      operation.complete(got.is_cancelled() ? outcome::canceled : outcome::completed);
    });
    operation.cancel(belay::reason_kind::user);
    check(operation.wait() && operation.outcome() == outcome::canceled, "the read was cancelled");
    reader.join();
  }

  // Somebody writes eight bytes, and cancels in the middle.
  int sent = 0, received = 0;
  bool none_lost = true;
  for (int round = 0; round < 100; ++round) {
    belay::source stop;
    std::thread writer([&] {
      for (int i = 0; i < 8; ++i) {
        if (i == 4) stop.cancel(belay::reason_kind::shutdown);
        const char byte = static_cast<char>(sent);
        if (write(pipe.ends[1], &byte, 1) == 1) ++sent;
      }
    });
    belay::interruptible calls(stop);
    for (;;) {
      char byte = 0;
      const belay::call_result got = calls.read(pipe.ends[0], &byte, 1);
      if (got.is_cancelled()) break;
      none_lost = none_lost && got.value == 1 && byte == static_cast<char>(received);
      ++received;
    }
    writer.join();
  }
  close(pipe.ends[1]);
  pipe.ends[1] = -1;
  for (char byte = 0; read(pipe.ends[0], &byte, 1) == 1; ++received)  // what is left
    none_lost = none_lost && byte == static_cast<char>(received);
  check(none_lost && received == sent, "100 reads cancelled among bytes: each byte came once");
  return example::result();
}
