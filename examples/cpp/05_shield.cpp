// A shielded region: work that must not be torn in the middle.
//
// A request writes two records that belong together. While the shield lives, a cancellation from
// above waits at its door; at its end it comes in, with the reason that it had.
#include <thread>

#include <belay/shield.hpp>

#include "check.hpp"

namespace {

using belay::reason_kind;

struct abort_send : belay::notify_routine {
  abort_send() : notify_routine(&on_cancel) {}
  static void on_cancel(belay::routine& self, belay::reason) noexcept {
    static_cast<abort_send&>(self).ran = true;
  }
  bool ran = false;
};

/// Somebody else cancels, and is done with it.
template <class Node>
belay::cancel_result cancel_elsewhere(Node& node, belay::reason why) {
  belay::cancel_result met{};
  std::thread([&] { met = node.cancel(why); }).join();
  return met;
}

}  // namespace

int main() {
  using example::check;
  {
    belay::source request;
    belay::child_source commit(request);
    int records = 0;
    {
      belay::shield region(commit);
      ++records;
      cancel_elsewhere(request, {reason_kind::timeout, 3});
      check(request.cancelled() && region.pending(), "the request was cancelled in the middle");
      if (!commit.cancelled()) ++records;
    }
    check(records == 2, "both records were written");
    check(commit.cancelled(), "after the region the cancellation arrived");
    check(commit.reason().origin() == belay::reason(reason_kind::timeout, 3), "with its reason");
  }
  {
    belay::source request;
    belay::child_source commit(request);
    belay::shield region(commit);
    check(!region.end(), "nobody cancelled: nothing to deliver");
    cancel_elsewhere(request, reason_kind::user);
    check(commit.cancelled(), "from then on the child is in reach again");
  }
  {
    belay::source request;
    belay::child_source commit(request);
    belay::shield region(commit);
    cancel_elsewhere(commit, reason_kind::internal);
    check(commit.cancelled(), "the child itself can be cancelled all the same");
  }
  {
    abort_send routine;
    belay::operation send(routine);
    belay::routine_shield region(send, routine);
    check(
        cancel_elsewhere(send, reason_kind::user) == belay::cancel_result::requested_nothing_armed,
        "one operation: the request is on record");
    check(!region.end() && !routine.ran, "the routine is not armed again, and never ran");
    check(send.complete(belay::outcome::canceled), "the owner reports the outcome");
  }
  return example::result();
}
