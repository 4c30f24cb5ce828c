// The functions that a driver built by `belay cc` calls around its memory accesses.
//
// The explorer needs them; here plain accesses are none of our business, and the atomic ones are
// carried out. So one file of a driver serves `belay check` and `belay run`.
#include <cstdint>
#include <cstring>

#if !defined(__SANITIZE_THREAD__)  // whose runtime has them

namespace {

// The compiler hands over C's memory orders; the strongest serves all.
inline constexpr int order = __ATOMIC_SEQ_CST;

}  // namespace

extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
void __tsan_read_range(void*, std::size_t) {}
void __tsan_write_range(void*, std::size_t) {}

#define PLAIN(n)                                    \
  void __tsan_read##n(void*) {}                     \
  void __tsan_write##n(void*) {}                    \
  void __tsan_unaligned_read##n(void*) {}           \
  void __tsan_unaligned_write##n(void*) {}          \
  void __tsan_volatile_read##n(void*) {}            \
  void __tsan_volatile_write##n(void*) {}           \
  void __tsan_unaligned_volatile_read##n(void*) {}  \
  void __tsan_unaligned_volatile_write##n(void*) {} \
  void __tsan_read_write##n(void*) {}               \
  void __tsan_unaligned_read_write##n(void*) {}
PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

void* __tsan_memcpy(void* to, const void* from, std::size_t size) {
  return std::memcpy(to, from, size);
}
void* __tsan_memmove(void* to, const void* from, std::size_t size) {
  return std::memmove(to, from, size);
}
void* __tsan_memset(void* to, int value, std::size_t size) { return std::memset(to, value, size); }

#define UPDATE(bits, type, name)                                       \
  type __tsan_atomic##bits##_##name(volatile type* at, type by, int) { \
    return __atomic_##name(at, by, order);                             \
  }
#define EXCHANGE(bits, type)                                                                       \
  type __tsan_atomic##bits##_exchange(volatile type* at, type by, int) {                           \
    return __atomic_exchange_n(at, by, order);                                                     \
  }                                                                                                \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile type* at, type* expected, type value, \
                                                    int, int) {                                    \
    return __atomic_compare_exchange_n(at, expected, value, false, order, order);                  \
  }                                                                                                \
  int __tsan_atomic##bits##_compare_exchange_weak(volatile type* at, type* expected, type value,   \
                                                  int, int) {                                      \
    return __atomic_compare_exchange_n(at, expected, value, false, order, order);                  \
  }                                                                                                \
  type __tsan_atomic##bits##_compare_exchange_val(volatile type* at, type expected, type value,    \
                                                  int, int) {                                      \
    __atomic_compare_exchange_n(at, &expected, value, false, order, order);                        \
    return expected;                                                                               \
  }
#define ATOMIC(bits, type)                                               \
  type __tsan_atomic##bits##_load(const volatile type* at, int) {        \
    return __atomic_load_n(at, order);                                   \
  }                                                                      \
  void __tsan_atomic##bits##_store(volatile type* at, type value, int) { \
    __atomic_store_n(at, value, order);                                  \
  }                                                                      \
  UPDATE(bits, type, fetch_add)                                          \
  UPDATE(bits, type, fetch_sub)                                          \
  UPDATE(bits, type, fetch_and)                                          \
  UPDATE(bits, type, fetch_or)                                           \
  UPDATE(bits, type, fetch_xor)                                          \
  UPDATE(bits, type, fetch_nand)                                         \
  EXCHANGE(bits, type)
ATOMIC(8, std::uint8_t)
ATOMIC(16, std::uint16_t)
ATOMIC(32, std::uint32_t)
ATOMIC(64, std::uint64_t)

// 16 bytes: InterlockedCompareExchange128.
__extension__ typedef unsigned __int128 wide;
#define WIDE __attribute__((target("cx16")))
WIDE wide __tsan_atomic128_compare_exchange_val(volatile wide* at, wide expected, wide value, int,
                                                int) {
  return __sync_val_compare_and_swap(at, expected, value);
}
WIDE int __tsan_atomic128_compare_exchange_strong(volatile wide* at, wide* expected, wide value,
                                                  int, int) {
  const wide was = __sync_val_compare_and_swap(at, *expected, value);
  const bool done = was == *expected;
  *expected = was;
  return done;
}
WIDE int __tsan_atomic128_compare_exchange_weak(volatile wide* at, wide* expected, wide value, int,
                                                int) {
  return __tsan_atomic128_compare_exchange_strong(at, expected, value, 0, 0);
}

void __tsan_atomic_thread_fence(int) { __atomic_thread_fence(order); }
void __tsan_atomic_signal_fence(int) {}

}  // extern "C"

#endif
