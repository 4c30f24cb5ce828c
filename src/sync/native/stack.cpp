#include "sync/native/stack.hpp"

#include <pthread.h>

#include <csignal>
#include <cstddef>

#include <sys/mman.h>

#include "sync/stack.hpp"

namespace belay::inline BELAY_BUILD::sync {

namespace {

bool kept = false;  // written before there are threads

/// Gives the stack back when the thread ends.
struct signal_stack {
  void* low = nullptr;
  ~signal_stack() {
    if (low == nullptr) return;
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    sigaltstack(&none, nullptr);
    munmap(low, native::signal_stack_bytes);
  }
};
thread_local signal_stack here;

}  // namespace

namespace native {

void give_signal_stack() {
  stack_t known{};
  if (!kept || here.low != nullptr || sigaltstack(nullptr, &known) != 0) return;
  if ((known.ss_flags & SS_DISABLE) == 0) return;  // a sanitizer's
  void* const low = mmap(nullptr, signal_stack_bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (low == MAP_FAILED) return;
  stack_t own{};
  own.ss_sp = low;
  own.ss_size = signal_stack_bytes;
  if (sigaltstack(&own, nullptr) == 0) {
    here.low = low;
  } else {
    munmap(low, signal_stack_bytes);
  }
}

}  // namespace native

void keep_signal_stacks() { kept = true; }

void* stack_base() {
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return nullptr;
  void* low = nullptr;
  std::size_t size = 0;
  const int failed = pthread_attr_getstack(&attributes, &low, &size);
  pthread_attr_destroy(&attributes);
  return failed != 0 ? nullptr : static_cast<char*>(low) + size;
}

}  // namespace belay::inline BELAY_BUILD::sync
