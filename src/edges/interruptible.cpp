#include "belay/interruptible.hpp"

#include <unistd.h>

#include <cerrno>

#include <linux/futex.h>
#include <linux/time_types.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "edges/interruptible_call.hpp"

namespace belay::inline BELAY_BUILD {

interruptible::interruptible() noexcept : hook(&on_request), owner_(sync::self()) {
  state_.thread = static_cast<std::int32_t>(syscall(SYS_gettid));
  was_blocked_ = edges::unblock_interrupts();
}

interruptible::~interruptible() {
  if (sync::self() != owner_) core::misused();
  detach();
  if (was_blocked_) edges::block_interrupts();
}

bool interruptible::begin(bool attached) noexcept {
  if (!attached) state_.word.fetch_or(state::cancelled, sync::order::relaxed);
  return attached;
}

handshake interruptible::end(handshake how) noexcept {
  state_.word.store(0, sync::order::relaxed);
  state_.received = false;
  return how;
}

void interruptible::on_request(hook& self, belay::reason) noexcept {
  state& to = static_cast<interruptible&>(self).state_;
  const std::uint32_t was = to.word.fetch_or(state::cancelled, sync::order::acq_rel);
  if ((was & state::inside) == 0) return;
  edges::interrupt(to);
  if ((to.word.fetch_or(state::sent, sync::order::acq_rel) & state::waiting) != 0)
    sync::wake_all(&to.word);
}

call_result interruptible::make(long number, const long (&arguments)[6]) noexcept {
  if (sync::self() != owner_) core::misused();
  state_.is_over = false;
  // Whichever of this and the request's fetch_or comes second sees the other: it is not made, or
  // the signal comes.
  if ((state_.word.fetch_or(state::inside, sync::order::acq_rel) & state::cancelled) != 0)
    return {-ECANCELED, call_end::unstarted};
  const long value = belay_interruptible_call(&state_.word, number, arguments);
  state_.is_over = true;
  if ((state_.word.fetch_and(~state::inside, sync::order::acq_rel) & state::cancelled) == 0)
      [[likely]]
    return {value, call_end::returned};
  receive();
  if (value == edges::call_not_made) return {-ECANCELED, call_end::unstarted};
  if (value == -EINTR) return {-ECANCELED, call_end::blocked};
  return {value, call_end::returned};
}

/// Returns when the signal has come: nothing else that this thread does shall be interrupted.
void interruptible::receive() noexcept {
  std::uint32_t now = state_.word.load(sync::order::acquire);
  for (int turns = 0; (now & state::sent) == 0; now = state_.word.load(sync::order::acquire)) {
    if (turns < operation_traits::spins) {
      ++turns;
      sync::relax();
    } else if ((now & state::waiting) != 0 ||
               state_.word.compare_exchange_strong(now, now | state::waiting)) {
      sync::wait_on(&state_.word, now | state::waiting, sync::forever);
    }
  }
  if (!state_.received) edges::unblock_interrupts();
  if (!state_.received) core::misused();
}

call_result interruptible::read(int descriptor, void* buffer, std::size_t size) noexcept {
  return call(SYS_read, descriptor, buffer, size);
}

call_result interruptible::write(int descriptor, const void* buffer, std::size_t size) noexcept {
  return call(SYS_write, descriptor, buffer, size);
}

call_result interruptible::accept(int descriptor) noexcept {
  return call(SYS_accept4, descriptor, nullptr, nullptr, SOCK_CLOEXEC);
}

call_result interruptible::futex_wait(const volatile std::uint32_t* word, std::uint32_t expected,
                                      sync::nanoseconds deadline) noexcept {
  const __kernel_timespec until{deadline / 1'000'000'000, deadline % 1'000'000'000};
  return call(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, expected,
              deadline == sync::forever ? nullptr : &until, nullptr, FUTEX_BITSET_MATCH_ANY);
}

int interruptible::signal() noexcept { return edges::interrupt_signal(); }
bool interruptible::use_signal(int number) noexcept { return edges::use_interrupt_signal(number); }

}  // namespace belay::inline BELAY_BUILD
