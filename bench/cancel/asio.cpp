// Asio's cancellation_signal and its slot, and its steady_timer.
//
// A signal does no synchronisation: its documentation asks that signal and slot are used in one
// strand. So it stands here twice: bare, which is less work than anybody else's, and behind a
// mutex, which is the least that two threads need. All loops run inside a handler of an io_context,
// where Asio reuses the handler's memory.
#define ASIO_STANDALONE 1
#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>
#include <optional>

#include <asio/cancellation_signal.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include "workload.hpp"

namespace bench {
namespace {

struct count {
  void operator()(asio::cancellation_type_t) const noexcept { ++calls; }
};

struct nothing {
  void lock() {}
  void unlock() {}
};

template <class Body>
void inside(asio::io_context& context, Body body) {
  asio::post(context, body);
  context.restart();
  context.run();
}

/// T1: the slot gets a handler and is cleared.
template <class Lock>
struct assign_clear {
  explicit assign_clear(std::size_t) {}
  void run(int, std::size_t times) {
    inside(context_, [this, times] {
      for (std::size_t i = 0; i < times; ++i) {
        asio::cancellation_slot slot = unknown(signal_).slot();
        {
          std::lock_guard guard(lock_);
          slot.assign(count{});
        }
        publish(signal_);
        std::lock_guard guard(lock_);
        slot.clear();
      }
    });
  }
  asio::io_context context_{1};
  Lock lock_;
  asio::cancellation_signal signal_;
};
const offer<assign_clear<nothing>> t1("loop/T1/asio", shape::loop);
const offer<assign_clear<std::mutex>> t1_mutex("loop/T1/asio_mutex", shape::loop);

/// T2: the same; in a strand, and under the lock, a plain flag decides who finishes.
template <class Lock>
struct life {
  struct finish {
    bool* finished;
    void operator()(asio::cancellation_type_t) const noexcept { *finished = true; }
  };
  explicit life(std::size_t) {}
  void run(int, std::size_t times) {
    inside(context_, [this, times] {
      for (std::size_t i = 0; i < times; ++i) {
        bool finished = false;
        asio::cancellation_slot slot = unknown(signal_).slot();
        {
          std::lock_guard guard(lock_);
          slot.assign(finish{&finished});
        }
        publish(signal_);
        publish(finished);
        std::lock_guard guard(lock_);
        keep(finished);
        finished = true;
        slot.clear();
      }
    });
  }
  asio::io_context context_{1};
  Lock lock_;
  asio::cancellation_signal signal_;
};
const offer<life<nothing>> t2("loop/T2/asio", shape::loop);
const offer<life<std::mutex>> t2_mutex("loop/T2/asio_mutex", shape::loop);

/// T7: emit, with a handler in the slot.
template <class Lock>
struct emit_one {
  struct one {
    one() { signal.slot().assign(count{}); }
    Lock lock;
    asio::cancellation_signal signal;
  };
  explicit emit_one(std::size_t size) : all_(size) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      one& each = unknown(all_[i]);
      std::lock_guard guard(each.lock);
      each.signal.emit(asio::cancellation_type::total);
    }
  }
  std::deque<one> all_;
};
const offer<emit_one<nothing>> t7("batch/T7/asio", shape::batch, 256);
const offer<emit_one<std::mutex>> t7_mutex("batch/T7/asio_mutex", shape::batch, 256);

/// T11: from nothing to nothing, cancelled.
template <class Lock>
struct whole {
  explicit whole(std::size_t) {}
  void run(int, std::size_t times) {
    inside(context_, [times] {
      for (std::size_t i = 0; i < times; ++i) {
        Lock lock;
        asio::cancellation_signal signal;
        publish(signal);
        {
          std::lock_guard guard(lock);
          signal.slot().assign(count{});
        }
        publish(signal);
        {
          std::lock_guard guard(lock);
          signal.emit(asio::cancellation_type::total);
        }
        publish(signal);
      }
    });
  }
  asio::io_context context_{1};
};
const offer<whole<nothing>> t11("loop/T11/asio", shape::loop);
const offer<whole<std::mutex>> t11_mutex("loop/T11/asio_mutex", shape::loop);

/// T13: a timer an hour away is set and cancelled. Its handler then runs, with operation_aborted:
/// that is part of Asio's cancel, so it is counted.
struct set_cancel {
  explicit set_cancel(std::size_t pending) {
    for (std::size_t i = 0; i < pending; ++i) {
      others_.emplace_back(context_);
      others_.back().expires_after(std::chrono::hours(1) +
                                   std::chrono::milliseconds(i * 7919 % pending));
      others_.back().async_wait([](const asio::error_code&) {});
    }
  }
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      timer_.expires_after(std::chrono::hours(1));
      timer_.async_wait([](const asio::error_code&) {});
      keep(timer_.cancel());
      context_.poll();
    }
  }
  asio::io_context context_{1};
  std::deque<asio::steady_timer> others_;
  asio::steady_timer timer_{context_};
};
const offer<set_cancel> t13("loop/T13_0/asio", shape::loop);
const offer<set_cancel> t13_1m("loop/T13_1m/asio", shape::loop, 1'000'000);

}  // namespace
}  // namespace bench
