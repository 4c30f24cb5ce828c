// The slow paths of basic_source: what happens once somebody cancels, or removes what runs.
#pragma once

#include "belay/child_source.hpp"
#include "belay/source.hpp"
#include "core/misused.hpp"

namespace belay::inline BELAY_BUILD {

namespace core {

/// A canceller's way through a tree. It lives on the canceller's stack; whoever destroys something
/// on that way, from inside a listener, tells it.
template <class Traits>
struct walk {
  basic_source<Traits>* const root;
  const belay::reason why;
  basic_source<Traits>* at = root;  // whose listeners are being run
  bool at_is_empty = false;         // nothing can be left there: it may be gone
  bool removed = false;             // the listener that was run removed itself

  void run() noexcept {
    listener* done = nullptr;
    for (listener::function call = nullptr;;) {
      listener* const taken = take(done, call);
      if (taken == nullptr) {
        if (at == root) return;
        done = ascend();
      } else if (Traits::descends && call == &basic_child_source<Traits>::enter) {
        done = descend(static_cast<basic_child_source<Traits>&>(*taken)) ? nullptr : taken;
      } else {
        call(*taken, reason());
        done = taken;
        if (removed && Traits::heeds_destruction) [[unlikely]] {
          removed = false;
          done = nullptr;
        }
      }
    }
  }

  belay::reason reason() const noexcept { return at == root ? why : why.inherited(); }

  /// The next listener at this node, and what to call, after `done` is over; nullptr: there is
  /// none.
  listener* take(listener* done, listener::function& call) noexcept {
    if (!at_is_empty) return at->listeners_.next(*this, done, call);
    if (done != nullptr) list<Traits>::finish(*done, reason());
    return Traits::leaves_after_last ? nullptr : at->listeners_.next(*this, nullptr, call);
  }

  /// False: somebody else has cancelled the child, and sees to all that is below it.
  bool descend(basic_child_source<Traits>& child) noexcept {
    if (child.operation_.request(why.inherited()).result != cancel_result::requested_nothing_armed)
      return false;
    at = &child;
    at_is_empty = false;
    return true;
  }

  /// Nothing is left at a child: back to its parent.
  listener* ascend() noexcept {
    auto& child = static_cast<basic_child_source<Traits>&>(*at);
    const std::uintptr_t state = child.state_.load(sync::order::relaxed);
    at = child.parent_;
    at_is_empty = (state & listener::last_flag) != 0;
    return &child;
  }

