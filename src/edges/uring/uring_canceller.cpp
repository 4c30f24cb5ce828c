#include "belay/uring_canceller.hpp"

#include <liburing.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include <sys/eventfd.h>

namespace belay::inline BELAY_BUILD {

namespace {

std::uint64_t address(const void* of) { return reinterpret_cast<std::uintptr_t>(of); }

/// Whether a request that was told to stop, with this result, did. Some operations let the kernel's
/// own codes for an interrupted call through (splice on Linux 6.18): ERESTARTSYS to
/// ERESTART_RESTARTBLOCK.
bool is_interrupted(std::int32_t result) {
  return result == -ECANCELED || result == -EINTR || (result <= -512 && result >= -516);
}

}  // namespace

// ---- the canceller

uring_canceller::uring_canceller(io_uring& ring) noexcept : ring_(ring), thread_(sync::self()) {
  const int errno_before = errno;
  event_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event_ < 0) error_ = errno;
  errno = errno_before;
  if (valid() && poll_event()) io_uring_submit(&ring_);
}

uring_canceller::~uring_canceller() {
  if (in_flight_ != 0) core::misused();
  if (valid()) close(event_);
}

void uring_canceller::check_thread() const noexcept {
  if (sync::self() != thread_) core::misused();
}

/// nullptr when the ring takes no more now; each completion makes room.
io_uring_sqe* uring_canceller::next_entry() noexcept {
  io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
  if (entry != nullptr) return entry;
  io_uring_submit(&ring_);
  return io_uring_get_sqe(&ring_);
}

/// Returns: whether there is something to submit.
bool uring_canceller::poll_event() noexcept {
  if (polled_ || stopping_) return false;
  io_uring_sqe* const entry = next_entry();
  if (entry == nullptr) return false;
  io_uring_prep_poll_add(entry, event_, POLLIN);
  io_uring_sqe_set_data64(entry, address(this));
  polled_ = true;
  ++own_;
  return true;
}

void uring_canceller::stop() noexcept {
  check_thread();
  if (in_flight_ != 0) core::misused();
  stopping_ = true;
  if (!polled_) return;
  io_uring_sqe* entry = nullptr;
  while ((entry = next_entry()) == nullptr) sync::yield();
  io_uring_prep_cancel64(entry, address(this), 0);
  io_uring_sqe_set_data64(entry, address(this));
  ++own_;
  io_uring_submit(&ring_);
}

bool uring_canceller::take(const io_uring_cqe& completion) noexcept {
  check_thread();
  const bool is_own = completion.user_data == address(this);
  if (is_own) {
    --own_;
    polled_ = false;
    std::uint64_t count = 0;
    const int errno_before = errno;
    // Before the list is emptied: who comes after that makes it readable again.
    if (read(event_, &count, sizeof count) < 0) errno = errno_before;
  }
  // Also what found no room before.
  const bool asked = ask_for_waiting();
  const bool polls = poll_event();
  if (asked || polls) io_uring_submit(&ring_);
  return is_own || take_answer(completion);
}

bool uring_canceller::ask_for_waiting() noexcept {
  bool asked = false;
  for (;;) {
    lock_.lock();
    const bool is_empty = waiting_ == nullptr;
    lock_.unlock();
    if (is_empty) return asked;
    io_uring_sqe* const entry = next_entry();
    if (entry == nullptr) return asked;
    lock_.lock();
    uring_request& first = *waiting_;  // only this thread takes any out
    first.unlink();
    lock_.unlock();
    first.link(asked_, uring_request::place::asked);
    io_uring_prep_cancel64(entry, first.user_data_, 0);
    io_uring_sqe_set_data64(entry, address(&first));
    asked = true;
  }
}

bool uring_canceller::take_answer(const io_uring_cqe& completion) noexcept {
  uring_request* it = asked_;
  while (it != nullptr && address(it) != completion.user_data) it = it->next_;
  if (it == nullptr) return false;
  it->unlink();
  it->set_answer(completion.res);
  if (it->has_result_) it->settle(false);
  return true;
}

/// On any actor, as part of a request to cancel `which`, which keeps this in existence.
void uring_canceller::hand_over(uring_request& which) noexcept {
  lock_.lock();
  const bool is_first = waiting_ == nullptr;
  which.link(waiting_, uring_request::place::waiting);
  lock_.unlock();
  if (!is_first) return;  // whoever was first has seen, or will see, to it
  const int errno_before = errno;
  const std::uint64_t one = 1;
  if (write(event_, &one, sizeof one) != sizeof one) core::misused();  // somebody closed it
  errno = errno_before;
}

void uring_canceller::withdraw(uring_request& which) noexcept {
  lock_.lock();
  if (which.place_ == uring_request::place::waiting) which.unlink();
  lock_.unlock();
}

// ---- the request

uring_request::~uring_request() {
  if (is_started_) core::misused();
}

bool uring_request::start(operation& to) noexcept {
  begin();
  operation_ = &to;
  return attach(to) || take_back();
}

bool uring_request::start(source& to) noexcept {
  begin();
  return attach(to) || take_back();
}

/// Before it is attached: from then on a request may come.
void uring_request::begin() noexcept {
  by_.check_thread();
  if (is_started_) core::misused();
  is_started_ = true;
  ++by_.in_flight_;
  error_ = 0;
  end_ = uring_end::none;
  answer_ = uring_answer::none;
}

bool uring_request::take_back() noexcept {
  is_started_ = false;
  --by_.in_flight_;
  operation_ = nullptr;
  return false;
}

void uring_request::on_request(hook& self, belay::reason) noexcept {
  auto& me = static_cast<uring_request&>(self);
  me.by_.hand_over(me);
}

void uring_request::finish(std::int32_t result) noexcept {
  by_.check_thread();
  if (!is_started_ || has_result_) core::misused();
  result_ = result;
  has_result_ = true;
  const outcome unasked = result < 0 ? outcome::failed : outcome::completed;
  if (hook::complete(unasked) == handshake::won) {
    settle(true);
    return;
  }
  by_.withdraw(*this);
  if (place_ != place::asked) settle(false);
}

void uring_request::set_answer(std::int32_t result) noexcept {
  switch (result) {
    case 0:
      answer_ = uring_answer::cancelled;
      return;
    case -ENOENT:
      answer_ = uring_answer::not_found;
      return;
    case -EALREADY:
      answer_ = uring_answer::running;
      return;
    default:
      answer_ = uring_answer::refused;
      error_ = result;
  }
}

/// All that will come has come.
void uring_request::settle(bool won) noexcept {
  const bool told = answer_ == uring_answer::cancelled || answer_ == uring_answer::running;
  const bool stopped = told && is_interrupted(result_);
  end_ = won ? uring_end::completed : stopped ? uring_end::cancelled : uring_end::raced;
  is_started_ = has_result_ = false;
  --by_.in_flight_;
  operation* const of = std::exchange(operation_, nullptr);
  if (of != nullptr && !won) of->complete(how_it_ended());
  over_(*this);
}

outcome uring_request::how_it_ended() const noexcept {
  if (end_ == uring_end::cancelled) return outcome::canceled;
  return result_ < 0 ? outcome::failed : outcome::completed;
}

void uring_request::link(uring_request*& list, place where) noexcept {
  next_ = list;
  previous_ = &list;
  if (list != nullptr) list->previous_ = &next_;
  list = this;
  place_ = where;
}

void uring_request::unlink() noexcept {
  *previous_ = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  place_ = place::nowhere;
}

}  // namespace belay::inline BELAY_BUILD
