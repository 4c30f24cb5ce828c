// A source for the whole process: many threads register and deregister at once.
//
// The listeners are spread over shards, a cache line each; a thread always uses the same one, so
// that threads hardly ever meet. For sources that are held by everybody (shutdown), and by nothing
// smaller: it takes shards + 1 cache lines, and cancel() locks every shard. In all else it is a
// source: see there for what add, remove and cancel promise.
//
// What it does not promise: an order among listeners of different shards; and it must outlive
// cancel(): unlike a source it cannot be destroyed by its last listener.
#pragma once

#include "belay/source.hpp"

namespace belay::inline BELAY_BUILD {

/// A listener of a wide source: it remembers its shard. 32 bytes.
class wide_listener : public listener {
 protected:
  explicit constexpr wide_listener(function call) noexcept : listener(call) {}
  ~wide_listener() = default;

 private:
  template <unsigned Shards, class Traits>
  friend class basic_wide_source;
  basic_source<source_traits>* shard_ = nullptr;
};

template <unsigned Shards = 16, class Traits = source_traits>
class basic_wide_source {
  static_assert((Shards & (Shards - 1)) == 0, "a power of two");

 public:
  basic_wide_source() noexcept = default;
  basic_wide_source(const basic_wide_source&) = delete;
  basic_wide_source& operator=(const basic_wide_source&) = delete;

  /// As source::add().
  bool add(wide_listener& which) noexcept {
    auto& mine = shards_[static_cast<unsigned>(sync::self()) % Shards].source;
    which.shard_ = &mine;
    return !cancelled() && mine.add(which);
  }

  /// As source::remove() and its kin; on any actor.
  handshake remove(wide_listener& which) noexcept { return remove_until(which, sync::forever); }
  handshake try_remove(wide_listener& which) noexcept { return remove_until(which, 0); }
  handshake remove_until(wide_listener& which, sync::nanoseconds deadline) noexcept {
    if (which.shard_ == nullptr) return handshake::refused;
    return which.shard_->remove_until(which, deadline);
  }

  /// As source::cancel(). The reason is on record before the first listener runs.
  cancel_result cancel(belay::reason why) noexcept {
    if (operation_.cancel(why) != cancel_result::requested_nothing_armed)
      return cancel_result::already_cancelled;
    for (shard& each : shards_) each.source.cancel(why);
    return cancel_result::claimed;
  }

  bool cancelled() const noexcept { return operation_.cancelled(); }
  belay::reason reason() const noexcept { return operation_.reason(); }
  bool is_canceller() const noexcept { return operation_.is_canceller(); }

 private:
  struct alignas(64) shard {
    basic_source<Traits> source;
  };
  shard shards_[Shards];
  alignas(64) basic_operation<typename Traits::operation> operation_;
};

using wide_source = basic_wide_source<>;

}  // namespace belay::inline BELAY_BUILD
