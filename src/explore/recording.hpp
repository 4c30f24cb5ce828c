// Writing down one execution: the raw events, then their names.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "explore/execution.hpp"
#include "explore/search.hpp"
#include "explore/trace.hpp"

namespace belay::inline BELAY_BUILD::explore {

/// Takes part in an execution as chooser and recorder.
class event_recorder final : public sync::recorder, public sync::chooser {
 public:
  explicit event_recorder(sync::chooser& inner) : inner_(inner) {}

  sync::actor_id choose(const sync::decision& what) override;
  void on_step(sync::actor_id who, const sync::pending_access& what, const void* site) override;
  void on_note(sync::actor_id who, const char* what, const void* object, const void* site) override;

  struct raw_event {
    std::uint64_t step;
    sync::actor_id actor;
    sync::pending_access access;  // kind none: a note
    const char* note = nullptr;
    std::uint64_t object = 0;
    std::uint64_t site = 0;
    std::uint8_t irql = 0;
    sync::nanoseconds time = 0;
    bool preempted = false;
  };
  const std::vector<raw_event>& events() const { return events_; }
  /// A digest of all events, for comparing two executions.
  std::uint64_t digest() const { return digest_; }

 private:
  void add(raw_event what);
  void note_armed();

  sync::chooser& inner_;
  std::vector<raw_event> events_;
  std::uint64_t digest_ = 0;
  bool preempting_ = false;
  // IoSetCancelRoutine is the guest's own exchange: whether it armed shows once it is done.
  std::vector<std::uint64_t> irps_;
  std::uint64_t exchanged_ = 0;  // the packet whose CancelRoutine the last step exchanged
  raw_event exchange_{};
};

/// How `from` found what it found, and what its directives count on. Callers: before anything else
/// is executed.
trace head_of(const search_result& from, const search_options& options);

/// Runs `what` along `directives` and writes its events into `into`, with names; `images` give the
/// guests' symbols.
class guest_images;
execution record(program& what, const std::vector<directive>& directives,
                 const guest_images& images, trace& into);

}  // namespace belay::inline BELAY_BUILD::explore
