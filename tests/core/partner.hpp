// A second actor for tests of two that meet: it is there before, and does what it is given.
//
// Thread safety: one owner. Nothing is allocated between construction and destruction.
#pragma once

#include <cstdint>
#include <type_traits>

#include "sync/sync.hpp"

namespace core_tests {

namespace sync = belay::sync;

class partner {
 public:
  partner()
      : actor_(sync::spawn(
            {.name = "partner"}, [](void* self) { static_cast<partner*>(self)->main(); }, this)) {
    both([] {}, [] {});
  }
  ~partner() {
    hand_over(nullptr, nullptr);
    sync::join(actor_);
  }

  /// Runs `theirs` there and `mine` here, and returns when both are over.
  template <class Mine, class Theirs>
  void both(Mine&& mine, Theirs&& theirs) {
    hand_over([](void* at) { (*static_cast<std::remove_reference_t<Theirs>*>(at))(); },
              const_cast<void*>(static_cast<const void*>(&theirs)));
    mine();
    while (over_.load(std::memory_order_acquire) != given_) wait(over_, given_ - 1);
  }

 private:
  void hand_over(void (*call)(void*), void* argument) {
    call_ = call;
    argument_ = argument;
    to_do_.store(++given_, std::memory_order_release);
    sync::wake_all(&to_do_);
  }
  void main() {
    for (std::uint32_t turn = 1;; ++turn) {
      while (to_do_.load(std::memory_order_acquire) != turn) wait(to_do_, turn - 1);
      if (call_ == nullptr) return;
      call_(argument_);
      over_.store(turn, std::memory_order_release);
      sync::wake_all(&over_);
    }
  }
  static void wait(sync::atomic<std::uint32_t>& word, std::uint32_t old) {
    for (int turns = 0; turns < 1000; ++turns) {
      if (word.load(std::memory_order_acquire) != old) return;
      sync::relax();
    }
    sync::wait_on(&word, old, sync::forever);
  }

  void (*call_)(void*) = nullptr;
  void* argument_ = nullptr;
  std::uint32_t given_ = 0;
  sync::atomic<std::uint32_t> to_do_{0}, over_{0};
  const sync::actor_id actor_;
};

}  // namespace core_tests
