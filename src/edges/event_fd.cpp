#include "belay/event_fd.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include <sys/eventfd.h>

namespace belay::inline BELAY_BUILD {

event_fd::event_fd() noexcept : hook(&on_request) {
  const int errno_before = errno;
  descriptor_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (descriptor_ < 0) error_ = errno;
  errno = errno_before;
}

event_fd::event_fd(operation& to) noexcept : event_fd() {
  if (valid()) watch(to);
}

event_fd::event_fd(source& to) noexcept : event_fd() {
  if (valid()) watch(to);
}

event_fd::~event_fd() {
  detach();
  if (valid()) close(descriptor_);
}

template <class Target>
bool event_fd::watch_either(Target& to) noexcept {
  if (!valid()) core::misused();
  if (attach(to)) return true;
  make_readable();
  return false;
}

bool event_fd::watch(operation& to) noexcept { return watch_either(to); }
bool event_fd::watch(source& to) noexcept { return watch_either(to); }

bool event_fd::clear() noexcept {
  const int errno_before = errno;
  std::uint64_t count = 0;
  const bool was_readable = valid() && read(descriptor_, &count, sizeof count) == sizeof count;
  errno = errno_before;
  return was_readable;
}

void event_fd::on_request(hook& self, belay::reason) noexcept {
  static_cast<event_fd&>(self).make_readable();
}

/// The canceller's code must not find its errno changed. The counter cannot overflow: it would take
/// 2^64 - 1 requests without a clear().
void event_fd::make_readable() noexcept {
  const int errno_before = errno;
  const std::uint64_t one = 1;
  if (write(descriptor_, &one, sizeof one) != sizeof one) core::misused();  // somebody closed it
  errno = errno_before;
}

}  // namespace belay::inline BELAY_BUILD
