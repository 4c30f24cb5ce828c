// A blocked read that can be cancelled.
//
// The thread sleeps in poll(2) on two descriptors: the pipe, and one that a request makes readable.
// When both wake it, the operation decides: either the byte is read, or it stays in the pipe.
#include <poll.h>
#include <unistd.h>

#include <thread>

#include <belay/event_fd.hpp>

#include "check.hpp"

namespace {

/// Reads one byte. Reports the outcome of `operation`, and returns it.
belay::outcome read_byte(int from, char& byte, belay::operation& operation) {
  belay::event_fd stop(operation);
  if (!stop.valid()) {
    operation.complete(belay::outcome::failed);
    return belay::outcome::failed;
  }
  pollfd both[] = {{from, POLLIN, 0}, {stop.descriptor(), POLLIN, 0}};
  while (poll(both, 2, -1) < 0) {  // EINTR
  }
  belay::outcome how = belay::outcome::canceled;
  if (stop.unwatch() == belay::handshake::won)  // no request came, and none is served from here on
    how = read(from, &byte, 1) == 1 ? belay::outcome::completed : belay::outcome::failed;
  operation.complete(how);
  return how;
}

struct pipe_pair {
  pipe_pair() { valid = pipe(ends) == 0; }
  ~pipe_pair() {
    close(ends[0]);
    close(ends[1]);
  }
  bool put(char byte) { return write(ends[1], &byte, 1) == 1; }
  bool is_empty() {
    pollfd one = {ends[0], POLLIN, 0};
    return poll(&one, 1, 0) == 0;
  }
  int ends[2] = {-1, -1};
  bool valid = false;
};

}  // namespace

int main() {
  using belay::outcome;
  using example::check;
  {
    pipe_pair pipe;
    belay::operation operation;
    char byte = 0;
    check(pipe.valid, "a pipe");
    std::thread reader([&] { read_byte(pipe.ends[0], byte, operation); });
    operation.cancel(belay::reason_kind::user);  // before it sleeps, or while
    check(operation.wait() && operation.outcome() == outcome::canceled, "a read that had no data");
    reader.join();
  }
  int read = 0, left = 0;
  for (int round = 0; round < 200; ++round) {
    pipe_pair pipe;
    belay::operation operation;
    char byte = 0;
    outcome how = outcome::none;
    std::thread reader([&] { how = read_byte(pipe.ends[0], byte, operation); });
    std::thread user([&] { operation.cancel(belay::reason_kind::client_gone); });
    pipe.put('x');
    reader.join();
    user.join();
    if (how == outcome::completed && byte == 'x' && pipe.is_empty()) ++read;
    if (how == outcome::canceled && byte == 0 && !pipe.is_empty()) ++left;
  }
  check(read + left == 200,
        "200 races of data and request: the byte was read, or left in the pipe");
  return example::result();
}
