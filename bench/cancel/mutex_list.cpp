// What a program writes that has none of these: a mutex, a flag and a std::list of std::function.
// A cancel holds the mutex while the callbacks run, so that to deregister is to wait for them.
#include <atomic>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "nap.hpp"
#include "workload.hpp"

namespace bench {
namespace {

class cancellation {
 public:
  using handle = std::list<std::function<void()>>::iterator;

  std::optional<handle> add(std::function<void()> call) {
    std::lock_guard guard(lock_);
    if (cancelled_.load(std::memory_order_relaxed)) return std::nullopt;
    return calls_.insert(calls_.end(), std::move(call));
  }
  void remove(handle which) {
    std::lock_guard guard(lock_);
    calls_.erase(which);
  }
  bool cancel() {
    std::lock_guard guard(lock_);
    if (cancelled_.exchange(true, std::memory_order_relaxed)) return false;
    for (auto& each : calls_) each();
    return true;
  }
  /// Links the callbacks in an order that is not that of memory.
  void shuffle() {
    std::vector<handle> all;
    for (auto each = calls_.begin(); each != calls_.end(); ++each) all.push_back(each);
    std::vector<std::uint32_t> order(all.size());
    permute(order.data(), order.size());
    for (const std::uint32_t i : order) calls_.splice(calls_.end(), calls_, all[i]);
  }
  bool cancelled() const { return cancelled_.load(std::memory_order_acquire); }

 private:
  std::mutex lock_;
  std::atomic<bool> cancelled_{false};
  std::list<std::function<void()>> calls_;
};

void count() { ++calls; }

/// T1, T3, T5
struct add_remove {
  explicit add_remove(std::size_t) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      cancellation& source = unknown(source_);
      const auto handle = source.add(count);
      source.remove(*handle);
    }
  }
  cancellation source_;
};
const offer<add_remove> t1("loop/T1/mutex_list", shape::loop);
const offer<add_remove> t3("loop/T3/mutex_list", shape::loop);
const offer<add_remove> t5("pair/T5/mutex_list", shape::pair);

/// T2
struct life {
  explicit life(std::size_t) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      cancellation& source = unknown(source_);
      std::atomic<bool> finished{false};
      const auto handle =
          source.add([&finished] { finished.exchange(true, std::memory_order_acq_rel); });
      publish(finished);
      keep(finished.exchange(true, std::memory_order_acq_rel));
      source.remove(*handle);
    }
  }
  cancellation source_;
};
const offer<life> t2("loop/T2/mutex_list", shape::loop);

/// T4
struct among_many {
  explicit among_many(std::size_t size) : order_(size) {
    for (std::size_t i = 0; i < size; ++i) all_.push_back(*source_.add(count));
  }
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      auto& each = all_[order_[at_++]];
      source_.remove(each);
      each = *source_.add(count);
    }
  }
  shuffled order_;
  std::size_t at_ = 0;
  cancellation source_;
  std::vector<cancellation::handle> all_;
};
const offer<among_many> t4_1k("loop/T4_1k/mutex_list", shape::loop, 1000);
const offer<among_many> t4_10k("loop/T4_10k/mutex_list", shape::loop, 10000);

/// T7
struct cancel_one {
  struct one {
    one() { source.add(count); }
    cancellation source;
  };
  explicit cancel_one(std::size_t size) : all_(size) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) keep(unknown(all_[i]).source.cancel());
  }
  std::deque<one> all_;
};
const offer<cancel_one> t7("batch/T7/mutex_list", shape::batch, 256);

/// T8, T9. Shuffled: the nodes are allocated in one order and linked in another.
template <bool Shuffled>
struct fan_out {
  explicit fan_out(std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) source_.add(count);
    if (Shuffled) source_.shuffle();
  }
  void run(int, std::size_t) { keep(source_.cancel()); }
  cancellation source_;
};
const offer<fan_out<false>> t8("batch/T8/mutex_list", shape::batch, 1000);
const offer<fan_out<true>> t9_100k("batch/T9_100k/mutex_list", shape::batch, 100'000);
const offer<fan_out<true>> t9_1m("batch/T9_1m/mutex_list", shape::batch, 1'000'000);

/// T10
struct raced {
  struct alignas(64) one {
    cancellation source;
    std::atomic<bool> finished{false};
    std::optional<cancellation::handle> handle =
        source.add([this] { finished.exchange(true, std::memory_order_acq_rel); });
  };
  explicit raced(std::size_t size) : all_(size) {}
  void run(int who, std::size_t times) {
    std::size_t won = 0;
    for (std::size_t i = at_.next(who, times), end = i + times; i < end; ++i) {
      one& each = unknown(all_[i]);
      if (who == 0) {
        won += !each.finished.exchange(true, std::memory_order_acq_rel);
        each.source.remove(*each.handle);
      } else {
        keep(each.source.cancel());
      }
    }
    if (who == 0) at_.won(won);
  }
  double tally() { return at_.share(); }
  std::deque<one> all_;
  progress at_;
};
const offer<raced> t10("race/T10/mutex_list", shape::race, 256);

/// T11
struct whole {
  explicit whole(std::size_t) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      cancellation source;
      publish(source);
      source.add(count);
      keep(source.cancel());
    }
  }
};
const offer<whole> t11("loop/T11/mutex_list", shape::loop);

/// T12
struct child {
  explicit child(std::size_t) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      cancellation own;
      cancellation& parent = unknown(parent_);
      const auto handle = parent.add([&own] { own.cancel(); });
      publish(own);
      parent.remove(*handle);
    }
  }
  cancellation parent_;
};
const offer<child> t12("loop/T12/mutex_list", shape::loop);

/// T14
struct waiter {
  explicit waiter(std::size_t) {}
  void run(int who, std::size_t) {
    if (who == 0) source_.cancel();
    if (who == 1) source_.remove(*handle_);
    if (who == 2) pause_.wait_for_start();
  }
  nap pause_;
  cancellation source_;
  std::optional<cancellation::handle> handle_ = source_.add([this] { pause_.take(); });
};
const offer<waiter> t14("wait/T14/mutex_list", shape::wait);

struct poll {
  explicit poll(std::size_t) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) keep(unknown(source_).cancelled());
  }
  cancellation source_;
};
const offer<poll> poll_list("loop/poll/mutex_list", shape::loop);

}  // namespace
}  // namespace bench
