#include "sync/native/memory.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "sync/native/allocation_gate.hpp"
#include "sync/native/futex.hpp"
#include "sync/probe.hpp"
#include "sync/vital.hpp"

#if defined(__SANITIZE_ADDRESS__)
#define BELAY_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BELAY_ADDRESS_SANITIZER 1
#endif
#endif
#if defined(BELAY_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, bytes) (static_cast<void>(at), static_cast<void>(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(at, bytes) (static_cast<void>(at), static_cast<void>(bytes))
#endif

namespace belay::inline BELAY_BUILD::sync {

namespace {

constexpr std::uint64_t alive = 0x6c612e79616c6562;
constexpr std::uint64_t dead = 0x64612e79616c6562;
constexpr int dead_byte = 0xdd;

struct alignas(16) header {
  std::uint64_t state;
  std::size_t bytes;
  std::uint64_t use;
  std::uint64_t unused;
};
static_assert(sizeof(header) == 32);

allocation_gate the_gate = nullptr;

header* header_of(const void* block) {
  return const_cast<header*>(static_cast<const header*>(block)) - 1;
}

}  // namespace

void set_allocation_gate(allocation_gate gate) { the_gate = gate; }

void* allocate(std::size_t bytes, memory_use use) {
  if (the_gate != nullptr && !the_gate(bytes, use)) [[unlikely]]
    return nullptr;
  return allocate_vital(bytes, use);
}

void* allocate_vital(std::size_t bytes, memory_use use) {
  if (bytes > PTRDIFF_MAX - sizeof(header)) return nullptr;
  auto* const head = static_cast<header*>(std::calloc(1, sizeof(header) + bytes));
  if (head == nullptr) return nullptr;
  *head = {alive, bytes, static_cast<std::uint64_t>(use), 0};
  return head + 1;
}

void deallocate(void* block) {
  if (block == nullptr) return;
  header* const head = header_of(block);
  if (head->state != alive)
    native::give_up(head->state == dead ? "a block was freed twice"
                                        : "something was freed that is no block");
  ASAN_UNPOISON_MEMORY_REGION(block, head->bytes);
  std::memset(block, dead_byte, head->bytes);
  asm volatile("" : : "r"(block) : "memory");  // the pattern is for whoever looks at freed memory
  head->state = dead;
  std::free(head);
}

std::size_t size_of(const void* block) { return header_of(block)->bytes; }

bool is_accessible(const volatile void* at, std::size_t bytes, bool write) {
  return probe::accessible(at, bytes, write);
}

void poison([[maybe_unused]] const void* at, [[maybe_unused]] std::size_t bytes,
            memory_state state) {
  switch (state) {
    case memory_state::addressable:
      ASAN_UNPOISON_MEMORY_REGION(at, bytes);
      break;
    case memory_state::freed:
    case memory_state::redzone:
      ASAN_POISON_MEMORY_REGION(at, bytes);
      break;
    case memory_state::completed:
      break;
  }
}

}  // namespace belay::inline BELAY_BUILD::sync
