// The yardsticks: what the machine asks for the least that each row could be made of.
//
// Compiled into every C++ program, with that program's own compiler, so that ratios are within one.
#include <atomic>
#include <cstdint>
#include <vector>

#include "workload.hpp"

namespace bench {
namespace {

struct node {
  void (*call)(node&) noexcept;
  std::atomic<std::uint64_t> word;
};
void count(node&) noexcept { ++calls; }

struct cas {
  explicit cas(std::size_t) {}
  void run(int, std::size_t times) {
    std::uint64_t from = 0, to = reinterpret_cast<std::uintptr_t>(&unknown(word_));
    for (std::size_t i = 0; i < times; ++i) {
      std::uint64_t was = from;
      keep(word_.compare_exchange_strong(was, to, std::memory_order_acq_rel));
      const std::uint64_t next = from;
      from = to;
      to = next;
    }
    word_.store(0, std::memory_order_relaxed);
  }
  std::atomic<std::uint64_t> word_{0};
};
const offer<cas> o_cas("loop/floor/cas", shape::loop);

struct cas_pair {
  explicit cas_pair(std::size_t) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      const std::uint64_t armed = reinterpret_cast<std::uintptr_t>(&unknown(word_));
      std::uint64_t was = 0;
      keep(word_.compare_exchange_strong(was, armed, std::memory_order_release));
      was = armed;
      keep(word_.compare_exchange_strong(was, 0, std::memory_order_acquire));
    }
  }
  std::atomic<std::uint64_t> word_{0};
};
const offer<cas_pair> o_cas_pair("loop/floor/cas_pair", shape::loop);

/// T4's own floor: a bare list, a random node taken out and put in front, under a byte exchanged.
/// What the caches make of many nodes is in it.
struct list_under_lock {
  struct link {
    void* payload;
    link* next;
    link** previous;
  };
  explicit list_under_lock(std::size_t size) : order_(size), all_(size) {
    for (link& each : all_) push(each);
  }
  void push(link& which) {
    which.next = head_;
    which.previous = &head_;
    if (head_ != nullptr) head_->previous = &which.next;
    head_ = &which;
  }
  void take(link& which) {
    *which.previous = which.next;
    if (which.next != nullptr) which.next->previous = which.previous;
  }
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      link& each = all_[order_[at_++]];
      keep(lock_.exchange(1, std::memory_order_acquire));
      take(each);
      lock_.store(0, std::memory_order_release);
      keep(lock_.exchange(1, std::memory_order_acquire));
      push(each);
      lock_.store(0, std::memory_order_release);
    }
  }
  shuffled order_;
  std::size_t at_ = 0;
  std::atomic<std::uint8_t> lock_{0};
  link* head_ = nullptr;
  std::vector<link> all_;
};
const offer<list_under_lock> o_list_1k("loop/floor/list_1k", shape::loop, 1000);
const offer<list_under_lock> o_list_10k("loop/floor/list_10k", shape::loop, 10000);

struct poll {
  explicit poll(std::size_t) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) keep(unknown(word_).load(std::memory_order_acquire));
  }
  std::atomic<std::uint64_t> word_{0};
};
const offer<poll> o_poll("loop/floor/poll", shape::loop);

/// Each of many words holds the address of what is to be called: one locked instruction takes it
/// out, the call follows, and perhaps a second locked instruction says that it is over.
template <int Exchanges>
struct exchange_and_call {
  explicit exchange_and_call(std::size_t size) : nodes_(size) {
    for (node& each : nodes_) {
      each.call = count;
      each.word.store(reinterpret_cast<std::uintptr_t>(&each), std::memory_order_relaxed);
    }
  }
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      node& each = unknown(nodes_[i]);
      const std::uint64_t was = each.word.exchange(1, std::memory_order_acq_rel);
      node& taken = *reinterpret_cast<node*>(static_cast<std::uintptr_t>(was));
      taken.call(taken);
      if constexpr (Exchanges == 2) keep(each.word.fetch_sub(1, std::memory_order_acq_rel));
    }
  }
  std::vector<node> nodes_;
};
const offer<exchange_and_call<1>> o_call("batch/floor/cas_call", shape::batch, 256);
const offer<exchange_and_call<2>> o_call_2("batch/floor/rmw2_call", shape::batch, 256);
const offer<exchange_and_call<1>> o_call_1k("batch/floor/cas_call_1k", shape::batch, 1000);

/// The same by who does not know what the word holds: it has to be read before it can be exchanged.
struct load_cas_and_call : exchange_and_call<1> {
  using exchange_and_call<1>::exchange_and_call;
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      node& each = unknown(nodes_[i]);
      std::uint64_t was = each.word.load(std::memory_order_relaxed);
      while (!each.word.compare_exchange_weak(was, (was & 12) | 1, std::memory_order_acq_rel,
                                              std::memory_order_relaxed)) {
      }
      node& taken = *reinterpret_cast<node*>(static_cast<std::uintptr_t>(was));
      taken.call(taken);
    }
  }
};
const offer<load_cas_and_call> o_load_cas_call("batch/floor/load_cas_call", shape::batch, 256);

struct empty {
  explicit empty(std::size_t) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) unknown(*this);
  }
};
const offer<empty> o_empty("pair/floor/empty", shape::pair);

/// A race without anything to race for: what it costs to meet.
struct no_race {
  explicit no_race(std::size_t) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) unknown(*this);
  }
  double tally() { return 0; }
};
const offer<no_race> o_no_race("race/floor/empty_race", shape::race, 256);

/// Two locked instructions on a word that two threads share.
struct xadd_pair {
  explicit xadd_pair(std::size_t) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      keep(word_.fetch_add(1, std::memory_order_acq_rel));
      keep(word_.fetch_sub(1, std::memory_order_acq_rel));
    }
  }
  alignas(128) std::atomic<std::uint64_t> word_{0};
};
const offer<xadd_pair> o_xadd_pair("pair/floor/xadd_pair", shape::pair);

}  // namespace
}  // namespace bench
