#include "sync/explored/arena.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <sys/mman.h>

namespace belay::inline BELAY_BUILD::sync {

namespace {

// Above what Linux hands out by itself, so that addresses are the same in every process.
constexpr std::uintptr_t wanted_base = 0x2000'0000'0000;

void* map_at(std::uintptr_t where, std::size_t bytes) {
  const int flags =
      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (where != 0 ? MAP_FIXED_NOREPLACE : 0);
  void* const at =
      mmap(reinterpret_cast<void*>(where), bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (at == MAP_FAILED) {
    std::fprintf(stderr,
                 "belay: cannot reserve %zu MiB of address space (errno %d); raise `ulimit -v`.\n",
                 bytes >> 20, errno);
    std::exit(77);
  }
  return at;
}

}  // namespace

void arena::map() {
  if (mapped()) return;
  base_ = reinterpret_cast<std::uintptr_t>(map_at(wanted_base, size));
  shadow_ = static_cast<std::uint8_t*>(map_at(0, heaps_size / 8));
  for (int actor = 0; actor < max_actors; ++actor) {
    void* const guard =
        reinterpret_cast<void*>(base_ + static_cast<std::size_t>(actor) * stack_size);
    mprotect(guard, guard_size, PROT_NONE);
  }
}

void* arena::allocate(int actor, std::size_t bytes, memory_use use) {
  const std::size_t need = sizeof(header) + ((bytes + 15) & ~std::size_t{15});
  std::size_t& used = used_[actor];
  if (used + need + sizeof(header) > heap_size) return nullptr;
  touched_ |= std::uint64_t{1} << actor;
  const std::uintptr_t at =
      base_ + stacks_size + static_cast<std::size_t>(actor) * heap_size + used;
  used += need;
  auto* const head = reinterpret_cast<header*>(at);
  head->bytes = bytes;
  head->use = static_cast<std::uint64_t>(use);
  void* const block = head + 1;
  std::memset(block, 0, need - sizeof(header));
  if (use == memory_use::guest) poison(block, bytes, memory_state::addressable);
  return block;
}

void arena::poison(const void* at, std::size_t bytes, memory_state state) {
  const std::uintptr_t offset = reinterpret_cast<std::uintptr_t>(at) - base_ - stacks_size;
  if (offset >= heaps_size) return;
  std::memset(shadow_ + (offset >> 3), static_cast<int>(state), bytes >> 3);
  if ((bytes & 7) != 0) {
    shadow_[(offset + bytes) >> 3] = state == memory_state::addressable
                                         ? static_cast<std::uint8_t>(bytes & 7)
                                         : static_cast<std::uint8_t>(state);
  }
}

bool arena::addressable_slowly(std::uintptr_t address, std::size_t bytes) const {
  if (bytes == 0) return true;
  const std::uintptr_t last = address + bytes - 1;
  if (!in_heap(address) || !in_heap(last)) return false;
  const std::uint8_t* shadow = shadow_ + ((address - base_ - stacks_size) >> 3);
  const std::uint8_t* const end = shadow_ + ((last - base_ - stacks_size) >> 3);
  while (shadow < end) {
    if (*shadow++ != 8) return false;
  }
  return *end <= 8 && (last & 7) < *end;
}

bool arena::find_block(std::uintptr_t address, std::uintptr_t* start, std::size_t* bytes) const {
  if (!in_heap(address)) return false;
  const std::size_t offset = address - base_ - stacks_size;
  const std::size_t actor = offset / heap_size;
  const std::uintptr_t low = base_ + stacks_size + actor * heap_size;
  std::uintptr_t at = low;
  bool found = false;
  while (at < low + used_[actor]) {
    const auto* const head = reinterpret_cast<const header*>(at);
    if (at + sizeof(header) > address) break;
    *start = at + sizeof(header);
    *bytes = head->bytes;
    found = true;
    at += sizeof(header) + ((head->bytes + 15) & ~std::size_t{15});
  }
  return found;
}

void arena::rewind() {
  while (touched_ != 0) {
    const int actor = __builtin_ctzll(touched_);
    touched_ &= touched_ - 1;
    std::memset(shadow_ + static_cast<std::size_t>(actor) * heap_size / 8, 0, used_[actor] / 8 + 1);
    used_[actor] = 0;
  }
}

}  // namespace belay::inline BELAY_BUILD::sync
