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

class device;

struct key_read : belay::claim_routine {
  explicit key_read(device& from) : claim_routine(&on_cancel), from(from) {}
  static void on_cancel(belay::routine& self, belay::reason why) noexcept;
  device& from;
  belay::operation operation;
  char byte = 0;
};

class device {
 public:
  void start(key_read& request) {
    std::unique_lock hold(lock_);
    waiting_.push_back(&request);
    if (request.operation.arm(request)) return;
    waiting_.pop_back();  // cancelled before it began: it is still ours to finish
    hold.unlock();
    request.operation.complete(belay::outcome::canceled);
  }

  void byte_arrives(char byte) {
    std::unique_lock hold(lock_);
    while (!waiting_.empty()) {
      key_read& oldest = *waiting_.front();
      waiting_.pop_front();
      if (oldest.operation.disarm(oldest) != belay::handshake::won) continue;  // its routine's
      hold.unlock();
      oldest.byte = byte;
      oldest.operation.complete(belay::outcome::completed);
      return;
    }
  }

  void forget(key_read& request) {
    const std::lock_guard hold(lock_);
    std::erase(waiting_, &request);
  }

 private:
  std::mutex lock_;
  std::deque<key_read*> waiting_;
};

void key_read::on_cancel(belay::routine& self, belay::reason) noexcept {
  auto& me = static_cast<key_read&>(self);
  me.from.forget(me);
  me.operation.complete(belay::outcome::canceled);  // its last access: the client may free it
}

}  // namespace

int main() {
  using example::check;
  device keyboard;
  int served = 0, cancelled = 0;
  for (int round = 0; round < 200; ++round) {
    key_read first(keyboard), second(keyboard);
    keyboard.start(first);
    keyboard.start(second);
    std::thread user([&] { first.operation.cancel(belay::reason_kind::user); });
    keyboard.byte_arrives('x');
    first.operation.wait();
    user.join();
    const bool is_served = first.operation.outcome() == belay::outcome::completed;
    (is_served ? served : cancelled) += 1;
    // The byte went to the one or the other, and was not lost.
    second.operation.cancel(belay::reason_kind::shutdown);
    second.operation.wait();
    if (first.byte + second.byte != 'x' || is_served != (first.byte == 'x')) served = -1;
  }
  check(served + cancelled == 200, "200 reads: each served or cancelled, no byte lost");

  key_read late(keyboard);
  late.operation.cancel(belay::reason_kind::client_gone);
  keyboard.start(late);
  check(late.operation.outcome() == belay::outcome::canceled, "a read cancelled before it started");
  return example::result();
}
