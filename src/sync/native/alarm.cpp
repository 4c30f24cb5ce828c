#include "sync/native/alarm.hpp"

#include <pthread.h>

#include "sync/native/actors.hpp"
#include "sync/native/atomic.hpp"
#include "sync/native/futex.hpp"
#include "sync/native/locks.hpp"
#include "sync/native/time.hpp"
#include "sync/native/workers.hpp"

namespace belay::inline BELAY_BUILD::sync {

/// Trivially destructible: it lives to the end of the process.
class timer_thread {
 public:
  void set(alarm& what, nanoseconds due, void (*fire)(alarm*)) {
    lock_.lock();
    if (what.set_) remove(what);
    what.due_ = due;
    what.fire_ = fire;
    what.turn_ = ++turns_;
    what.set_ = true;
    first_ = meld(first_, &what);
    if (!started_) {
      started_ = native::start_thread(&thread_main, this);
      if (!started_) native::give_up("the system has no thread for the timers");
    }
    const bool earlier = first_ == &what;
    if (earlier) changes_.fetch_add(1, std::memory_order_relaxed);
    lock_.unlock();
    if (earlier) wake_all(&changes_);
  }

  bool cancel(alarm& what) {
    lock_.lock();
    const bool was_set = what.set_;
    if (was_set) remove(what);
    lock_.unlock();
    return was_set;
  }

  bool is_set(const alarm& what) {
    lock_.lock();
    const bool is_set = what.set_;
    lock_.unlock();
    return is_set;
  }

  void destroy(alarm& what) {
    lock_.lock();
    if (what.set_) remove(what);
    const bool inside = timer_ == native::current_actor;
    while (firing_ == &what && !inside) {
      const std::uint32_t seen = fired_.load(std::memory_order_relaxed);
      lock_.unlock();
      wait_on(&fired_, seen, forever);
      lock_.lock();
    }
    lock_.unlock();
  }

 private:
  static void* thread_main(void* self) {
    pthread_setname_np(pthread_self(), "belay-timer");
    static_cast<timer_thread*>(self)->run();
    return nullptr;
  }

  void run() {
    lock_.lock();
    timer_ = &native::me();
    for (;;) {
      const nanoseconds due = first_ != nullptr ? first_->due_ : forever;
      if (due > now()) {
        const std::uint32_t seen = changes_.load(std::memory_order_relaxed);
        lock_.unlock();
        wait_on(&changes_, seen, due);
        lock_.lock();
        continue;
      }
      alarm* const what = first_;
      remove(*what);
      firing_ = what;
      lock_.unlock();
      what->fire_(what);
      lock_.lock();
      firing_ = nullptr;
      fired_.fetch_add(1, std::memory_order_relaxed);
      wake_all(&fired_);
    }
  }

  static bool before(const alarm& a, const alarm& b) {
    return a.due_ != b.due_ ? a.due_ < b.due_ : a.turn_ < b.turn_;
  }

  static alarm* meld(alarm* a, alarm* b) {
    if (a == nullptr) return b;
    if (b == nullptr) return a;
    if (before(*b, *a)) {
      alarm* const other = a;
      a = b;
      b = other;
    }
    b->previous_ = a;
    b->next_ = a->child_;
    if (b->next_ != nullptr) b->next_->previous_ = b;
    a->child_ = b;
    return a;
  }

  /// Melds a list of siblings into one heap: in pairs, then from the last pair back.
  static alarm* meld_siblings(alarm* each) {
    alarm* pairs = nullptr;
    while (each != nullptr) {
      alarm* const a = each;
      alarm* const b = a->next_;
      each = b != nullptr ? b->next_ : nullptr;
      a->next_ = a->previous_ = nullptr;
      if (b != nullptr) b->next_ = b->previous_ = nullptr;
      alarm* const pair = meld(a, b);
      pair->next_ = pairs;
      pairs = pair;
    }
    alarm* heap = nullptr;
    while (pairs != nullptr) {
      alarm* const pair = pairs;
      pairs = pair->next_;
      pair->next_ = nullptr;
      heap = meld(heap, pair);
    }
    return heap;
  }

  void remove(alarm& what) {
    if (&what == first_) {
      first_ = nullptr;
    } else {
      alarm& before = *what.previous_;
      (before.child_ == &what ? before.child_ : before.next_) = what.next_;
      if (what.next_ != nullptr) what.next_->previous_ = &before;
    }
    first_ = meld(first_, meld_siblings(what.child_));
    what.child_ = what.next_ = what.previous_ = nullptr;
    what.set_ = false;
  }

  inner_lock lock_;
  alarm* first_ = nullptr;
  alarm* firing_ = nullptr;
  const native::actor_record* timer_ = nullptr;
  std::uint64_t turns_ = 0;
  bool started_ = false;
  atomic<std::uint32_t> changes_{0};  // changes when an earlier alarm is set
  atomic<std::uint32_t> fired_{0};    // changes when `firing_` has returned
};

namespace {
constinit timer_thread timer;
}

alarm::~alarm() { timer.destroy(*this); }
void alarm::set(nanoseconds due, void (*fire)(alarm*)) { timer.set(*this, due, fire); }
bool alarm::cancel() { return timer.cancel(*this); }
bool alarm::is_set() const { return timer.is_set(*this); }

}  // namespace belay::inline BELAY_BUILD::sync
