// The explored build of the interface in sync/sync.hpp.
#pragma once

#include <atomic>
#include <cstdint>

#include "sync/explored/guest_access.hpp"
#include "sync/explored/races.hpp"
#include "sync/explored/scheduler.hpp"

namespace belay::inline BELAY_BUILD::sync {

// ---- actors
inline actor_id self() { return world().current(); }
inline actor_id spawn(const actor_options& options, entry run, void* argument) {
  const actor_id who = world().spawn(options, run, argument);
  races().spawned(self(), who);
  return who;
}
inline void join(actor_id who) {
  world().join(who);
  races().joined(self(), who);
}
inline void*& local() { return world().me().local; }
inline std::uint8_t& level() { return world().me().interrupt_level; }
inline void yield() { world().point(access_kind::yield, nullptr, 0); }
inline void relax() { yield(); }
/// Explored only in effect: the actor would rather wait until nothing else must run, but may go on
/// at any time. Native: nothing.
inline void linger() { world().linger(); }

// ---- points
inline void point(access_kind kind, const volatile void* address, std::size_t size) {
  guest().learn_point(reinterpret_cast<std::uintptr_t>(address), kind);
  world().point(kind, address, size < 8 ? size : 8);  // its first bytes stand for an object
  guest().synchronise(self(), reinterpret_cast<std::uintptr_t>(address), kind);
}
inline void note(const char* what, const void* object, const void* site) {
  world().note(what, object, site);
}

class sealed {
 public:
  sealed() { ++world().me().seals; }
  ~sealed() { --world().me().seals; }
  sealed(const sealed&) = delete;
  sealed& operator=(const sealed&) = delete;
};

class unsealed {
 public:
  unsealed() : seals_(world().me().seals) { world().me().seals = 0; }
  ~unsealed() { world().me().seals = seals_; }
  unsealed(const unsealed&) = delete;
  unsealed& operator=(const unsealed&) = delete;

 private:
  std::uint8_t seals_;
};

/// How deep the seals of the calling actor are, for a jump that leaves scopes without their ends.
inline std::uint8_t seals() { return world().me().seals; }
inline void set_seals(std::uint8_t depth) { world().me().seals = depth; }

// ---- atomics
template <class T>
class atomic {
 public:
  constexpr atomic() noexcept = default;
  constexpr atomic(T value) noexcept : value_(value) {}
  atomic(const atomic&) = delete;
  atomic& operator=(const atomic&) = delete;

  T load(std::memory_order order = std::memory_order_seq_cst) const noexcept {
    world().point(access_kind::read, &value_, sizeof(T));
    races().load(self(), &value_, order);
    return value_;
  }
  void store(T value, std::memory_order order = std::memory_order_seq_cst) noexcept {
    world().point(access_kind::write, &value_, sizeof(T));
    races().store(self(), &value_, order);
    value_ = value;
  }
  T exchange(T value, std::memory_order order = std::memory_order_seq_cst) noexcept {
    return update(order, [value](T) { return value; });
  }
  T fetch_add(T by, std::memory_order order = std::memory_order_seq_cst) noexcept {
    return update(order, [by](T was) { return static_cast<T>(was + by); });
  }
  T fetch_sub(T by, std::memory_order order = std::memory_order_seq_cst) noexcept {
    return update(order, [by](T was) { return static_cast<T>(was - by); });
  }
  T fetch_or(T by, std::memory_order order = std::memory_order_seq_cst) noexcept {
    return update(order, [by](T was) { return static_cast<T>(was | by); });
  }
  T fetch_and(T by, std::memory_order order = std::memory_order_seq_cst) noexcept {
    return update(order, [by](T was) { return static_cast<T>(was & by); });
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                               std::memory_order failure) noexcept {
    world().point(access_kind::update, &value_, sizeof(T));
    if (value_ == expected) {
      races().update(self(), &value_, success);
      value_ = desired;
      return true;
    }
    races().load(self(), &value_, failure);
    expected = value_;
    return false;
  }
  bool compare_exchange_strong(T& expected, T desired,
                               std::memory_order order = std::memory_order_seq_cst) noexcept {
    return compare_exchange_strong(expected, desired, order, race_detector::failure_order(order));
  }
  bool compare_exchange_weak(T& expected, T desired, std::memory_order success,
                             std::memory_order failure) noexcept {
    return compare_exchange_strong(expected, desired, success, failure);
  }
  bool compare_exchange_weak(T& expected, T desired,
                             std::memory_order order = std::memory_order_seq_cst) noexcept {
    return compare_exchange_strong(expected, desired, order);
  }

 private:
  template <class F>
  T update(std::memory_order order, F change) noexcept {
    world().point(access_kind::update, &value_, sizeof(T));
    races().update(self(), &value_, order);
    const T was = value_;
    value_ = change(was);
    return was;
  }
  T value_{};
};

/// A plain variable whose accesses are points and are checked for data races.
template <class T>
class checked {
 public:
  checked() = default;
  explicit checked(T value) : value_(value) {}
  T get() const {
    world().point(access_kind::read, &value_, sizeof(T));
    races().plain(self(), reinterpret_cast<std::uintptr_t>(&value_), false);
    return value_;
  }
  void set(T value) {
    world().point(access_kind::write, &value_, sizeof(T));
    races().plain(self(), reinterpret_cast<std::uintptr_t>(&value_), true);
    value_ = value;
  }

