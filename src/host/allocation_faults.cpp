#include "host/allocation_faults.hpp"

#include <execinfo.h>

#include <cstdint>

#include "kernel/executive.hpp"
#include "sync/native/allocation_gate.hpp"

namespace belay::inline BELAY_BUILD::host {

namespace {

constexpr int most_frames = 64;
constexpr std::size_t most_stacks = 1 << 14;  // beyond that, nothing fails any more

// The stacks that have failed, by the hash of their return addresses; 0 is a free place.
struct stacks {
  sync::inner_lock lock;
  std::size_t count = 0;
  std::uint64_t place[2 * most_stacks];
};
stacks* seen = nullptr;

std::uint64_t hash_of_stack() {
  void* frames[most_frames];
  const int count = backtrace(frames, most_frames);
  std::uint64_t hash = 0xcbf29ce484222325;
  for (int i = 0; i < count; ++i) {
    hash = (hash ^ reinterpret_cast<std::uint64_t>(frames[i])) * 0x100000001b3;
    hash ^= hash >> 29;
  }
  return hash | 1;
}

bool may_succeed(std::size_t, sync::memory_use) {
  const std::uint64_t hash = hash_of_stack();
  const kernel::guard hold(seen->lock);
  if (seen->count == most_stacks) return true;
  std::size_t at = hash % (2 * most_stacks);
  for (; seen->place[at] != 0; at = (at + 1) % (2 * most_stacks)) {
    if (seen->place[at] == hash) return true;
  }
  seen->place[at] = hash;
  ++seen->count;
  return false;
}

}  // namespace

void fail_allocations() {
  static stacks all;
  seen = &all;
  hash_of_stack();  // the first one loads a library
  sync::set_allocation_gate(&may_succeed);
}

bool allocations_fail() { return seen != nullptr; }

std::size_t failed_allocations() {
  if (seen == nullptr) return 0;
  const kernel::guard hold(seen->lock);
  return seen->count;
}

}  // namespace belay::inline BELAY_BUILD::host
