#include "sync/stack.hpp"

#include <pthread.h>

#include <cstddef>

namespace belay::inline BELAY_BUILD::sync {

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
