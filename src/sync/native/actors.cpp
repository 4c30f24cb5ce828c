#include "sync/native/actors.hpp"

#include <pthread.h>
#include <sched.h>

#include <array>
#include <cstdio>

#include "sync/native/futex.hpp"
#include "sync/native/locks.hpp"
#include "sync/native/stack.hpp"
#include "sync/native/workers.hpp"

namespace belay::inline BELAY_BUILD::sync {

namespace native {

constinit thread_local actor_record* current_actor = nullptr;

namespace {

constexpr std::uint32_t slot_bits = 16;
constexpr std::uint32_t most_actors = 1u << slot_bits;
constexpr std::uint32_t generation_mask = 0x7fff;
constexpr std::uint32_t slots_a_chunk = 1024;
// A slot rests in the free list behind at least this many others before its next use.
constexpr std::uint32_t least_resting = 1024;

actor_id id_of(const actor_record& who) {
  const std::uint32_t generation = who.generation.load(std::memory_order_relaxed);
  return static_cast<actor_id>(generation << slot_bits | who.slot);
}

/// All records there ever were. Trivially destructible: actors may outlive static destruction.
class directory {
 public:
  actor_record* take() {
    lock_.lock();
    actor_record* const found = resting_ > least_resting ? take_rested() : take_new();
    lock_.unlock();
    return found;
  }
  void give_back(actor_record& who) {
    lock_.lock();
    who.next = nullptr;
    *(last_ != nullptr ? &last_->next : &first_) = &who;
    last_ = &who;
    ++resting_;
    lock_.unlock();
  }
  actor_record* find(std::uint32_t slot) {
    lock_.lock();
    actor_record* const chunk = slot < used_ ? chunks_[slot / slots_a_chunk] : nullptr;
    lock_.unlock();
    return chunk != nullptr ? chunk + slot % slots_a_chunk : nullptr;
  }

 private:
  actor_record* take_rested() {
    actor_record* const found = first_;
    if (found == nullptr) return nullptr;
    first_ = found->next;
    if (first_ == nullptr) last_ = nullptr;
    --resting_;
    return found;
  }
  actor_record* take_new() {
    if (used_ == most_actors) return take_rested();
    actor_record*& chunk = chunks_[used_ / slots_a_chunk];
    if (chunk == nullptr) chunk = new actor_record[slots_a_chunk];
    actor_record* const found = &chunk[used_ % slots_a_chunk];
    found->slot = used_++;
    return found;
  }

  inner_lock lock_;
  std::array<actor_record*, most_actors / slots_a_chunk> chunks_{};
  std::uint32_t used_ = 0;
  actor_record* first_ = nullptr;
  actor_record* last_ = nullptr;
  std::uint32_t resting_ = 0;
};

constinit directory actors;

void end(actor_record& who) {
  const std::uint32_t generation = who.generation.load(std::memory_order_relaxed);
  who.generation.store((generation + 1) & generation_mask, std::memory_order_release);
  wake_all(&who.generation);
  actors.give_back(who);
}

/// Ends the actor that an adopted thread became, when the thread ends.
struct adopted {
  actor_record* who = nullptr;
  ~adopted() {
    if (who == nullptr) return;
    current_actor = nullptr;
    end(*who);
  }
};
thread_local adopted adopted_here;

void* thread_main(void* record) {
  actor_record& who = *static_cast<actor_record*>(record);
  char name[16];
  std::snprintf(name, sizeof name, "%s", who.name);
  pthread_setname_np(pthread_self(), name);
  give_signal_stack();
  run_actor(who);
  return nullptr;
}

}  // namespace

actor_record* new_actor(const actor_options& options, entry run, void* argument) {
  actor_record* const who = actors.take();
  if (who == nullptr) return nullptr;
  who->id = id_of(*who);
  who->level = 0;
  who->local = nullptr;
  who->run = run;
  who->argument = argument;
  who->name = options.name;
  who->next = nullptr;
  return who;
}

actor_record* adopt_thread() {
  actor_record* const who = new_actor({}, nullptr, nullptr);
  if (who == nullptr) give_up("65,536 threads are more than it can tell apart");
  adopted_here.who = who;
  current_actor = who;
  give_signal_stack();
  return who;
}

void run_actor(actor_record& who) {
  actor_record* const before = current_actor;
  current_actor = &who;
  who.run(who.argument);
  current_actor = before;
  end(who);
}

bool start_thread(void* (*main)(void*), void* argument) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  const bool started = pthread_create(&thread, &attributes, main, argument) == 0;
  pthread_attr_destroy(&attributes);
  return started;
}

}  // namespace native

actor_id spawn(const actor_options& options, entry run, void* argument) {
  native::actor_record* const who = native::new_actor(options, run, argument);
  if (who == nullptr) return no_actor;
  const actor_id id = who->id;
  const bool started = options.kind == actor_kind::task
                           ? native::queue_task(*who)
                           : native::start_thread(&native::thread_main, who);
  if (started) return id;
  native::end(*who);
  return no_actor;
}

void join(actor_id who) {
  if (who < 0) return;
  const auto id = static_cast<std::uint32_t>(who);
  native::actor_record* const record = native::actors.find(id & (native::most_actors - 1));
  if (record == nullptr) return;
  const std::uint32_t generation = id >> native::slot_bits;
  while (record->generation.load(std::memory_order_acquire) == generation)
    wait_on(&record->generation, generation, forever);
}

void yield() { sched_yield(); }

}  // namespace belay::inline BELAY_BUILD::sync
