// A claim routine, as a device driver has one: whoever takes it out owns the request.
//
// Reads wait in a device's queue. A byte arrives and the device serves the oldest one; meanwhile
// anybody may cancel any of them. The device's disarm() and the canceller decide by one exchange
// who finishes a read. The canceller does not touch the request after it called the routine, and
// nobody waits for it.
#include <algorithm>
#include <deque>
#include <mutex>
#include <thread>

#include <belay/operation.hpp>

#include "check.hpp"

namespace {

struct device;

struct key_read : belay::claim_routine {
  explicit key_read(device& from) : claim_routine(&on_cancel), from(from) {}
  static void on_cancel(belay::routine& self, belay::reason why) noexcept;
  device& from;
  belay::operation operation;
  char byte = 0;
};

struct device {
  void start(key_read& request) {
    std::unique_lock hold(lock);
    waiting.push_back(&request);
    if (request.operation.arm(request)) return;
    waiting.pop_back();  // cancelled before it began: it is still ours to finish
    hold.unlock();
    request.operation.complete(belay::outcome::canceled);
  }

  void byte_arrives(char byte) {
    std::unique_lock hold(lock);
    while (!waiting.empty()) {
      key_read& oldest = *waiting.front();
      waiting.pop_front();
      if (oldest.operation.disarm(oldest) != belay::handshake::won) continue;  // its routine's
      hold.unlock();
      oldest.byte = byte;
      oldest.operation.complete(belay::outcome::completed);
      return;
    }
  }

  std::mutex lock;
  std::deque<key_read*> waiting;
};

void key_read::on_cancel(belay::routine& self, belay::reason) noexcept {
  auto& me = static_cast<key_read&>(self);
  {
    const std::lock_guard hold(me.from.lock);
    std::erase(me.from.waiting, &me);
  }
  me.operation.complete(belay::outcome::canceled);  // its last access: the client may free it
}

}  // namespace

int main() {
  using example::check;
  device keyboard;
  bool right = true;
  for (int round = 0; round < 200; ++round) {
    key_read first(keyboard), second(keyboard);
    keyboard.start(first);
    keyboard.start(second);
    std::thread user([&] { first.operation.cancel(belay::reason_kind::user); });
    keyboard.byte_arrives('x');
    first.operation.wait();
    user.join();
    second.operation.cancel(belay::reason_kind::shutdown);  // too late, if it got the byte
    second.operation.wait();
    const bool is_served = first.operation.outcome() == belay::outcome::completed;
    right = right && first.byte + second.byte == 'x' && is_served == (first.byte == 'x');
  }
  check(right, "200 times two reads: the byte went to one of them, the other was cancelled");

  key_read late(keyboard);
  late.operation.cancel(belay::reason_kind::client_gone);
  keyboard.start(late);
  check(late.operation.outcome() == belay::outcome::canceled, "one cancelled before it started");
  return example::result();
}