 private:
  T value_{};
};

/// The same on a field in a guest's memory, sequentially consistent.
template <class T>
T load_word(const volatile T* at) {
  point(access_kind::read, at, sizeof(T));
  return *at;
}
template <class T>
void store_word(volatile T* at, T value) {
  point(access_kind::write, at, sizeof(T));
  *at = value;
}
template <class T>
T exchange_word(volatile T* at, T value) {
  point(access_kind::update, at, sizeof(T));
  const T was = *at;
  *at = value;
  return was;
}

bool wait_on(const volatile void* word, std::uint32_t expected, nanoseconds deadline);
void wake_all(const volatile void* word);

inline void light_fence() noexcept {}
inline void heavy_fence() noexcept {}

// ---- locks
class spin_lock {
 public:
  void lock() {
    world().acquire(&word_);
    word_ = static_cast<std::uint64_t>(self()) + 1;
    races().update(self(), &word_, std::memory_order_acquire);
  }
  bool try_lock() {
    world().point(access_kind::update, &word_, 8);
    if (word_ != 0) return false;
    word_ = static_cast<std::uint64_t>(self()) + 1;
    races().update(self(), &word_, std::memory_order_acquire);
    return true;
  }
  void unlock() {
    world().point(access_kind::release, &word_, 8);
    races().store(self(), &word_, std::memory_order_release);
    word_ = 0;
  }

 private:
  volatile std::uint64_t word_ = 0;
};

/// Taking it is a point; giving it back is none: a section is one step, unless it has points of its
/// own.
class brief_lock {
 public:
  void lock() {
    if (world().running()) world().acquire(&word_);
    word_ = static_cast<std::uint64_t>(self()) + 1;
    races().update(self(), &word_, std::memory_order_acquire);
  }
  void unlock() {
    races().store(self(), &word_, std::memory_order_release);
    word_ = 0;
  }

 private:
  volatile std::uint64_t word_ = 0;
};

/// No other actor runs between two points, and there is none while it is held.
class inner_lock {
 public:
  void lock() {}
  void unlock() {}
  bool try_lock() { return true; }
};

inline void acquire_word(volatile std::uint64_t* word) {
  scheduler& s = world();
  guest().learn_point(reinterpret_cast<std::uintptr_t>(word), access_kind::update);
  if (s.running()) s.acquire(word);
  guest().synchronise(s.current(), reinterpret_cast<std::uintptr_t>(word), access_kind::acquire);
  *word = static_cast<std::uint64_t>(s.current()) + 1;
}
inline bool try_acquire_word(volatile std::uint64_t* word) {
  point(access_kind::update, word, 8);
  if (*word != 0) return false;
  *word = static_cast<std::uint64_t>(self()) + 1;
  return true;
}
inline void release_word(volatile std::uint64_t* word) {
  point(access_kind::release, word, 8);
  *word = 0;
}
inline actor_id word_owner(const volatile std::uint64_t* word) {
  return *word == 0 || *word > max_actors ? no_actor : static_cast<actor_id>(*word - 1);
}

// ---- waiting
class parking {
 public:
  bool park(nanoseconds deadline) {
    const bool woken = permit_ || world().wait(this, &has_permit, this, deadline);
    permit_ = false;
    races().update(self(), this, std::memory_order_acq_rel);
    return woken;
  }
  void unpark() {
    permit_ = true;
    races().update(self(), this, std::memory_order_acq_rel);
    if (world().hashing() && world().running()) {
      actor& by = world().me();
      world().histories().commit(self(), by.history, access_kind::update,
                                 reinterpret_cast<std::uintptr_t>(this), 1);
    }
  }
  void reset() { permit_ = false; }

 private:
  static bool has_permit(const void* p) { return static_cast<const parking*>(p)->permit_; }
  bool permit_ = false;
};

// ---- time
inline nanoseconds now() { return world().now(); }
nanoseconds elapsed();

class alarm {
 public:
  void set(nanoseconds due, void (*fire)(alarm*)) {
    if (set_) world().remove(this);
    due_ = due;
    fire_ = fire;
    set_ = true;
    world().add(this);
  }
  bool cancel() {
    if (!set_) return false;
    world().remove(this);
    return true;
  }
  bool is_set() const { return set_; }

 private:
  friend class scheduler;
  alarm* next_ = nullptr;
  alarm* previous_ = nullptr;
  nanoseconds due_ = 0;
  void (*fire_)(alarm*) = nullptr;
  bool set_ = false;
};

// ---- memory
void* allocate(std::size_t bytes, memory_use use);
inline std::size_t size_of(const void* block) { return world().memory().size_of(block); }
inline void deallocate(void* block) {
  if (block == nullptr) return;
  guest().poisoned(reinterpret_cast<std::uintptr_t>(block), size_of(block));
  world().memory().deallocate(block);
}
inline void poison(const void* at, std::size_t bytes, memory_state state) {
  guest().poisoned(reinterpret_cast<std::uintptr_t>(at), bytes);
  world().memory().poison(at, bytes, state);
}
/// Whether every byte of the range is mapped so that it can be read, or written. Whether the guest
/// may touch it is another question: see touch().
bool is_accessible(const volatile void* at, std::size_t bytes, bool write);
inline void touch(const void* at, std::size_t bytes, access_kind kind) {
  guest().touch(reinterpret_cast<std::uintptr_t>(at), bytes, kind);
}

}  // namespace belay::inline BELAY_BUILD::sync
