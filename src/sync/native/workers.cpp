#include "sync/native/workers.hpp"

#include <pthread.h>
#include <unistd.h>

#include <cerrno>

#include "sync/native/futex.hpp"
#include "sync/native/locks.hpp"
#include "sync/native/stack.hpp"

namespace belay::inline BELAY_BUILD::sync::native {

constinit thread_local bool is_worker = false;

namespace {

/// Trivially destructible: workers live to the end of the process.
class pool {
 public:
  bool queue(actor_record& who) {
    lock_.lock();
    who.next = nullptr;
    *(last_ != nullptr ? &last_->next : &first_) = &who;
    last_ = &who;
    const bool served = serve() || workers_ != 0;
    if (!served) first_ = last_ = nullptr;  // it was the only one: there is no worker yet
    lock_.unlock();
    return served;
  }

  void blocks() {
    const int saved = errno;
    lock_.lock();
    --running_;
    if (first_ != nullptr) serve();
    lock_.unlock();
    errno = saved;
  }
  void goes_on() {
    lock_.lock();
    ++running_;
    lock_.unlock();
  }

  void work() {
    lock_.lock();
    for (;;) {
      if (first_ != nullptr) {
        actor_record& task = *first_;
        first_ = task.next;
        if (first_ == nullptr) last_ = nullptr;
        lock_.unlock();
        run_actor(task);
        lock_.lock();
      } else if (idle_ >= aim()) {
        break;  // it came while others were blocked
      } else {
        --running_;
        ++idle_;
        while (called_ == 0) {
          const std::uint32_t seen = calls_.load(std::memory_order_relaxed);
          lock_.unlock();
          futex_wait(&calls_, seen, forever);
          lock_.lock();
        }
        --called_;
      }
    }
    --running_;
    --workers_;
    lock_.unlock();
  }

 private:
  static int aim() {
    static const int processors = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
    return processors < 2 ? 2 : processors;
  }

  /// Finds a worker for the queue: an idle one, or a new one unless enough are running. With the
  /// lock held. False: it needed a new one and got none.
  bool serve() {
    if (idle_ > 0) {
      --idle_;
      ++running_;
      ++called_;
      calls_.fetch_add(1, std::memory_order_relaxed);
      futex_wake(&calls_, 1);
      return true;
    }
    if (running_ >= aim()) return true;
    ++running_;
    ++workers_;
    if (start_thread(&worker_main, this)) return true;
    --running_;
    --workers_;
    return false;
  }

  static void* worker_main(void* self) {
    is_worker = true;
    pthread_setname_np(pthread_self(), "belay-worker");
    give_signal_stack();
    static_cast<pool*>(self)->work();
    return nullptr;
  }

  inner_lock lock_;
  actor_record* first_ = nullptr;  // tasks that wait for a worker
  actor_record* last_ = nullptr;
  int workers_ = 0;
  int running_ = 0;  // neither idle nor blocked
  int idle_ = 0;
  int called_ = 0;                  // of those that still sleep: no longer idle
  atomic<std::uint32_t> calls_{0};  // changes to wake an idle worker
};

constinit pool workers;

}  // namespace

bool queue_task(actor_record& who) { return workers.queue(who); }
void worker_blocks() { workers.blocks(); }
void worker_goes_on() { workers.goes_on(); }

}  // namespace belay::inline BELAY_BUILD::sync::native
