// std::stop_token: compiled once with g++ for libstdc++ and once with clang for libc++
// (BENCH_LIBRARY is the name).
//
// What a std::stop_source cannot do, be used again after a stop, is done as its users do it: a new
// one each time. It has no outcome, so where Belay decides who finishes, an atomic flag beside it
// does.
#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "nap.hpp"
#include "workload.hpp"

namespace bench {
namespace {

struct count {
  void operator()() const noexcept { ++calls; }
};
using callback = std::stop_callback<count>;

/// T1, T3: register and deregister. The same call serves both.
struct add_remove {
  explicit add_remove(std::size_t) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      callback one(unknown(token_), count{});
      publish(one);
    }
  }
  std::stop_source source_;
  std::stop_token token_ = source_.get_token();
};
const offer<add_remove> t1("loop/T1/" BENCH_LIBRARY, shape::loop);
const offer<add_remove> t3("loop/T3/" BENCH_LIBRARY, shape::loop);
const offer<add_remove> t5("pair/T5/" BENCH_LIBRARY, shape::pair);

/// T2: register, decide who finishes, deregister.
struct life {
  struct finish {
    std::atomic<bool>* finished;
    void operator()() const noexcept { finished->exchange(true, std::memory_order_acq_rel); }
  };
  explicit life(std::size_t) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      std::atomic<bool> finished{false};
      std::stop_callback<finish> one(unknown(token_), finish{&finished});
      publish(one);
      keep(finished.exchange(true, std::memory_order_acq_rel));
    }
  }
  std::stop_source source_;
  std::stop_token token_ = source_.get_token();
};
const offer<life> t2("loop/T2/" BENCH_LIBRARY, shape::loop);

/// T4: the same as T3 with many others present; a random one goes and comes back.
struct among_many {
  explicit among_many(std::size_t size) : order_(size), all_(size) {
    for (auto& each : all_) each.emplace(token_, count{});
  }
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      auto& each = all_[order_[at_++]];
      each.reset();
      each.emplace(unknown(token_), count{});
    }
  }
  shuffled order_;
  std::size_t at_ = 0;
  std::stop_source source_;
  std::stop_token token_ = source_.get_token();
  std::vector<std::optional<callback>> all_;
};
const offer<among_many> t4_1k("loop/T4_1k/" BENCH_LIBRARY, shape::loop, 1000);
const offer<among_many> t4_10k("loop/T4_10k/" BENCH_LIBRARY, shape::loop, 10000);

/// T7: a request with one callback.
struct cancel_one {
  struct one {
    std::stop_source source;
    callback back{source.get_token(), count{}};
  };
  explicit cancel_one(std::size_t size) : all_(size) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) keep(unknown(all_[i]).source.request_stop());
  }
  std::deque<one> all_;
};
const offer<cancel_one> t7("batch/T7/" BENCH_LIBRARY, shape::batch, 256);

/// T8, T9: a request with many callbacks, for each of them; in the order of memory, or in none.
template <bool Shuffled>
struct fan_out {
  explicit fan_out(std::size_t size) : all_(size) {
    std::vector<std::uint32_t> order(size);
    permute(order.data(), size);
    for (std::size_t i = 0; i < size; ++i)
      all_[Shuffled ? order[i] : i].emplace(source_.get_token(), count{});
  }
  void run(int, std::size_t) { keep(source_.request_stop()); }
  std::stop_source source_;
  std::vector<std::optional<callback>> all_;
};
const offer<fan_out<false>> t8("batch/T8/" BENCH_LIBRARY, shape::batch, 1000);
const offer<fan_out<true>> t9_100k("batch/T9_100k/" BENCH_LIBRARY, shape::batch, 100'000);
const offer<fan_out<true>> t9_1m("batch/T9_1m/" BENCH_LIBRARY, shape::batch, 1'000'000);

/// T10: a completion and a request meet.
struct raced {
  struct finish {
    std::atomic<bool>* finished;
    void operator()() const noexcept { finished->exchange(true, std::memory_order_acq_rel); }
  };
  struct alignas(64) one {
    std::stop_source source;
    std::atomic<bool> finished{false};
    std::optional<std::stop_callback<finish>> back{std::in_place, source.get_token(),
                                                   finish{&finished}};
  };
  explicit raced(std::size_t size) : all_(size) {}
  void run(int who, std::size_t times) {
    std::size_t won = 0;
    for (std::size_t i = at_.next(who, times), end = i + times; i < end; ++i) {
      one& each = unknown(all_[i]);
      if (who == 0) {
        won += !each.finished.exchange(true, std::memory_order_acq_rel);
        each.back.reset();
      } else {
        keep(each.source.request_stop());
      }
    }
    if (who == 0) at_.won(won);
  }
  double tally() { return at_.share(); }
  std::deque<one> all_;
  progress at_;
};
const offer<raced> t10("race/T10/" BENCH_LIBRARY, shape::race, 256);

/// T11: from nothing to nothing, cancelled.
struct whole {
  explicit whole(std::size_t) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      std::stop_source source;
      callback one(source.get_token(), count{});
      publish(one);
      keep(source.request_stop());
    }
  }
};
const offer<whole> t11("loop/T11/" BENCH_LIBRARY, shape::loop);

/// T12: a source of its own whose stop follows from a parent's.
struct child {
  struct forward {
    std::stop_source* to;
    void operator()() const noexcept { to->request_stop(); }
  };
  explicit child(std::size_t) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      std::stop_source own;
      std::stop_callback<forward> link(unknown(token_), forward{&own});
      publish(link);
    }
  }
  std::stop_source source_;
  std::stop_token token_ = source_.get_token();
};
const offer<child> t12("loop/T12/" BENCH_LIBRARY, shape::loop);

/// T14: what a destructor burns while the callback that it waits for takes 20 ms.
struct waiter {
  struct sleeper {
    nap* pause;
    void operator()() const noexcept { pause->take(); }
  };
  explicit waiter(std::size_t) {}
  void run(int who, std::size_t) {
    if (who == 0) source_.request_stop();
    if (who == 1) back_.reset();
    if (who == 2) pause_.wait_for_start();
  }
  nap pause_;
  std::stop_source source_;
  std::optional<std::stop_callback<sleeper>> back_{std::in_place, source_.get_token(),
                                                   sleeper{&pause_}};
};
const offer<waiter> t14("wait/T14/" BENCH_LIBRARY, shape::wait);

struct poll {
  explicit poll(std::size_t) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) keep(unknown(token_).stop_requested());
  }
  std::stop_source source_;
  std::stop_token token_ = source_.get_token();
};
const offer<poll> poll_token("loop/poll/" BENCH_LIBRARY, shape::loop);

}  // namespace
}  // namespace bench
