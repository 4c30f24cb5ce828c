// T15: what each thing takes, in itself and on the heap. Compiled once with g++ for all, and once
// with clang for libc++'s std::stop_token (BENCH_LIBRARY is the name). Prints JSON as Google
// Benchmark does.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <stop_token>

#if defined(BENCH_BELAY)
#include "belay/biased_operation.hpp"
#include "belay/callback.hpp"
#include "belay/child_operation.hpp"
#include "belay/child_source.hpp"
#include "belay/deadline.hpp"
#include "belay/fan_out_source.hpp"
#include "belay/operation.hpp"
#include "belay/wide_source.hpp"
#endif
#if defined(BENCH_ASIO)
#define ASIO_STANDALONE 1
#include <asio/cancellation_signal.hpp>
#endif
#if defined(BENCH_TBB)
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_group.h>
#endif

namespace {

std::size_t heap_bytes = 0, heap_calls = 0;

void* counted(void* memory, std::size_t size) {
  heap_bytes += size;
  ++heap_calls;
  return memory;
}

}  // namespace

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void* malloc(std::size_t size) { return counted(__libc_malloc(size), size); }
void* calloc(std::size_t n, std::size_t size) { return counted(__libc_calloc(n, size), n * size); }
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return counted(__libc_memalign(alignment, size), size);
}
}

namespace {

const char* separator = "\n";

void report(const char* name, std::size_t size) {
  std::printf(
      "%s    {\"name\": \"size/T15/%s\", \"run_type\": \"iteration\", \"bytes\": %zu, "
      "\"heap_bytes\": %zu, \"heap_calls\": %zu}",
      separator, name, size, heap_bytes, heap_calls);
  separator = ",\n";
}

/// Makes one, keeps it, and says what that took.
template <class T, class... Arguments>
void measure(const char* name, Arguments&&... arguments) {
  alignas(T) static std::byte room[sizeof(T)];
  heap_bytes = heap_calls = 0;
  T& made = *new (room) T(std::forward<Arguments>(arguments)...);
  asm volatile("" : : "r"(&made) : "memory");  // or a compiler may leave the heap out
  report(name, sizeof(T));
  made.~T();
}

struct nothing {
  void operator()() const noexcept {}
};

void stop_token() {
  measure<std::stop_source>(BENCH_LIBRARY "_source");
  static std::stop_source source;
  measure<std::stop_callback<nothing>>(BENCH_LIBRARY "_registration", source.get_token(),
                                       nothing{});
  struct forward {
    std::stop_source* to;
    void operator()() const noexcept { to->request_stop(); }
  };
  struct child {
    std::stop_source own;
    std::stop_callback<forward> link{source.get_token(), forward{&own}};
  };
  measure<child>(BENCH_LIBRARY "_child");
}

#if defined(BENCH_BELAY)
template <class Kind>
struct quiet : Kind {
  quiet() : Kind([](auto&, belay::reason) noexcept {}) {}
};
void belay_core() {
  static belay::source parent;
  measure<belay::operation>("belay_operation");
  measure<quiet<belay::claim_routine>>("belay_routine");
  measure<belay::source>("belay_source");
  measure<quiet<belay::listener>>("belay_listener");
  measure<belay::callback<nothing>>("belay_callback", parent, nothing{});
  measure<belay::child_operation>("belay_child_operation", parent);
  measure<belay::child_source>("belay_child_source", parent);
  measure<belay::wide_source>("belay_wide_source");
  measure<belay::fan_out_source>("belay_fan_out_source");
  measure<belay::biased_operation>("belay_biased_operation");
  measure<belay::deadline>("belay_deadline");
}

/// The mutex and the list of mutex_list.cpp.
struct by_hand {
  std::mutex lock;
  std::atomic<bool> cancelled{false};
  std::list<std::function<void()>> calls;
};
struct by_hand_registration {
  explicit by_hand_registration(by_hand& with)
      : where(with.calls.insert(with.calls.end(), [] {})) {}
  std::list<std::function<void()>>::iterator where;
};
void mutex_list() {
  static by_hand source;
  measure<by_hand>("mutex_list_source");
  measure<by_hand_registration>("mutex_list_registration", source);
}
#endif

#if defined(BENCH_ASIO)
void asio_signal() {
  struct handler {
    void operator()(asio::cancellation_type_t) const noexcept {}
  };
  struct armed {
    armed() { signal.slot().assign(handler{}); }
    asio::cancellation_signal signal;
  };
  measure<armed>("asio_source");
}
#endif

#if defined(BENCH_TBB)
void tbb_context() {
  const tbb::global_control alone(tbb::global_control::max_allowed_parallelism, 1);
  measure<tbb::task_group_context>("tbb_source", tbb::task_group_context::isolated);
}
#endif

}  // namespace

int main() {
  std::printf("{\"benchmarks\": [");
  stop_token();
#if defined(BENCH_BELAY)
  belay_core();
  mutex_list();
#endif
#if defined(BENCH_ASIO)
  asio_signal();
#endif
#if defined(BENCH_TBB)
  tbb_context();
#endif
  std::printf("\n]}\n");
}
