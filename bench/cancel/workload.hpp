// What a contestant hands to the runner: a named piece of work in one of five shapes.
//
// Plain types only, so that a contestant may be compiled with another compiler and another standard
// library than the runner (libc++ beside a Google Benchmark that was built with libstdc++).
//
// Names are "<shape>/<row>/<contestant>", for example "loop/T1/belay_claim"; bench/targets.py knows
// them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bench {

enum class shape : unsigned char {
  /// One object; run(0, n) does the work n times. CPU time, divided by n.
  loop,
  /// A fresh object for each run(0, size): what can be done once only, like a cancel. The
  /// median of all batches, divided by size; of short ones by the monotonic clock, of long ones CPU
  /// time.
  batch,
  /// One object; two threads call run(0, n) and run(1, n) for a window of time. Nanoseconds divided
  /// by what both did together.
  pair,
  /// A fresh object; two threads do what they have to do to each of its `size` parts, run(0, n) and
  /// run(1, n) for the next n of them, and meet after every eight. Time until both are through, the
  /// median of the window's batches, divided by size.
  race,
  /// A fresh object; one thread calls run(0, 1), which takes long; another calls run(2, 1), which
  /// returns when that is under way, then run(1, 1), which waits for it. The CPU time of the last.
  wait,
};

struct workload {
  const char* name;
  shape how;
  std::size_t size;
  void* (*make)(std::size_t size);
  void (*run)(void* object, int who, std::size_t times);
  /// A number that make sure of what was measured, shown as `tally`; may be null.
  double (*tally)(void* object);
  void (*destroy)(void* object);
};

/// Adds it to what the program measures. Called before main().
extern "C" void bench_offer(const workload* what);

/// Offers `Work`: constructible from a size, with run(int who, std::size_t times), and perhaps
/// tally().
template <class Work>
struct offer {
  offer(const char* name, shape how, std::size_t size = 0)
      : what{name,
             how,
             size,
             [](std::size_t n) -> void* { return new Work(n); },
             [](void* object, int who, std::size_t times) {
               static_cast<Work*>(object)->run(who, times);
             },
             nullptr,
             [](void* object) { delete static_cast<Work*>(object); }} {
    if constexpr (requires(Work & work) { work.tally(); }) {
      what.tally = [](void* object) -> double { return static_cast<Work*>(object)->tally(); };
    }
    bench_offer(&what);
  }
  workload what;
};

/// The same object, by an address of which the compiler knows nothing. Without it the compiler may
/// keep constants that a program, which gets its objects from somewhere, would not have.
template <class T>
T& unknown(T& object) {
  T* at = &object;
  asm volatile("" : "+r"(at));
  return *at;
}

/// What `value` is made of may be read by somebody.
template <class T>
void keep(const T& value) {
  asm volatile("" : : "r,m"(value) : "memory");
}

/// The object is published: whatever it holds must be in memory.
template <class T>
void publish(T& object) {
  asm volatile("" : : "r"(&object) : "memory");
}

/// How far each of two threads has come.
class progress {
 public:
  /// The first of the next `times`.
  std::size_t next(int who, std::size_t times) {
    const std::size_t first = at_[who].index;
    at_[who].index += times;
    return first;
  }
  /// Thread 0 says how often it was the first.
  void won(std::size_t times) { at_[0].won += times; }
  double share() const {
    return static_cast<double>(at_[0].won) / static_cast<double>(at_[0].index);
  }

 private:
  struct alignas(128) {
    std::size_t index = 0, won = 0;
  } at_[2];
};

/// How often callbacks ran: each contestant's callback adds one. Only one thread runs callbacks in
/// the rows that use it.
inline std::uint64_t calls = 0;

/// Random members of 0 .. n-1, the same in every run.
class shuffled {
 public:
  static constexpr std::size_t length = 4096;
  explicit shuffled(std::size_t n) {
    std::uint64_t state = 0x9e3779b97f4a7c15;
    for (std::uint32_t& each : order_) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      each = static_cast<std::uint32_t>((state >> 33) % n);
    }
  }
  std::uint32_t operator[](std::size_t i) const { return order_[i % length]; }

 private:
  std::uint32_t order_[length];
};

/// All of 0 .. n-1, in an order that no prefetcher guesses, the same in every run.
inline void permute(std::uint32_t* order, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) order[i] = static_cast<std::uint32_t>(i);
  std::uint64_t state = 0x2545f4914f6cdd1d;
  for (std::size_t i = n; i > 1; --i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const std::size_t j = (state >> 33) % i;
    const std::uint32_t swapped = order[i - 1];
    order[i - 1] = order[j];
    order[j] = swapped;
  }
}

}  // namespace bench
