// Many listeners on one source, and how to take one out safely.
//
// remove() says what happened: the listener never runs, or it ran and has returned. It waits for
// its own listener only, and not at all from inside it; try_remove() never waits.
#include <atomic>
#include <memory>
#include <thread>

#include <belay/source.hpp>

#include "check.hpp"

namespace {

struct numbered : belay::listener {
  explicit numbered(int& log, int number) : listener(&on_cancel), log(log), number(number) {}
  static void on_cancel(listener& self, belay::reason) noexcept {
    auto& me = static_cast<numbered&>(self);
    me.log = me.log * 10 + me.number;
  }
  int& log;
  int number;
};

/// Destroys itself when it is cancelled, as a connection that closes.
struct self_owned : belay::listener {
  self_owned(belay::source& from, bool& gone) : listener(&on_cancel), from(from), gone(gone) {}
  static void on_cancel(listener& self, belay::reason) noexcept {
    const std::unique_ptr<self_owned> me(static_cast<self_owned*>(&self));
    me->gone = me->from.remove(*me) == belay::handshake::cancelled_inside;
  }
  belay::source& from;
  bool& gone;
};

/// Stays in its callback until it is let go.
struct slow : belay::listener {
  slow() : listener(&on_cancel) {}
  static void on_cancel(listener& self, belay::reason) noexcept {
    auto& me = static_cast<slow&>(self);
    me.entered = true;
    me.entered.notify_one();
    me.let_go.wait(false);
    me.effect = 1;
  }
  std::atomic<bool> entered = false, let_go = false;
  int effect = 0;
};

}  // namespace

int main() {
  using example::check;
  {
    belay::source stop;
    int log = 0;
    numbered one(log, 1), two(log, 2), three(log, 3);
    stop.add(one);
    stop.add(two);
    stop.add(three);
    check(stop.remove(two) == belay::handshake::won, "removed in time: it never runs");
    check(stop.cancel(belay::reason_kind::user) == belay::cancel_result::claimed, "cancelled");
    check(log == 31, "the others ran, the last added first");
    check(stop.remove(one) == belay::handshake::cancelled, "removed too late: it ran and returned");
    check(!stop.add(two), "nothing is added to a cancelled source");
  }
  {
    belay::source stop;
    bool gone = false;
    stop.add(*new self_owned(stop, gone));
    stop.cancel(belay::reason_kind::client_gone);
    check(gone, "a listener may remove and destroy itself");
  }
  {
    belay::source stop;
    slow listener;
    stop.add(listener);
    std::thread canceller([&] { stop.cancel(belay::reason_kind::shutdown); });
    listener.entered.wait(false);
    check(stop.try_remove(listener) == belay::handshake::running, "it runs on another thread");
    listener.let_go = true;
    listener.let_go.notify_one();
    check(stop.remove(listener) == belay::handshake::cancelled, "remove() waited for it");
    check(listener.effect == 1, "and sees what it did");
    canceller.join();
  }
  return example::result();
}
