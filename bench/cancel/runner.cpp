#include "runner.hpp"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace bench {

namespace {

constexpr std::size_t loop_length = 1000;
constexpr std::int64_t window_ns = 10'000'000;
/// After so many the one thread of a race waits for the other; it would run away otherwise.
constexpr std::size_t race_group = 8;
/// From here on a batch is so long that others may get the processor meanwhile; and that it does
/// not matter that the clock of CPU time takes a system call.
constexpr std::size_t long_batch = 10'000;

std::int64_t clock_ns(clockid_t which) {
  timespec now;
  clock_gettime(which, &now);
  return now.tv_sec * 1'000'000'000ll + now.tv_nsec;
}
std::int64_t now_ns() { return clock_ns(CLOCK_MONOTONIC); }
std::int64_t cpu_ns() { return clock_ns(CLOCK_THREAD_CPUTIME_ID); }

double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

class object {
 public:
  explicit object(const workload& what) : what_(what), at_(what.make(what.size)) {}
  ~object() { what_.destroy(at_); }
  object(const object&) = delete;
  object& operator=(const object&) = delete;

  void run(int who, std::size_t times) { what_.run(at_, who, times); }
  double tally() { return what_.tally != nullptr ? what_.tally(at_) : 0; }

 private:
  const workload& what_;
  void* at_;
};

/// Puts the calling thread on the `which`-th processor that the process may use.
void pin(int which) {
  cpu_set_t allowed, one;
  sched_getaffinity(0, sizeof(allowed), &allowed);
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &allowed) && which-- == 0) {
      CPU_SET(cpu, &one);
      pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
      return;
    }
  }
}

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Two threads meet, again and again, spinning.
class meeting {
 public:
  void wait(unsigned& turn) {
    ++turn;
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == 2 * turn) return;
    while (arrived_.load(std::memory_order_acquire) < 2 * turn) relax();
  }

 private:
  std::atomic<unsigned> arrived_{0};
};

struct alignas(128) share {
  double rate = 0;  // operations a nanosecond
  double busy = 0;
  std::int64_t start = 0, end = 0;
};

void measure_loop(benchmark::State& state, const workload& what) {
  object it(what);
  while (state.KeepRunningBatch(loop_length)) it.run(0, loop_length);
}

void measure_batches(benchmark::State& state, const workload& what) {
  std::vector<double> times;
  double tally = 0;
  const auto clock = what.size < long_batch ? now_ns : cpu_ns;
  for (auto _ : state) {
    object it(what);
    const std::int64_t start = clock();
    it.run(0, what.size);
    const std::int64_t end = clock();
    state.SetIterationTime(static_cast<double>(end - start) * 1e-9);
    times.push_back(static_cast<double>(end - start) / static_cast<double>(what.size));
    tally = it.tally();
  }
  state.counters["ns"] = median(times);
  if (what.tally != nullptr) state.counters["tally"] = tally;
}

void spin_window(object& it, int who, meeting& start, share& mine) {
  pin(who);
  it.run(who, loop_length);  // warm
  unsigned turn = 0;
  start.wait(turn);
  const std::int64_t cpu = cpu_ns(), began = now_ns();
  std::int64_t now = began;
  std::uint64_t did = 0;
  while ((now = now_ns()) - began < window_ns) {
    it.run(who, 200);
    did += 200;
  }
  const auto lasted = static_cast<double>(now - began);
  mine.rate = static_cast<double>(did) / lasted;
  mine.busy = static_cast<double>(cpu_ns() - cpu) / lasted;
}

void report_pair(benchmark::State& state, const share (&of)[2]) {
  state.counters["busy"] = std::min(of[0].busy, of[1].busy);
  state.counters["fairness"] = std::min(of[0].rate, of[1].rate) / std::max(of[0].rate, of[1].rate);
}

void measure_pair(benchmark::State& state, const workload& what) {
  for (auto _ : state) {
    object it(what);
    meeting start;
    share of[2];
    std::thread other([&] { spin_window(it, 1, start, of[1]); });
    std::thread one([&] { spin_window(it, 0, start, of[0]); });
    one.join();
    other.join();
    state.SetIterationTime(window_ns * 1e-9);
    state.counters["ns"] = 1 / (of[0].rate + of[1].rate);
    report_pair(state, of);
  }
}

void measure_race(benchmark::State& state, const workload& what) {
  for (auto _ : state) {
    meeting point;
    share of[2];
    std::vector<double> times;
    double tally = 0;
    std::unique_ptr<object> it;
    std::atomic<bool> over{false};
    const auto race = [&](int who) {
      pin(who);
      unsigned turn = 0;
      const std::int64_t cpu = cpu_ns(), began = now_ns();
      while (!over.load(std::memory_order_relaxed)) {
        if (who == 0) it = std::make_unique<object>(what);
        point.wait(turn);
        of[who].start = now_ns();
        point.wait(turn);
        for (std::size_t done = 0; done < what.size; done += race_group) {
          it->run(who, race_group);
          point.wait(turn);
        }
        of[who].end = now_ns();
        point.wait(turn);
        if (who == 0) {
          times.push_back(static_cast<double>(std::max(of[0].end, of[1].end) -
                                              std::max(of[0].start, of[1].start)) /
                          static_cast<double>(what.size));
          tally += it->tally();
          if (now_ns() - began > 2 * window_ns) over.store(true, std::memory_order_relaxed);
        }
        point.wait(turn);
      }
      of[who].busy = static_cast<double>(cpu_ns() - cpu) / static_cast<double>(now_ns() - began);
      of[who].rate = 1;
    };
    std::thread other([&] { race(1); });
    std::thread one([&] { race(0); });
    one.join();
    other.join();
    state.SetIterationTime(window_ns * 1e-9);
    report_pair(state, of);
    state.counters["ns"] = median(times);
    state.counters["tally"] = tally / static_cast<double>(times.size());
  }
}

void measure_wait(benchmark::State& state, const workload& what) {
  for (auto _ : state) {
    object it(what);
    double used = 0;
    std::thread waiter([&] {
      it.run(2, 1);
      const std::int64_t cpu = cpu_ns();
      it.run(1, 1);
      used = static_cast<double>(cpu_ns() - cpu);
    });
    it.run(0, 1);
    waiter.join();
    state.SetIterationTime(used * 1e-9);
    state.counters["ns"] = used;
  }
}

}  // namespace

void measure(benchmark::State& state, const workload& what) {
  switch (what.how) {
    case shape::loop:
      return measure_loop(state, what);
    case shape::batch:
      return measure_batches(state, what);
    case shape::pair:
      return measure_pair(state, what);
    case shape::race:
      return measure_race(state, what);
    case shape::wait:
      return measure_wait(state, what);
  }
}

}  // namespace bench
