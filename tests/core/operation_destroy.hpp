// Programs in which the cancel routine destroys its operation, and programs with deadlines.
#pragma once

#include "operation_world.hpp"

namespace operation_tests {

/// The canceller is the owner's actor, or another one; a second canceller comes along. The notify
/// routine learns that it is inside, waits until the other is past its swap, and destroys the
/// operation together with itself.
template <class Operation>
class destroying {
 public:
  explicit destroying(int cancels, bool complete_first) : complete_first_(complete_first) {
    program_.before([this] { state_.emplace(this); });
    for (int i = 0; i < cancels; ++i) {
      program_.actor("canceller", [this, i] {
        state& s = *state_;
        const bool mine =
            s.at().cancel(belay::reason(reason_kind::user, static_cast<std::uint32_t>(i))) ==
            cancel_result::claimed;
        if (mine) ++s.claimed;
        s.gone[i].unpark();
      });
    }
    program_.after([this] {
      state& s = *state_;
      require(s.claimed == 1 && s.ran == 1, "one request takes the routine out");
      for (const unsigned char each : s.memory)
        require(each == 0xdd, "nobody touches the operation after its destruction");
    });
    cancels_ = cancels;
  }

  belay::explore::exhausted explore() { return belay::explore::exhaust(program_); }

 private:
  struct state : belay::notify_routine {
    explicit state(destroying* in) : notify_routine(&run), of(in) { new (memory) Operation(*this); }
    static void run(belay::routine& self, belay::reason why) noexcept {
      auto& me = static_cast<state&>(self);
      ++me.ran;
      me.of->destroy(static_cast<int>(why.code()));
    }
    Operation& at() { return *std::launder(reinterpret_cast<Operation*>(memory)); }
    destroying* of;
    alignas(Operation) unsigned char memory[sizeof(Operation)];
    sync::parking gone[3];
    int claimed = 0, ran = 0;
  };

  void destroy(int by) {
    state& s = *state_;
    require(s.at().disarm(s) == handshake::cancelled_inside, "the owner knows that it is inside");
    if (complete_first_) require(s.at().complete(outcome::canceled), "the right is the owner's");
    for (int i = 0; i < cancels_; ++i) {
      if (i != by) s.gone[i].park(sync::forever);
    }
    s.at().~Operation();
    std::memset(s.memory, 0xdd, sizeof s.memory);
  }

  bool complete_first_;
  int cancels_ = 0;
  belay::explore::program_under_test program_;
  std::optional<state> state_;
};

}  // namespace operation_tests
