// Deadlines: a point in time at which something is cancelled; and scopes, which nest them.
//
// A timer wheel holds any number of them behind one moment at which somebody has to look. Here the
// program looks itself, at times of its own making, so that nothing waits for a clock; in earnest a
// deadline_service or a timer_fd drives the wheel.
#include <vector>

#include <belay/deadline.hpp>
#include <belay/operation.hpp>
#include <belay/scope.hpp>

#include "check.hpp"

namespace {

constexpr belay::sync::nanoseconds second = 1'000'000'000;

struct stop_reading : belay::notify_routine {
  stop_reading() : notify_routine(&on_cancel) {}
  static void on_cancel(belay::routine& self, belay::reason why) noexcept {
    static_cast<stop_reading&>(self).why = why;
  }
  belay::reason why;
};

}  // namespace

int main() {
  using example::check;
  belay::timer_wheel wheel(0);

  {  // Too slow.
    stop_reading routine;
    belay::operation read(routine);
    belay::deadline limit;
    limit.arm(wheel, 30 * second, read);
    const auto look_again = wheel.expire(29 * second);
    check(!read.cancelled() && look_again > 29 * second, "nothing expires early");
    wheel.expire(30 * second + belay::timer_wheel::tick);
    check(routine.why == belay::reason_kind::timeout,
          "at its time, at most a tick later, it is cancelled");
    check(limit.disarm() == belay::handshake::cancelled, "the owner learns that it fired");
    check(read.complete(routine, belay::outcome::completed) == belay::handshake::cancelled,
          "and that the read was cancelled");
    read.complete(belay::outcome::canceled);
  }
  {  // Fast enough.
    stop_reading routine;
    belay::operation read(routine);
    belay::deadline limit;
    limit.arm(wheel, 60 * second, read);
    read.complete(routine, belay::outcome::completed);
    check(limit.disarm() == belay::handshake::won, "disarmed: from here on it does not fire");
    wheel.expire(61 * second);
    check(limit.disarm() == belay::handshake::refused, "there is nothing left to disarm");
  }
  {  // Nested: the earlier deadline counts, and only that has a timer.
    belay::root_scope request(wheel, 100 * second);
    belay::scope query(request, 80 * second), row(query, 90 * second);
    check(row.deadline() == 80 * second && !row.has_timer(), "a scope has its parent's deadline");
    wheel.expire(81 * second);
    check(query.reason() == belay::reason_kind::timeout, "the query took too long");
    check(row.reason().origin() == belay::reason_kind::timeout, "and with it what is below");
    check(!request.cancelled(), "the request has time left");
  }
  {  // Many.
    std::vector<belay::operation> reads(10'000);
    std::vector<belay::deadline> limits(reads.size());
    for (std::size_t i = 0; i < reads.size(); ++i)
      limits[i].arm_in(wheel, 100 * second, static_cast<int>(i) * second, reads[i]);
    bool right = true;
    for (const std::size_t passed : {100, 5000, 9999}) {
      wheel.expire((100 + static_cast<int>(passed)) * second + belay::timer_wheel::tick);
      for (std::size_t i = 0; i < reads.size(); ++i)
        right = right && reads[i].cancelled() == (i <= passed);
    }
    check(right, "10,000 of them, each in its time");
  }
  return example::result();
}
