// Heaps, LocalAlloc, GlobalAlloc, VirtualAlloc.
//
// Thread safety: any thread.
#include "win32/heap.hpp"

#include "kernel/contract.hpp"
#include "kernel/parts.hpp"
#include "win32/crt.hpp"
#include "win32/process.hpp"
#include "win32/transfer.hpp"

// clang-format off: last, because they define much.
#include <windows.h>
// clang-format on

namespace belay::inline BELAY_BUILD::win32 {

namespace {

struct heap_block {
  heap_block* next = nullptr;
  heap_block* previous = nullptr;
  void* address = nullptr;
  std::size_t bytes = 0;
};

}  // namespace

struct heap {
#if defined(BELAY_EXPLORED)
  static constexpr std::size_t buckets = 32;  // made anew for each execution
#else
  static constexpr std::size_t buckets = 1024;
#endif
  heap* next = nullptr;
  heap* previous = nullptr;
  std::size_t limit = 0;  ///< 0: none
  std::size_t used = 0;
  heap_block* blocks[buckets] = {};
};

namespace {

heap_block** bucket_of(heap& in, const void* block) {
  const auto bits = reinterpret_cast<std::uintptr_t>(block) >> 4;
  return &in.blocks[(bits ^ bits >> 10) % heap::buckets];
}

/// REQUIRES: the process's lock.
heap_block* find(heap& in, const void* block) {
  for (heap_block* each = *bucket_of(in, block); each != nullptr; each = each->next) {
    if (each->address == block) return each;
  }
  return nullptr;
}

heap* new_heap(std::size_t limit) {
  heap* const made = kernel::make<heap>();
  made->limit = limit;
  crt_state& state = crt();
  const kernel::guard hold_lock(the_process().lock);
  kernel::push_front(state.heaps, made);
  return made;
}

void free_blocks(heap& of) {
  for (heap_block*& bucket : of.blocks) {
    while (heap_block* const each = bucket) {
      kernel::unlink(bucket, each);
      sync::deallocate(each->address);
      kernel::discard(each);
    }
  }
}

heap* heap_of(HANDLE handle) {
  const kernel::guard hold_lock(the_process().lock);
  for (heap* each = crt().heaps; each != nullptr; each = each->next) {
    if (each == handle) return each;
  }
  return nullptr;
}

// Moves `bytes` of a block's content as the program would.
void carry(void* to, const void* from, std::size_t bytes) {
  if (bytes != 0) RtlCopyMemory(to, from, bytes);
}

}  // namespace

heap& process_heap() {
  crt_state& state = crt();
  if (state.process_heap == nullptr) state.process_heap = new_heap(0);
  return *state.process_heap;
}

void* heap_allocate(heap& from, std::size_t bytes) {
  const sync::sealed seal;
  if (from.limit != 0 && (bytes > from.limit || from.used > from.limit - bytes)) return nullptr;
  void* const block = sync::allocate(bytes, sync::memory_use::guest);
  if (block == nullptr) return nullptr;
  auto* const entry = kernel::make<heap_block>();
  entry->address = block;
  entry->bytes = bytes;
  const kernel::guard hold_lock(the_process().lock);
  kernel::push_front(*bucket_of(from, block), entry);
  from.used += bytes;
  return block;
}

bool heap_has(heap& from, const void* block, std::size_t* bytes) {
  const kernel::guard hold_lock(the_process().lock);
  const heap_block* const entry = find(from, block);
  if (entry != nullptr && bytes != nullptr) *bytes = entry->bytes;
  return entry != nullptr;
}

bool heap_free(heap& from, void* block) {
  const sync::sealed seal;
  heap_block* entry = nullptr;
  {
    const kernel::guard hold_lock(the_process().lock);
    entry = find(from, block);
    if (entry == nullptr) return false;
    kernel::unlink(*bucket_of(from, block), entry);
    from.used -= entry->bytes;
  }
  check_memory_freed(block, entry->bytes);
  kernel::discard(entry);
  sync::deallocate(block);
  return true;
}

void* heap_resize(heap& from, void* block, std::size_t bytes) {
  std::size_t old = 0;
  if (!heap_has(from, block, &old)) return nullptr;
  void* const made = heap_allocate(from, bytes);
  if (made == nullptr) return nullptr;
  carry(made, block, old < bytes ? old : bytes);
  heap_free(from, block);
  return made;
}

void free_heaps(void* first) {
  for (auto* each = static_cast<heap*>(first); each != nullptr;) {
    heap* const next = each->next;
    free_blocks(*each);
    kernel::discard(each);
    each = next;
  }
}

void heap_corrupted(const char* function, const void* block) {
  kernel::fail("WIN32-HEAP-001", "STATUS_HEAP_CORRUPTION", 0, {0xC0000374, 0, 0, 0}, block,
               "%s was given %p, which is no block of the heap: freed twice, or never allocated",
               function, block);
}

}  // namespace belay::inline BELAY_BUILD::win32

