// malloc and its kin: blocks of the process heap.
//
// Thread safety: any thread.
#include <cerrno>

#include "win32/crt.hpp"
#include "win32/heap.hpp"

// clang-format off: last, because they define much.
#include <windows.h>

#include <parts/win32_crt.h>
// clang-format on

using namespace belay;
using namespace belay::win32;

namespace {

bool product(std::size_t count, std::size_t size, std::size_t& out) {
  return !__builtin_mul_overflow(count, size, &out);
}

void* no_memory() {
  errno = ENOMEM;
  return nullptr;
}

template <class C>
C* duplicate(const C* text) {
  if (text == nullptr) return nullptr;
  const std::size_t bytes = (length_of(text) + 1) * sizeof(C);
  void* const copy = heap_allocate(process_heap(), bytes);
  if (copy == nullptr) return static_cast<C*>(no_memory());
  RtlCopyMemory(copy, text, bytes);
  return static_cast<C*>(copy);
}

}  // namespace

extern "C" {

NTKERNELAPI void* belay_crt_malloc(size_t size) {
  void* const block = heap_allocate(process_heap(), size);
  return block != nullptr ? block : no_memory();
}
NTKERNELAPI void* belay_crt_calloc(size_t count, size_t size) {
  std::size_t bytes = 0;
  return product(count, size, bytes) ? belay_crt_malloc(bytes) : no_memory();
}
NTKERNELAPI void belay_crt_free(void* block) {
  if (block != nullptr && !heap_free(process_heap(), block)) heap_corrupted("free", block);
}
/// As Windows does it: a size of 0 frees.
NTKERNELAPI void* belay_crt_realloc(void* block, size_t size) {
  if (block == nullptr) return belay_crt_malloc(size);
  if (size == 0) {
    belay_crt_free(block);
    return nullptr;
  }
  if (!heap_has(process_heap(), block, nullptr)) heap_corrupted("realloc", block);
  void* const moved = heap_resize(process_heap(), block, size);
  return moved != nullptr ? moved : no_memory();
}
NTKERNELAPI void* _recalloc(void* block, size_t count, size_t size) {
  std::size_t bytes = 0;
  return product(count, size, bytes) ? belay_crt_realloc(block, bytes) : no_memory();
}
NTKERNELAPI size_t _msize(void* block) {
  std::size_t bytes = 0;
  if (!heap_has(process_heap(), block, &bytes)) heap_corrupted("_msize", block);
  return bytes;
}
/// The block's own address stands in front of the aligned one.
NTKERNELAPI void* _aligned_malloc(size_t size, size_t alignment) {
  if (alignment == 0 || (alignment & (alignment - 1)) != 0) {
    invalid_parameter("_aligned_malloc");
    errno = EINVAL;
    return nullptr;
  }
  if (alignment < sizeof(void*)) alignment = sizeof(void*);
  std::size_t bytes = 0;
  if (__builtin_add_overflow(size, alignment + sizeof(void*), &bytes)) return no_memory();
  void* const block = belay_crt_malloc(bytes);
  if (block == nullptr) return nullptr;
  const auto at =
      (reinterpret_cast<std::uintptr_t>(block) + sizeof(void*) + alignment - 1) & ~(alignment - 1);
  auto* const aligned = reinterpret_cast<void**>(at);
  aligned[-1] = block;
  return aligned;
}
NTKERNELAPI void _aligned_free(void* block) {
  if (block != nullptr) belay_crt_free(static_cast<void**>(block)[-1]);
}

NTKERNELAPI char* belay_crt_strdup(const char* text) { return duplicate(text); }
NTKERNELAPI wchar_t* belay_crt_wcsdup(const wchar_t* text) { return duplicate(text); }
NTKERNELAPI wchar_t* _wcsdup(const wchar_t* text) { return duplicate(text); }

NTKERNELAPI void* belay_crt_memcpy(void* to, const void* from, size_t length) {
  RtlCopyMemory(to, from, length);
  return to;
}
NTKERNELAPI void* belay_crt_memmove(void* to, const void* from, size_t length) {
  RtlMoveMemory(to, from, length);
  return to;
}
NTKERNELAPI void* belay_crt_memset(void* at, int value, size_t length) {
  RtlFillMemory(at, length, value);
  return at;
}
NTKERNELAPI int belay_crt_memcmp(const void* left, const void* right, size_t length) {
  const std::size_t same = RtlCompareMemory(left, right, length);
  if (same == length) return 0;
  return static_cast<const unsigned char*>(left)[same] -
         static_cast<const unsigned char*>(right)[same];
}

}  // extern "C"
