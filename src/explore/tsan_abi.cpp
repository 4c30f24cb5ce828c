// The functions that code compiled with -fsanitize=thread calls: our own, no libtsan.
//
// A guest is compiled with the flag and linked without it; each of its accesses to memory that is
// not its own stack arrives here and may be a scheduling point. GCC and Clang name slightly
// different sets; both are here. Signatures follow the compilers' calling code.
#include <cstdint>
#include <cstring>

#include "sync/sync.hpp"

namespace {

using belay::sync::access_kind;

#define SITE __builtin_return_address(0)

inline void access(const volatile void* at, std::size_t size, access_kind kind, const void* site) {
  belay::sync::guest().access(reinterpret_cast<std::uintptr_t>(at), size, kind, false, site);
}

// Atomic and volatile ones.
inline void synchronise(const volatile void* at, std::size_t size, access_kind kind,
                        const void* site) {
  belay::sync::guest().access(reinterpret_cast<std::uintptr_t>(at), size, kind, true, site);
}

}  // namespace

extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void** at, void*) { access(at, 8, access_kind::write, SITE); }
void __tsan_vptr_read(void** at) { access(at, 8, access_kind::read, SITE); }
void __tsan_read_range(void* at, std::size_t size) { access(at, size, access_kind::read, SITE); }
void __tsan_write_range(void* at, std::size_t size) { access(at, size, access_kind::write, SITE); }

#define PLAIN(n)                                                                            \
  void __tsan_read##n(void* at) { access(at, n, access_kind::read, SITE); }                 \
  void __tsan_write##n(void* at) { access(at, n, access_kind::write, SITE); }               \
  void __tsan_unaligned_read##n(void* at) { access(at, n, access_kind::read, SITE); }       \
  void __tsan_unaligned_write##n(void* at) { access(at, n, access_kind::write, SITE); }     \
  void __tsan_volatile_read##n(void* at) { synchronise(at, n, access_kind::read, SITE); }   \
  void __tsan_volatile_write##n(void* at) { synchronise(at, n, access_kind::write, SITE); } \
  void __tsan_unaligned_volatile_read##n(void* at) {                                        \
    synchronise(at, n, access_kind::read, SITE);                                            \
  }                                                                                         \
  void __tsan_unaligned_volatile_write##n(void* at) {                                       \
    synchronise(at, n, access_kind::write, SITE);                                           \
  }                                                                                         \
  void __tsan_read_write##n(void* at) {                                                     \
    access(at, n, access_kind::read, SITE);                                                 \
    access(at, n, access_kind::write, SITE);                                                \
  }                                                                                         \
  void __tsan_unaligned_read_write##n(void* at) {                                           \
    access(at, n, access_kind::read, SITE);                                                 \
    access(at, n, access_kind::write, SITE);                                                \
  }
PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

void* __tsan_memcpy(void* to, const void* from, std::size_t size) {
  access(from, size, access_kind::read, SITE);
  access(to, size, access_kind::write, SITE);
  return std::memcpy(to, from, size);
}
void* __tsan_memmove(void* to, const void* from, std::size_t size) {
  access(from, size, access_kind::read, SITE);
  access(to, size, access_kind::write, SITE);
  return std::memmove(to, from, size);
}
void* __tsan_memset(void* to, int value, std::size_t size) {
  access(to, size, access_kind::write, SITE);
  return std::memset(to, value, size);
}

#define UPDATE(bits, type, name, expression)                           \
  type __tsan_atomic##bits##_##name(volatile type* at, type by, int) { \
    synchronise(at, sizeof(type), access_kind::update, SITE);          \
    const type was = *at;                                              \
    *at = static_cast<type>(expression);                               \
    return was;                                                        \
  }
#define ATOMIC(bits, type)                                                                         \
  type __tsan_atomic##bits##_load(const volatile type* at, int) {                                  \
    synchronise(at, sizeof(type), access_kind::read, SITE);                                        \
    return *at;                                                                                    \
  }                                                                                                \
  void __tsan_atomic##bits##_store(volatile type* at, type value, int) {                           \
    synchronise(at, sizeof(type), access_kind::write, SITE);                                       \
    *at = value;                                                                                   \
  }                                                                                                \
  UPDATE(bits, type, exchange, by)                                                                 \
  UPDATE(bits, type, fetch_add, was + by)                                                          \
  UPDATE(bits, type, fetch_sub, was - by)                                                          \
  UPDATE(bits, type, fetch_and, was& by)                                                           \
  UPDATE(bits, type, fetch_or, was | by)                                                           \
  UPDATE(bits, type, fetch_xor, was ^ by)                                                          \
  UPDATE(bits, type, fetch_nand, ~(was & by))                                                      \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile type* at, type* expected, type value, \
                                                    int, int) {                                    \
    synchronise(at, sizeof(type), access_kind::update, SITE);                                      \
    if (*at == *expected) {                                                                        \
      *at = value;                                                                                 \
      return 1;                                                                                    \
    }                                                                                              \
    *expected = *at;                                                                               \
    return 0;                                                                                      \
  }                                                                                                \
  int __tsan_atomic##bits##_compare_exchange_weak(volatile type* at, type* expected, type value,   \
                                                  int, int) {                                      \
    synchronise(at, sizeof(type), access_kind::update, SITE);                                      \
    if (*at == *expected) {                                                                        \
      *at = value;                                                                                 \
      return 1;                                                                                    \
    }                                                                                              \
    *expected = *at;                                                                               \
    return 0;                                                                                      \
  }                                                                                                \
  type __tsan_atomic##bits##_compare_exchange_val(volatile type* at, type expected, type value,    \
                                                  int, int) {                                      \
    synchronise(at, sizeof(type), access_kind::update, SITE);                                      \
    const type was = *at;                                                                          \
    if (was == expected) *at = value;                                                              \
    return was;                                                                                    \
  }
ATOMIC(8, std::uint8_t)
ATOMIC(16, std::uint16_t)
ATOMIC(32, std::uint32_t)
ATOMIC(64, std::uint64_t)
__extension__ typedef unsigned __int128 belay_uint128;
ATOMIC(128, belay_uint128)

void __tsan_atomic_thread_fence(int) {}
void __tsan_atomic_signal_fence(int) {}

}  // extern "C"
