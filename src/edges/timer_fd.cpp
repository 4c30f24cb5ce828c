#include "belay/timer_fd.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include <sys/timerfd.h>

namespace belay::inline BELAY_BUILD {

timer_fd::timer_fd() noexcept : wheel_(sync::now(), &on_earlier, this) {
  const int errno_before = errno;
  descriptor_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (descriptor_ < 0) error_ = errno;
  errno = errno_before;
}

timer_fd::~timer_fd() {
  if (valid()) close(descriptor_);
}

sync::nanoseconds timer_fd::expire() noexcept {
  // First: what becomes due after this makes it readable again.
  if (valid()) {
    const int errno_before = errno;
    std::uint64_t count = 0;
    while (read(descriptor_, &count, sizeof count) < 0 && errno == EINTR) {
    }
    errno = errno_before;
  }
  const sync::nanoseconds next = wheel_.expire(sync::now());
  set();
  return next;
}

void timer_fd::on_earlier(void* self) noexcept { static_cast<timer_fd*>(self)->set(); }

void timer_fd::set() noexcept {
  if (!valid()) return;
  lock_.lock();
  const sync::nanoseconds next = wheel_.next_due();
  if (next != set_to_ && next != sync::forever) {
    const int errno_before = errno;
    itimerspec at{};
    at.it_value.tv_sec = static_cast<time_t>(next / 1'000'000'000);
    at.it_value.tv_nsec = static_cast<long>(next % 1'000'000'000);
    if (timerfd_settime(descriptor_, TFD_TIMER_ABSTIME, &at, nullptr) != 0) core::misused();
    errno = errno_before;
  }
  set_to_ = next;  // with nothing to come, it may go off once more for nothing
  lock_.unlock();
}

}  // namespace belay::inline BELAY_BUILD
