// One operation: completion against cancellation.
//
// A routine is armed; from then on the owner's complete() and anybody's cancel() race to take it
// out. Exactly one of them does: either the outcome is reported and the routine never runs, or the
// routine runs and the owner is told so. Never both, never neither.
#include <thread>

#include <belay/operation.hpp>

#include "check.hpp"

namespace {

struct stop_work : belay::notify_routine {
  stop_work() : notify_routine(&on_cancel) {}
  static void on_cancel(belay::routine& self, belay::reason why) noexcept {
    auto& me = static_cast<stop_work&>(self);
    ++me.runs;
    me.why = why;
  }
  int runs = 0;  // plain: what the routine did happens before complete() returns
  belay::reason why;
};

}  // namespace

int main() {
  using example::check;

  {  // Nobody cancels in time.
    stop_work routine;
    belay::operation work(routine);
    check(work.complete(routine, belay::outcome::completed) == belay::handshake::won,
          "the owner completed first");
    check(work.cancel(belay::reason_kind::user) == belay::cancel_result::too_late,
          "a later request comes too late");
    check(routine.runs == 0 && work.outcome() == belay::outcome::completed,
          "the routine never ran");
  }
  {  // Somebody cancels first.
    stop_work routine;
    belay::operation work(routine);
    check(work.cancel({belay::reason_kind::shutdown, 7}) == belay::cancel_result::claimed,
          "the request took the routine out and ran it");
    check(routine.why == belay::reason(belay::reason_kind::shutdown, 7), "with its reason");
    check(work.complete(routine, belay::outcome::completed) == belay::handshake::cancelled,
          "the owner is told");
    check(work.complete(belay::outcome::canceled), "and reports the outcome itself");
    check(!work.complete(belay::outcome::failed), "once");
  }

  int completed = 0, cancelled = 0, both_or_neither = 0;
  for (int round = 0; round < 200; ++round) {  // both at once
    stop_work routine;
    belay::operation work(routine);
    belay::cancel_result met{};
    std::thread canceller([&] { met = work.cancel(belay::reason_kind::user); });
    const bool won = work.complete(routine, belay::outcome::completed) == belay::handshake::won;
    canceller.join();
    (won ? completed : cancelled) += 1;
    if (won != (routine.runs == 0) || won != (met == belay::cancel_result::too_late))
      ++both_or_neither;
  }
  check(completed + cancelled == 200 && both_or_neither == 0, "200 races, each with one winner");
  return example::result();
}
