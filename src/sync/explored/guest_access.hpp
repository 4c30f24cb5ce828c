// What happens at each memory access of instrumented code.
//
// Most accesses are to the actor's own stack or to memory that only one actor uses: they are no
// scheduling points. Which granules of eight bytes need points is learned from the executions:
//
//   synchronising accesses (atomic, volatile)  once two actors touched the granule, one to write
//   plain accesses                             once two of them were not ordered by happens-before;
//                                              without the race detector: like the others
//
// Plain accesses that race with nothing need none: a preemption between two points can be moved to
// the later one without a difference. What an execution learns counts from the next on, so that an
// execution is a function of its choices and of the set that it began with; a search that saw the
// set grow starts again (see `grew`).
#pragma once

#include <cstdint>
#include <vector>

#include "sync/explored/races.hpp"
#include "sync/explored/scheduler.hpp"

namespace belay::inline BELAY_BUILD::sync {

using fault_handler = void (*)(std::uintptr_t address, std::size_t size, bool write);

class guest_memory {
 public:
  /// `every` access to anything but the own stack is a point; the filter is off.
  void set_every_access(bool every) { every_access_ = every; }
  bool every_access() const { return every_access_; }
  /// Writable data of one more guest, `bytes` at `base`, a multiple of eight. At most
  /// `most_images`.
  void add_image(std::uintptr_t base, std::size_t bytes);
  void forget_images() { image_count_ = 0; }
  void set_fault_handler(fault_handler handler) { on_fault_ = handler; }
  /// Forgets what was learned.
  void forget();
  /// Makes what the last execution learned count. Called before each execution.
  void begin_execution() {
    if (!pending_.empty() && !frozen_) [[unlikely]]
      apply_pending();
  }
  /// While frozen, nothing learned counts: the next execution sees the set of this one.
  void freeze(bool on) { frozen_ = on; }
  /// True once after executions learned of more shared memory.
  bool grew() {
    const bool was = grew_;
    grew_ = false;
    return was;
  }
  std::size_t shared_granules() const { return shared_.size(); }
  /// The shared granules: addresses in the arena, or offsets in the images plus one.
  std::vector<std::uint64_t> shared_set() const { return shared_; }
  /// An address that means the same in every process: in the arena itself, in an image its offset
  /// plus one, where each image begins at the end of the one before; others are as they are.
  std::uint64_t portable(std::uintptr_t address) const {
    const image* const in = image_of(address);
    return in != nullptr ? in->first + (address - in->base) + 1 : address;
  }
  /// Makes exactly these shared, and freezes.
  void restore_shared_set(const std::vector<std::uint64_t>& granules);

  /// One access of at most eight bytes, or of any size within one block.
  void access(std::uintptr_t address, std::size_t size, access_kind kind, bool synchronises,
              const void* site) {
    scheduler& s = world();
    if (!s.running()) [[unlikely]]
      return;
    actor& self = s.me();
    const arena& memory = s.memory();
    std::uint8_t* learned;
    const std::uintptr_t offset = address - memory.base();
    if (offset < arena::size) {
      if (offset < arena::stacks_size) {
        if (offset / arena::stack_size == static_cast<std::size_t>(s.current()) &&
            !stack_shared_[static_cast<std::size_t>(s.current())]) [[likely]]
          return;
      } else if (!memory.addressable(address, size)) [[unlikely]] {
        self.site = site;
        return fault(address, size, kind);
      }
      learned = arena_learned_ + (offset >> 3);
    } else if (const image* const in = image_of(address)) {
      learned = image_learned_.data() + ((in->first + (address - in->base)) >> 3);
    } else {
      return;
    }
    if (!every_access_) {
      if (s.alone()) return;
      if ((*learned & shared) == 0 && (size <= 8 || !any_shared(learned, address, size))) {
        if (frozen_) return;
        learn(learned, s.current(), address, size, kind, synchronises);
        return;
      }
    }
    self.site = site;
    s.point(kind, reinterpret_cast<const void*>(address), size);
    synchronise(s.current(), address, kind);
    // The others may have freed or completed it meanwhile.
    if (offset - arena::stacks_size < arena::heaps_size && !memory.addressable(address, size))
        [[unlikely]]
      fault(address, size, kind);
  }

  /// The program's own steps synchronise, too.
  void synchronise(actor_id who, std::uintptr_t address, access_kind kind) {
    race_detector& order = races();
    if (!order.is_on() || address == 0) return;
    const auto* const at = reinterpret_cast<const volatile void*>(address & ~std::uintptr_t{7});
    switch (kind) {
      case access_kind::read:
      case access_kind::acquire:
      case access_kind::wait:
        return order.load(who, at, std::memory_order_acquire);
      default:
        return order.update(
            who, at,
            kind == access_kind::update ? std::memory_order_acq_rel : std::memory_order_release);
    }
  }

  /// The block may no longer be touched: that is a write to all of it.
  void poisoned(std::uintptr_t address, std::size_t size);

  /// The same for an access that our own code makes on the guest's behalf; `update` only checks
  /// that it may be touched: the call that does it makes its own point.
  void touch(std::uintptr_t address, std::size_t size, access_kind kind);
  /// Remembers that `who` accesses `address`, for an access that is a point anyway.
  void learn_point(std::uintptr_t address, access_kind kind);

 private:
  // A learned byte: the actor that touched it (0: nobody yet) or `many`; `written`; `shared`: a
  // point.
  static constexpr std::uint8_t shared = 0x80, written = 0x40, who_mask = 0x3f;
  static constexpr std::uint8_t many = who_mask;
  static constexpr int most_images = 8;

  struct image {
    std::uintptr_t base;
    std::size_t size;
    std::size_t first;  // its offset among all images
  };
  const image* image_of(std::uintptr_t address) const {
    for (int i = 0; i < image_count_; ++i) {
      if (address - images_[i].base < images_[i].size) return &images_[i];
    }
    return nullptr;
  }

  void learn(std::uint8_t* at, actor_id who, std::uintptr_t address, std::size_t size,
             access_kind kind, bool synchronises);
  void learn_granule(std::uint8_t* at, actor_id who, std::uintptr_t address, access_kind kind,
                     bool synchronises);
  static bool any_shared(const std::uint8_t* learned, std::uintptr_t address, std::size_t size);
  void apply_pending();
  void share(std::uint64_t granule);
  std::uint8_t* learned_at(std::uint64_t granule);
  void fault(std::uintptr_t address, std::size_t size, access_kind kind);
  void map();

  std::uint8_t* arena_learned_ = nullptr;
  image images_[most_images] = {};
  int image_count_ = 0;
  std::vector<std::uint8_t> image_learned_;  // of all images
  bool every_access_ = false;
  bool grew_ = false;
  bool frozen_ = false;
  std::vector<std::uint64_t> shared_;
  std::vector<std::uint64_t> pending_;
  bool stack_shared_[max_actors] = {};
  fault_handler on_fault_ = nullptr;
};

extern guest_memory the_guest_memory;
inline guest_memory& guest() { return the_guest_memory; }

}  // namespace belay::inline BELAY_BUILD::sync
