// Counts what the process takes from the heap: this file replaces the global allocator of the one
// program that includes it.
//
// All forms of operator new and delete; and, where no sanitizer has an allocator of its own, malloc
// and its kin, also when the C library calls them. Each call counts once, on whichever thread.
//
// Thread safety: everything. Include it in one source file of a program.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "sync/sync.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define BELAY_COUNTS_MALLOC 0
#endif
#endif
#if !defined(BELAY_COUNTS_MALLOC)
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define BELAY_COUNTS_MALLOC 0
#else
#define BELAY_COUNTS_MALLOC 1
#endif
#endif

namespace core_tests {

namespace sync = belay::sync;

/// Whether malloc is counted, too.
constexpr bool counts_malloc = BELAY_COUNTS_MALLOC != 0;

inline constinit sync::atomic<long> allocations{0};

/// How often `call` allocates, with all that other threads do meanwhile.
template <class F>
long allocations_in(F&& call) {
  const long before = allocations.load(std::memory_order_relaxed);
  call();
  return allocations.load(std::memory_order_relaxed) - before;
}

}  // namespace core_tests

#if BELAY_COUNTS_MALLOC

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);

inline void* counted_malloc(std::size_t size) {
  core_tests::allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(size);
}
inline void* counted_memalign(std::size_t alignment, std::size_t size) {
  core_tests::allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_memalign(alignment, size);
}
[[gnu::noinline]] inline void uncounted_free(void* block) { __libc_free(block); }

void* malloc(std::size_t size) { return counted_malloc(size); }
void free(void* block) { __libc_free(block); }
void* calloc(std::size_t count, std::size_t size) {
  core_tests::allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_calloc(count, size);
}
void* realloc(void* block, std::size_t size) {
  core_tests::allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_realloc(block, size);
}
void* memalign(std::size_t alignment, std::size_t size) {
  return counted_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return counted_memalign(alignment, size);
}
int posix_memalign(void** to, std::size_t alignment, std::size_t size) {
  *to = counted_memalign(alignment, size);
  return *to == nullptr ? ENOMEM : 0;
}
}

#else

inline void* counted_malloc(std::size_t size) {
  core_tests::allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size);
}
inline void* counted_memalign(std::size_t alignment, std::size_t size) {
  core_tests::allocations.fetch_add(1, std::memory_order_relaxed);
  return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}
[[gnu::noinline]] inline void uncounted_free(void* block) { std::free(block); }

#endif

inline void* counted_new(std::size_t size) {
  void* const block = counted_malloc(size != 0 ? size : 1);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}
inline void* counted_new(std::size_t size, std::align_val_t alignment) {
  void* const block = counted_memalign(static_cast<std::size_t>(alignment), size != 0 ? size : 1);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

using aligned = std::align_val_t;
using quiet = const std::nothrow_t&;

void* operator new(std::size_t size) { return counted_new(size); }
void* operator new[](std::size_t size) { return counted_new(size); }
void* operator new(std::size_t size, aligned at) { return counted_new(size, at); }
void* operator new[](std::size_t size, aligned at) { return counted_new(size, at); }
void* operator new(std::size_t size, quiet) noexcept { return counted_malloc(size); }
void* operator new[](std::size_t size, quiet) noexcept { return counted_malloc(size); }
void* operator new(std::size_t size, aligned at, quiet) noexcept {
  return counted_memalign(static_cast<std::size_t>(at), size);
}
void* operator new[](std::size_t size, aligned at, quiet) noexcept {
  return counted_memalign(static_cast<std::size_t>(at), size);
}

void operator delete(void* block) noexcept { uncounted_free(block); }
void operator delete[](void* block) noexcept { uncounted_free(block); }
void operator delete(void* block, std::size_t) noexcept { uncounted_free(block); }
void operator delete[](void* block, std::size_t) noexcept { uncounted_free(block); }
void operator delete(void* block, aligned) noexcept { uncounted_free(block); }
void operator delete[](void* block, aligned) noexcept { uncounted_free(block); }
void operator delete(void* block, std::size_t, aligned) noexcept { uncounted_free(block); }
void operator delete[](void* block, std::size_t, aligned) noexcept { uncounted_free(block); }
void operator delete(void* block, quiet) noexcept { uncounted_free(block); }
void operator delete[](void* block, quiet) noexcept { uncounted_free(block); }
void operator delete(void* block, aligned, quiet) noexcept { uncounted_free(block); }
void operator delete[](void* block, aligned, quiet) noexcept { uncounted_free(block); }
