#include "sync/explored/guest_access.hpp"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace belay::inline BELAY_BUILD::sync {

guest_memory the_guest_memory;

void guest_memory::map() {
  if (arena_learned_ != nullptr) return;
  world().memory().map();
  void* const at = mmap(nullptr, arena::size / 8, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) {
    std::fputs("belay: cannot reserve address space for the guest's shadow; raise `ulimit -v`.\n", stderr);
    std::exit(77);
  }
  arena_learned_ = static_cast<std::uint8_t*>(at);
}

void guest_memory::set_image(std::uintptr_t base, std::size_t bytes) {
  map();
  image_ = base;
  image_size_ = bytes;
  image_learned_.assign(bytes / 8 + 2, 0);
}

void guest_memory::forget() {
  map();
  madvise(arena_learned_, arena::size / 8, MADV_DONTNEED);
  std::fill(image_learned_.begin(), image_learned_.end(), std::uint8_t{0});
  std::memset(stack_shared_, 0, sizeof stack_shared_);
  shared_.clear();
  pending_.clear();
  grew_ = frozen_ = false;
}

void guest_memory::learn(std::uint8_t* at, actor_id who, std::uintptr_t address, access_kind kind) {
  const auto is_shared = [](std::uint8_t byte) {
    return (byte & who_mask) == read_by_many && (byte & written) != 0;
  };
  const std::uint8_t before = *at;
  std::uint8_t after = before;
  if ((before & who_mask) == 0) {
    after = static_cast<std::uint8_t>(who);
  } else if ((before & who_mask) != who) {
    after = static_cast<std::uint8_t>((before & written) | read_by_many);
  }
  if (kind != access_kind::read) after |= written;
  *at = after;
  if (is_shared(before) || !is_shared(after)) return;
  const bool in_image = address - image_ < image_size_;
  pending_.push_back(in_image ? ((address - image_) & ~std::uintptr_t{7}) + 1 : address & ~std::uintptr_t{7});
  grew_ = true;
}

std::uint8_t* guest_memory::learned_at(std::uint64_t granule) {
  const std::uintptr_t offset = granule - world().memory().base();
  if (offset < arena::size) return arena_learned_ + (offset >> 3);
  if (granule - 1 < image_size_) return image_learned_.data() + ((granule - 1) >> 3);
  return nullptr;
}

void guest_memory::share(std::uint64_t granule) {
  std::uint8_t* const at = learned_at(granule);
  if (at == nullptr || (*at & shared) != 0) return;
  *at |= shared | written | read_by_many;
  shared_.push_back(granule);
  const int stack = world().memory().stack_of(granule);
  if (stack >= 0) stack_shared_[stack] = true;
}

void guest_memory::apply_pending() {
  for (const std::uint64_t granule : pending_) share(granule);
  pending_.clear();
}

void guest_memory::restore_shared_set(const std::vector<std::uint64_t>& granules) {
  for (const std::uint64_t granule : shared_) {
    std::uint8_t* const at = learned_at(granule);
    if (at != nullptr) *at &= static_cast<std::uint8_t>(~shared);
  }
  shared_.clear();
  std::memset(stack_shared_, 0, sizeof stack_shared_);
  for (const std::uint64_t granule : granules) share(granule);
  frozen_ = true;
}

void guest_memory::learn_point(std::uintptr_t address, access_kind kind) {
  scheduler& s = world();
  if (every_access_ || !s.running() || s.alone() || s.current() <= 0) return;
  const std::uintptr_t offset = address - s.memory().base();
  std::uint8_t* at;
  if (offset < arena::size) {
    at = arena_learned_ + (offset >> 3);
  } else if (address - image_ < image_size_) {
    at = image_learned_.data() + ((address - image_) >> 3);
  } else {
    return;
  }
  if ((*at & shared) == 0) learn(at, s.current(), address, kind);
}

void guest_memory::touch(std::uintptr_t address, std::size_t size, access_kind kind) {
  scheduler& s = world();
  if (!s.running() || size == 0) return;
  if (s.memory().in_heap(address) && !s.memory().addressable(address, size)) {
    return fault(address, size, kind);
  }
  access(address, size, kind, s.me().site);
}

void guest_memory::fault(std::uintptr_t address, std::size_t size, access_kind kind) {
  if (on_fault_ != nullptr) on_fault_(address, size, kind != access_kind::read);
}

}  // namespace belay::inline BELAY_BUILD::sync
