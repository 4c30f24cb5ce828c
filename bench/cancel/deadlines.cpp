// T13: a deadline an hour away is armed and disarmed, with none or many others pending. Belay's
// wheel, and a timerfd for each deadline.
#include <time.h>
#include <unistd.h>

#include <vector>

#include <sys/timerfd.h>

#include "belay/deadline.hpp"
#include "belay/operation.hpp"
#include "workload.hpp"

namespace bench {
namespace {

constexpr belay::sync::nanoseconds hour = 3'600'000'000'000;

enum class clock_read { none, exact, coarse };

/// What a program may pass as "now" that can do with a few milliseconds.
belay::sync::nanoseconds coarse_now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

template <clock_read Clock>
struct wheel {
  explicit wheel(std::size_t pending) : others_(pending) {
    // Spread over an hour, as timeouts of different lengths that began at different times are.
    for (std::size_t i = 0; i < pending; ++i)
      others_[i].arm_in(
          wheel_, start_,
          static_cast<long>((i + 1) * 7919 % pending) * hour / static_cast<long>(pending) +
              hour / 1000,
          operation_);
  }
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      belay::deadline& mine = unknown(deadline_);
      const belay::sync::nanoseconds now = Clock == clock_read::exact    ? belay::sync::now()
                                           : Clock == clock_read::coarse ? coarse_now()
                                                                         : unknown(start_);
      mine.arm_in(wheel_, now, hour, operation_);
      keep(mine.disarm());
    }
  }
  belay::sync::nanoseconds start_ = belay::sync::now();
  belay::operation operation_;
  belay::timer_wheel wheel_{start_};
  belay::deadline deadline_;
  std::vector<belay::deadline> others_;
};
const offer<wheel<clock_read::none>> t13_0("loop/T13_0/belay", shape::loop, 0);
const offer<wheel<clock_read::none>> t13_1k("loop/T13_1k/belay", shape::loop, 1000);
const offer<wheel<clock_read::none>> t13_1m("loop/T13_1m/belay", shape::loop, 1'000'000);
const offer<wheel<clock_read::exact>> t13_0_clock("loop/T13_0/belay_clock", shape::loop, 0);
const offer<wheel<clock_read::exact>> t13_1m_clock("loop/T13_1m/belay_clock", shape::loop,
                                                   1'000'000);

const offer<wheel<clock_read::coarse>> t13_0_coarse("loop/T13_0/belay_coarse", shape::loop, 0);

struct timer_fd {
  explicit timer_fd(std::size_t) {}
  ~timer_fd() { close(file_); }
  void run(int, std::size_t times) {
    const itimerspec later{{0, 0}, {3600, 0}}, never{};
    for (std::size_t i = 0; i < times; ++i) {
      keep(timerfd_settime(file_, 0, &later, nullptr));
      keep(timerfd_settime(file_, 0, &never, nullptr));
    }
  }
  int file_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
};
const offer<timer_fd> t13_fd("loop/T13_0/timerfd", shape::loop);

struct clock {
  explicit clock(std::size_t) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) keep(belay::sync::now());
  }
};
const offer<clock> floor_clock("loop/floor/clock", shape::loop);

}  // namespace
}  // namespace bench
