// The heaps of a program.
//
// Thread safety: any thread; the lists are under the process's lock.
// Invariants: each live block is listed under its address and knows its heap.
// Contract: WIN32-HEAP-001
#pragma once

#include <cstddef>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::win32 {

struct heap;

heap& process_heap();
/// Zeroed memory of the program's; nullptr when there is none.
void* heap_allocate(heap& from, std::size_t bytes);
/// Moves the block unless it fits. `block` is one of `from`'s. nullptr: there is no memory, and the
/// block stays.
void* heap_resize(heap& from, void* block, std::size_t bytes);
/// Whether `block` is one of `from`'s; `*bytes` (may be nullptr) its size.
bool heap_has(heap& from, const void* block, std::size_t* bytes);
/// Returns: false if it is no block of `from`.
bool heap_free(heap& from, void* block);
void free_heaps(void* first);
/// The program freed, resized or asked for something that is no block: the end of it.
[[noreturn]] void heap_corrupted(const char* function, const void* block);

}  // namespace belay::inline BELAY_BUILD::win32