  /// A child that this has gone into is destroyed: back to its parent.
  void leave(basic_child_source<Traits>& child, bool was_last) noexcept {
    if (at != &child || !child.listeners_.is_empty()) misused();  // something is still attached
    at = child.parent_;
    at_is_empty = was_last;
  }
};

template <class Traits>
bool list<Traits>::replace(listener& from, listener& to) noexcept {
  lock_.lock();
  const bool linked = from.previous_ != nullptr;
  if (linked) {
    to.next_ = from.next_;
    to.previous_ = from.previous_;
    (head_ == &from ? head_ : *to.previous_) = &to;
    if (to.next_ != nullptr) to.next_->previous_ = &to.next_;
    make_idle(from);
  }
  lock_.unlock();
  return linked;
}

template <class Traits>
bool list<Traits>::is_empty() noexcept {
  lock_.lock();
  const bool empty = head_ == nullptr;
  lock_.unlock();
  return empty;
}

template <class Traits>
void list<Traits>::destroyed(bool inside) noexcept {
  if (head_ != nullptr || !inside) misused();
  if (Traits::heeds_destruction && &walk_->at->listeners_ == this) walk_->at_is_empty = true;
}

template <class Traits>
[[gnu::always_inline]] inline listener* list<Traits>::next(walk<Traits>& by, listener* done,
                                                           listener::function& call) noexcept {
  lock_.lock();
  listener* const taken = head_;
  if (taken == nullptr) {
    walk_ = nullptr;
    lock_.unlock();
    if (done != nullptr) finish(*done, by.reason());
    return nullptr;
  }
  state was = listener::over;
  if (done != nullptr) {
    was = done->state_.load(sync::order::relaxed);
    done->state_.store(listener::over, Traits::finish_locked);
  }
  hints_.taken(*taken);
  head_ = taken->next_;
  const bool last = head_ == nullptr;
  // The fewer stores, the sooner the next lock is taken.
  if (walk<Traits>* const from_here = last ? nullptr : &by; walk_ != from_here) walk_ = from_here;
  if (last) by.at_is_empty = true;
  call = taken->call_;
  taken->previous_ = nullptr;
  new (&taken->state_)
      sync::atomic<state>(reinterpret_cast<state>(&by) | (last ? listener::last_flag : 0));
  lock_.unlock();
  if ((was & (listener::wait_flag | listener::after_flag)) != 0) [[unlikely]]
    settle(*done, was, by.reason());
  return taken;
}

/// `which` is over. From the exchange on it may be gone, unless it is to be called once more.
template <class Traits>
void list<Traits>::finish(listener& which, belay::reason why) noexcept {
  settle(which, which.state_.exchange(listener::over, Traits::finish), why);
}

namespace {
/// Where a futex can look at the flags of a listener's state.
inline const volatile void* low_half(const sync::atomic<std::uintptr_t>& state) noexcept {
  return reinterpret_cast<const volatile char*>(&state) +
         (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? sizeof(state) - 4 : 0);
}
}  // namespace

template <class Traits>
void list<Traits>::settle(listener& which, state was, belay::reason why) noexcept {
  if (Traits::wakes && (was & listener::wait_flag) != 0) sync::wake_all(low_half(which.state_));
  if ((was & listener::after_flag) != 0) which.call_(which, why);
}

template <class Traits>
handshake list<Traits>::look(listener& which, bool inside) noexcept {
  lock_.lock();
  const state now = which.previous_ == nullptr ? which.state_.load(Traits::look) : listener::over;
  const bool to_forget =
      inside && is_running(now) && !is_entered(which) && (now & listener::after_flag) == 0;
  if (to_forget) forget(which, *walk_of(now));
  lock_.unlock();
  // Who sleeps on it is refused; or gave up long ago. A wake needs only the address.
  if (to_forget && Traits::wakes && (now & listener::wait_flag) != 0) [[unlikely]]
    sync::wake_all(low_half(which.state_));
  return inside && is_running(now) ? handshake::cancelled_inside : result(now);
}

/// `which` removes itself from inside. When no other is left, that is the canceller's last look at
/// the list: the source may go.
template <class Traits>
void list<Traits>::forget(listener& which, walk<Traits>& by) noexcept {
  by.removed = true;
  which.state_.store(listener::idle, Traits::finish_locked);  // others may be looking at it
  if (head_ != nullptr || !Traits::heeds_destruction) return;
  walk_ = nullptr;
  by.at_is_empty = true;
}

/// A child source: the canceller is not done with it before all below it has run.
template <class Traits>
bool list<Traits>::is_entered(const listener& which) noexcept {
  return Traits::descends && which.call_ == &basic_child_source<Traits>::enter;
}

template <class Traits>
void list<Traits>::leave(basic_child_source<Traits>& child, bool inside) noexcept {
  listener& which = child;
  lock_.lock();
  const state now = which.state_.load(Traits::look);
  lock_.unlock();
  if (!is_running(now)) return;
  if (!inside || !is_entered(which)) {
    wait(which, sync::forever);
    return;
  }
  walk_of(now)->leave(child, (now & listener::last_flag) != 0);
  child.listeners_.walk_ = nullptr;
}

template <class Traits>
handshake list<Traits>::wait(listener& which, sync::nanoseconds deadline) noexcept {
  state now = which.state_.load(Traits::look);
  for (int turns = 0; turns < Traits::spins && is_running(now); ++turns) {
    sync::relax();
    now = which.state_.load(Traits::look);
  }
  while (is_running(now)) {
    lock_.lock();
    now = raise(which, listener::wait_flag);
    lock_.unlock();
    if (!is_running(now)) break;
    const bool in_time = sync::wait_on(
        low_half(which.state_), static_cast<std::uint32_t>(now | listener::wait_flag), deadline);
    now = which.state_.load(Traits::look);
    if (!in_time) break;
  }
  return result(now);
}

/// Tells the canceller that somebody sleeps, or wants a call, while `which` runs. Under the lock,
/// because the canceller does not look at the flags again once it has it. Returns what it was.
template <class Traits>
auto list<Traits>::raise(listener& which, state flag) noexcept -> state {
  state now = which.state_.load(Traits::look);
  while (is_running(now) &&
         !which.state_.compare_exchange_weak(now, now | flag, sync::order::acq_rel, Traits::look)) {
  }
  return now;
}

template <class Traits>
handshake list<Traits>::call_after(listener& which, listener::function after) noexcept {
  lock_.lock();
  const listener::function before = which.call_;
  which.call_ = after;
  const state now = raise(which, listener::after_flag);
  if (!is_running(now)) which.call_ = before;
  lock_.unlock();
  return result(now);
}

}  // namespace core

template <class Traits>
cancel_result basic_source<Traits>::cancel(belay::reason why) noexcept {
  if (operation_.request(why).result != cancel_result::requested_nothing_armed)
    return cancel_result::already_cancelled;
  core::walk<Traits>{this, why}.run();
  return cancel_result::claimed;
}

template <class Traits>
void basic_source<Traits>::destroyed_slowly() noexcept {
  listeners_.destroyed(is_canceller());
}

/// `child` is being destroyed, and is not linked.
template <class Traits>
void basic_source<Traits>::leave_slowly(basic_child_source<Traits>& child) noexcept {
  if (Traits::remover_waits)
    listeners_.leave(child, Traits::is_inside(operation_, listeners_.hints()));
}

template <class Traits>
handshake basic_source<Traits>::remove_slowly(listener& which,
                                              sync::nanoseconds deadline) noexcept {
  const handshake now = listeners_.look(which, Traits::is_inside(operation_, listeners_.hints()));
  if (now != handshake::running || deadline <= 0) return now;
  if (!Traits::remover_waits) return handshake::cancelled;
  return listeners_.wait(which, deadline);
}

template <class Traits>
handshake basic_source<Traits>::remove_async(listener& which, listener::function after) noexcept {
  const handshake now = try_remove(which);
  return now == handshake::running ? listeners_.call_after(which, after) : now;
}

}  // namespace belay::inline BELAY_BUILD
