#include "sync/explored/guest_access.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <sys/mman.h>

namespace belay::inline BELAY_BUILD::sync {

guest_memory the_guest_memory;

void guest_memory::map() {
  if (arena_learned_ != nullptr) return;
  world().memory().map();
  void* const at = mmap(nullptr, arena::size / 8, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) {
    std::fputs("belay: cannot reserve address space for the guest's shadow; raise `ulimit -v`.\n",
               stderr);
    std::exit(77);
  }
  arena_learned_ = static_cast<std::uint8_t*>(at);
}

void guest_memory::add_image(std::uintptr_t base, std::size_t bytes) {
  map();
  if (image_count_ == most_images) return;
  const std::size_t first =
      image_count_ == 0 ? 0 : images_[image_count_ - 1].first + images_[image_count_ - 1].size;
  images_[image_count_++] = {base, (bytes + 7) & ~std::size_t{7}, first};
  image_learned_.assign((first + bytes) / 8 + 2, 0);
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

bool guest_memory::any_shared(const std::uint8_t* learned, std::uintptr_t address,
                              std::size_t size) {
  const std::size_t granules = ((address & 7) + size + 7) >> 3;
  for (std::size_t i = 0; i < granules; ++i) {
    if ((learned[i] & shared) != 0) return true;
  }
  return false;
}

void guest_memory::learn(std::uint8_t* at, actor_id who, std::uintptr_t address, std::size_t size,
                         access_kind kind, bool synchronises) {
  const std::size_t granules = ((address & 7) + size + 7) >> 3;
  for (std::size_t i = 0; i < granules; ++i)
    learn_granule(at + i, who, address + 8 * i, kind, synchronises);
}

void guest_memory::learn_granule(std::uint8_t* at, actor_id who, std::uintptr_t address,
                                 access_kind kind, bool synchronises) {
  const std::uint8_t before = *at;
  // Two actors, one of them to write, and not yet noted.
  bool found;
  if (races().is_on() && !synchronises) {
    if (before == 0) *at = static_cast<std::uint8_t>(who);
    found = races().plain(who, address, kind != access_kind::read) && before != (many | written);
    if (!found) return;
    *at = many | written;
  } else {
    std::uint8_t after = before;
    if ((before & who_mask) == 0) {
      after = static_cast<std::uint8_t>(who);
    } else if ((before & who_mask) != who) {
      after = static_cast<std::uint8_t>((before & written) | many);
    }
    if (kind != access_kind::read) after |= written;
    *at = after;
    const bool raced = races().plain(who, address, kind != access_kind::read);
    if (raced) *at = after = many | written;
    found = after == (many | written) && before != (many | written);
    if (!found) return;
  }
  pending_.push_back(portable(address & ~std::uintptr_t{7}));
  grew_ = true;
}

// Whatever touches it from now on is a finding, so only what was before is of interest.
void guest_memory::poisoned(std::uintptr_t address, std::size_t size) {
  scheduler& s = world();
  if (!s.running() || s.alone() || !s.memory().in_heap(address)) return;
  std::uint8_t* const learned = arena_learned_ + ((address - s.memory().base()) >> 3);
  const std::size_t granules = ((address & 7) + size + 7) >> 3;
  for (std::size_t i = 0; i < granules; ++i) {
    if (learned[i] == 0) {  // nobody ever touched it, nor often what follows
      std::uint64_t eight;
      while (i + 8 < granules && (std::memcpy(&eight, learned + i + 1, 8), eight) == 0) i += 8;
      continue;
    }
    const std::uintptr_t at = (address & ~std::uintptr_t{7}) + 8 * i;
    if ((learned[i] & shared) != 0) {
      s.also(access_kind::write, at);
    } else if (races().is_on() && !frozen_ && learned[i] != (many | written) &&
               races().would_race(s.current(), at)) {
      learned[i] = many | written;
      pending_.push_back(at);
      grew_ = true;
    }
  }
}

std::uint8_t* guest_memory::learned_at(std::uint64_t granule) {
  const std::uintptr_t offset = granule - world().memory().base();
  if (offset < arena::size) return arena_learned_ + (offset >> 3);
  if ((granule - 1) >> 3 < image_learned_.size())
    return image_learned_.data() + ((granule - 1) >> 3);
  return nullptr;
}

void guest_memory::share(std::uint64_t granule) {
  std::uint8_t* const at = learned_at(granule);
  if (at == nullptr || (*at & shared) != 0) return;
  *at = shared | written | many;
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
  } else if (const image* const in = image_of(address)) {
    at = image_learned_.data() + ((in->first + (address - in->base)) >> 3);
  } else {
    return;
  }
  if ((*at & shared) == 0 && !frozen_) learn_granule(at, s.current(), address, kind, true);
}

void guest_memory::touch(std::uintptr_t address, std::size_t size, access_kind kind) {
  scheduler& s = world();
  if (!s.running() || size == 0) return;
  if (kind != access_kind::update) return access(address, size, kind, false, s.me().site);
  if (s.memory().in_heap(address) && !s.memory().addressable(address, size))
    fault(address, size, kind);
}

void guest_memory::fault(std::uintptr_t address, std::size_t size, access_kind kind) {
  if (on_fault_ != nullptr) on_fault_(address, size, kind != access_kind::read);
}

}  // namespace belay::inline BELAY_BUILD::sync
