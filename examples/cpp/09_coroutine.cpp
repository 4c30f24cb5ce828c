// A coroutine that waits for an operation.
//
// co_await gives the outcome and the reason. The coroutine goes on where the outcome is reported:
// in the owner's complete(), or, when a request took the claim routine out, on the canceller's
// thread.
#include <thread>

#include <belay/awaitable_operation.hpp>

#include "check.hpp"

namespace {

using belay::outcome;
using belay::reason_kind;

/// A coroutine that starts at once and belongs to nobody.
struct detached {
  struct promise_type {
    detached get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { __builtin_trap(); }
  };
};

struct pending_read : belay::claim_routine {
  pending_read() : claim_routine(&on_cancel), operation(*this) {}
  static void on_cancel(belay::routine& self, belay::reason) noexcept {
    static_cast<pending_read&>(self).operation.complete(outcome::canceled);
  }
  belay::awaitable_operation operation;
};

struct seen {
  int resumed = 0;
  belay::awaited result{};
  std::thread::id where;
};

detached serve(pending_read& read, seen& log) {
  log.result = co_await read.operation;
  ++log.resumed;
  log.where = std::this_thread::get_id();
}

}  // namespace

int main() {
  using example::check;
  {
    pending_read read;
    seen log;
    serve(read, log);
    check(log.resumed == 0, "it waits");
    read.operation.complete(read, outcome::completed);
    check(log.resumed == 1 && log.result.outcome == outcome::completed, "data came: it goes on");
  }
  {
    pending_read read;
    seen log;
    serve(read, log);
    std::thread::id canceller;
    std::thread([&] {
      canceller = std::this_thread::get_id();
      read.operation.cancel({reason_kind::client_gone, 5});
    }).join();
    check(log.result == belay::awaited{outcome::canceled, {reason_kind::client_gone, 5}},
          "somebody cancelled: it learns why");
    check(log.where == canceller, "and goes on there");
  }
  bool right = true;
  for (int round = 0; round < 200; ++round) {
    pending_read read;
    seen log;
    std::thread device([&] { read.operation.complete(read, outcome::completed); });
    std::thread user([&] { read.operation.cancel(reason_kind::user); });
    serve(read, log);  // before it ends, or after
    device.join();
    user.join();
    const bool asked = log.result.reason == reason_kind::user;
    right = right && log.resumed == 1 &&
            log.result.outcome == (asked ? outcome::canceled : outcome::completed);
  }
  check(right, "200 races: resumed once, with the outcome that counts");
  return example::result();
}