using namespace belay;
using namespace belay::win32;

extern "C" {

HANDLE WINAPI GetProcessHeap(VOID) { return &process_heap(); }

HANDLE WINAPI HeapCreate(DWORD, SIZE_T, SIZE_T dwMaximumSize) {
  const sync::sealed seal;
  return new_heap(dwMaximumSize);
}

BOOL WINAPI HeapDestroy(HANDLE hHeap) {
  const sync::sealed seal;
  heap* const old = heap_of(hHeap);
  if (old == nullptr || old == &process_heap()) return fail(ERROR_INVALID_HANDLE);
  {
    const kernel::guard hold_lock(the_process().lock);
    kernel::unlink(crt().heaps, old);
  }
  free_blocks(*old);
  kernel::discard(old);
  return TRUE;
}

LPVOID WINAPI HeapAlloc(HANDLE hHeap, DWORD, SIZE_T dwBytes) {
  heap* const from = heap_of(hHeap);
  if (from == nullptr) heap_corrupted("HeapAlloc", hHeap);
  void* const block = heap_allocate(*from, dwBytes);
  if (block == nullptr) fail(ERROR_NOT_ENOUGH_MEMORY);
  return block;
}

LPVOID WINAPI HeapReAlloc(HANDLE hHeap, DWORD dwFlags, LPVOID lpMem, SIZE_T dwBytes) {
  heap* const from = heap_of(hHeap);
  std::size_t old = 0;
  if (from == nullptr || !heap_has(*from, lpMem, &old)) heap_corrupted("HeapReAlloc", lpMem);
  void* block = nullptr;
  if ((dwFlags & HEAP_REALLOC_IN_PLACE_ONLY) == 0) block = heap_resize(*from, lpMem, dwBytes);
  if (block == nullptr) fail(ERROR_NOT_ENOUGH_MEMORY);
  return block;
}

BOOL WINAPI HeapFree(HANDLE hHeap, DWORD, LPVOID lpMem) {
  if (lpMem == nullptr) return TRUE;
  heap* const from = heap_of(hHeap);
  if (from == nullptr || !heap_free(*from, lpMem)) heap_corrupted("HeapFree", lpMem);
  return TRUE;
}

SIZE_T WINAPI HeapSize(HANDLE hHeap, DWORD, LPCVOID lpMem) {
  heap* const from = heap_of(hHeap);
  std::size_t bytes = 0;
  if (from == nullptr || !heap_has(*from, lpMem, &bytes)) return static_cast<SIZE_T>(-1);
  return bytes;
}

HLOCAL WINAPI LocalAlloc(UINT, SIZE_T uBytes) { return HeapAlloc(GetProcessHeap(), 0, uBytes); }
HLOCAL WINAPI LocalReAlloc(HLOCAL hMem, SIZE_T uBytes, UINT) {
  return HeapReAlloc(GetProcessHeap(), 0, hMem, uBytes);
}
LPVOID WINAPI LocalLock(HLOCAL hMem) {
  if (heap_has(process_heap(), hMem, nullptr)) return hMem;
  fail(ERROR_INVALID_HANDLE);
  return nullptr;
}
BOOL WINAPI LocalUnlock(HLOCAL hMem) {
  return heap_has(process_heap(), hMem, nullptr) ? fail(ERROR_NOT_LOCKED)
                                                 : fail(ERROR_INVALID_HANDLE);
}
SIZE_T WINAPI LocalSize(HLOCAL hMem) {
  std::size_t bytes = 0;
  if (!heap_has(process_heap(), hMem, &bytes)) fail(ERROR_INVALID_HANDLE);
  return bytes;
}
HLOCAL WINAPI LocalFree(HLOCAL hMem) {
  HeapFree(GetProcessHeap(), 0, hMem);
  return nullptr;
}
HGLOBAL WINAPI GlobalAlloc(UINT uFlags, SIZE_T dwBytes) { return LocalAlloc(uFlags, dwBytes); }
HGLOBAL WINAPI GlobalReAlloc(HGLOBAL hMem, SIZE_T dwBytes, UINT uFlags) {
  return LocalReAlloc(hMem, dwBytes, uFlags);
}
LPVOID WINAPI GlobalLock(HGLOBAL hMem) { return LocalLock(hMem); }
BOOL WINAPI GlobalUnlock(HGLOBAL hMem) { return LocalUnlock(hMem); }
SIZE_T WINAPI GlobalSize(HGLOBAL hMem) { return LocalSize(hMem); }
HGLOBAL WINAPI GlobalFree(HGLOBAL hMem) { return LocalFree(hMem); }

/// The blocks are the process heap's, with the address before rounding kept in front of them.
LPVOID WINAPI VirtualAlloc(LPVOID lpAddress, SIZE_T dwSize, DWORD flAllocationType,
                           DWORD flProtect) {
  constexpr std::size_t page = 0x1000;
  constexpr std::size_t granularity = 0x1'0000;
  if (lpAddress != nullptr) {
    // Committing what was reserved: it is there already.
    if ((flAllocationType & (MEM_COMMIT | MEM_RESERVE)) == MEM_COMMIT) return lpAddress;
    fail(ERROR_INVALID_ADDRESS);
    return nullptr;
  }
  const bool known = flProtect == PAGE_READWRITE || flProtect == PAGE_EXECUTE_READWRITE ||
                     flProtect == PAGE_READONLY || flProtect == PAGE_NOACCESS;
  if (dwSize == 0 || !known || (flAllocationType & (MEM_COMMIT | MEM_RESERVE)) == 0) {
    fail(ERROR_INVALID_PARAMETER);
    return nullptr;
  }
  const std::size_t bytes = (dwSize + page - 1) & ~(page - 1);
  char* const block = static_cast<char*>(heap_allocate(process_heap(), bytes + granularity + 16));
  if (block == nullptr || bytes < dwSize) {
    fail(ERROR_NOT_ENOUGH_MEMORY);
    return nullptr;
  }
  const auto start = (reinterpret_cast<std::uintptr_t>(block) + 16 + granularity - 1) &
                     ~(std::uintptr_t{granularity} - 1);
  auto* const pages = reinterpret_cast<void**>(start);
  pages[-1] = block;
  return pages;
}

BOOL WINAPI VirtualFree(LPVOID lpAddress, SIZE_T dwSize, DWORD dwFreeType) {
  if (dwFreeType == MEM_DECOMMIT) return TRUE;
  if (dwFreeType != MEM_RELEASE || dwSize != 0) return fail(ERROR_INVALID_PARAMETER);
  const auto at = reinterpret_cast<std::uintptr_t>(lpAddress);
  if (lpAddress == nullptr || (at & 0xffff) != 0) return fail(ERROR_INVALID_ADDRESS);
  void* const block = static_cast<void**>(lpAddress)[-1];
  return heap_free(process_heap(), block) ? TRUE : fail(ERROR_INVALID_ADDRESS);
}

}  // extern "C"
