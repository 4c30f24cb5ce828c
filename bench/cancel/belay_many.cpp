// Belay's sources: any number of listeners, and trees.
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "belay/callback.hpp"
#include "belay/child_operation.hpp"
#include "belay/child_source.hpp"
#include "belay/fan_out_source.hpp"
#include "belay/wide_source.hpp"
#include "nap.hpp"
#include "workload.hpp"

namespace bench {
namespace {

template <class Listener>
struct counted : Listener {
  counted() : Listener([](belay::listener&, belay::reason) noexcept { ++calls; }) {}
};

/// T3, T5, T6: a listener comes and goes. Each thread has its own listener.
template <class Source, class Listener>
struct add_remove {
  explicit add_remove(std::size_t) {}
  void run(int who, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      Listener& mine = unknown(threads_[who].listener);
      keep(source_.add(mine));
      keep(source_.remove(mine));
    }
  }
  alignas(128) Source source_;
  struct alignas(128) {
    Listener listener;
  } threads_[2];
};
using one_source = add_remove<belay::source, counted<belay::listener>>;
using one_wide = add_remove<belay::wide_source, counted<belay::wide_listener>>;
const offer<one_source> t3("loop/T3/belay", shape::loop);
const offer<one_source> t5("pair/T5/belay", shape::pair);
const offer<one_wide> t6("pair/T6/belay_wide", shape::pair);
const offer<one_wide> t6_alone("loop/T6/belay_wide_alone", shape::loop);

/// T3 as std::stop_callback does it: a function object, constructed and destroyed.
struct scoped {
  explicit scoped(std::size_t) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      belay::callback one(unknown(source_), [] { ++calls; });
      publish(one);
    }
  }
  belay::source source_;
};
const offer<scoped> t3_callback("loop/T3/belay_callback", shape::loop);

/// T4: the same with many others present; a random one goes and comes back.
struct among_many {
  explicit among_many(std::size_t size) : order_(size), all_(size) {
    for (auto& each : all_) source_.add(each);
  }
  ~among_many() {
    for (auto& each : all_) source_.remove(each);
  }
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      auto& each = all_[order_[at_++]];
      belay::source& source = unknown(source_);
      keep(source.remove(each));
      keep(source.add(each));
    }
  }
  shuffled order_;
  std::size_t at_ = 0;
  belay::source source_;
  std::vector<counted<belay::listener>> all_;
};
const offer<among_many> t4_1k("loop/T4_1k/belay", shape::loop, 1000);
const offer<among_many> t4_10k("loop/T4_10k/belay", shape::loop, 10000);

/// T7 for a source: a request with one listener.
struct cancel_one {
  struct one {
    one() { source.add(listener); }
    belay::source source;
    counted<belay::listener> listener;
  };
  explicit cancel_one(std::size_t size) : all_(size) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i)
      keep(unknown(all_[i]).source.cancel(belay::reason_kind::user));
  }
  std::deque<one> all_;
};
const offer<cancel_one> t7("batch/T7/belay_source", shape::batch, 256);

/// T8, T9: a request with many listeners, for each of them; in the order of memory, or in none.
template <class Source, class Listener, bool Shuffled>
struct fan_out {
  explicit fan_out(std::size_t size) : all_(size) {
    std::vector<std::uint32_t> order(size);
    permute(order.data(), size);
    for (std::size_t i = 0; i < size; ++i) source_.add(all_[Shuffled ? order[i] : i]);
  }
  void run(int, std::size_t) { keep(source_.cancel(belay::reason_kind::user)); }
  Source source_;
  std::vector<Listener> all_;
};
using plain = counted<belay::listener>;
using hinted = counted<belay::fan_out_listener>;
const offer<fan_out<belay::source, plain, false>> t8("batch/T8/belay", shape::batch, 1000);
const offer<fan_out<belay::source, plain, true>> t9_100k("batch/T9_100k/belay", shape::batch,
                                                         100'000);
const offer<fan_out<belay::source, plain, true>> t9_1m("batch/T9_1m/belay", shape::batch,
                                                       1'000'000);
const offer<fan_out<belay::fan_out_source, hinted, true>> t9_100k_hints(
    "batch/T9_100k/belay_fan_out", shape::batch, 100'000);
const offer<fan_out<belay::fan_out_source, hinted, true>> t9_1m_hints("batch/T9_1m/belay_fan_out",
                                                                      shape::batch, 1'000'000);

/// T8 on a tree: children instead of listeners.
struct fan_out_children {
  explicit fan_out_children(std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) all_.emplace_back(parent_);
  }
  void run(int, std::size_t) { keep(parent_.cancel(belay::reason_kind::user)); }
  belay::source parent_;
  std::deque<belay::child_operation> all_;
};
const offer<fan_out_children> t8_children("batch/T8/belay_children", shape::batch, 1000);

/// T12: a child is attached for its life.
template <class Child>
struct child {
  explicit child(std::size_t) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      Child own(unknown(parent_));
      publish(own);
    }
  }
  belay::source parent_;
};
const offer<child<belay::child_operation>> t12_operation("loop/T12/belay_operation", shape::loop);
const offer<child<belay::child_source>> t12_source("loop/T12/belay_source", shape::loop);

/// T14 for a source.
struct waiter {
  struct sleeper {
    nap* pause;
    void operator()() const noexcept { pause->take(); }
  };
  explicit waiter(std::size_t) {}
  void run(int who, std::size_t) {
    if (who == 0) source_.cancel(belay::reason_kind::user);
    if (who == 1) keep(back_.remove());
    if (who == 2) pause_.wait_for_start();
  }
  nap pause_;
  belay::source source_;
  belay::callback<sleeper> back_{source_, sleeper{&pause_}};
};
const offer<waiter> t14("wait/T14/belay_source", shape::wait);

}  // namespace
}  // namespace bench
