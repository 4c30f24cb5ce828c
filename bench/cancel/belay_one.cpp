// Belay's operation: one routine, one word.
#include <deque>
#include <memory>
#include <vector>

#include "belay/operation.hpp"
#include "nap.hpp"
#include "workload.hpp"

namespace bench {
namespace {

template <class Kind>
struct counted : Kind {
  counted() : Kind([](belay::routine&, belay::reason) noexcept { ++calls; }) {}
};
using claim = counted<belay::claim_routine>;
using notify = counted<belay::notify_routine>;

/// T1: the owner arms its routine and takes it out again.
template <class Routine>
struct arm_disarm {
  explicit arm_disarm(std::size_t) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      Routine& armed = unknown(routine_);
      keep(operation_.arm(armed));
      keep(operation_.disarm(armed));
    }
  }
  Routine routine_;
  belay::operation operation_;
};
const offer<arm_disarm<claim>> t1_claim("loop/T1/belay_claim", shape::loop);
const offer<arm_disarm<notify>> t1_notify("loop/T1/belay_notify", shape::loop);

/// T2: an operation's life when nobody cancels, the right to finish decided.
template <class Routine>
struct life {
  explicit life(std::size_t) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      Routine& armed = unknown(routine_);
      belay::operation operation(armed);
      publish(operation);
      keep(operation.complete(armed, belay::outcome::completed));
    }
  }
  Routine routine_;
};
const offer<life<claim>> t2_claim("loop/T2/belay_claim", shape::loop);
const offer<life<notify>> t2_notify("loop/T2/belay_notify", shape::loop);

/// T2 on a slot that is used again and again: the outcome of one and the arming of the next in one.
template <class Routine>
struct replace {
  explicit replace(std::size_t) {}
  void run(int, std::size_t times) {
    operation_.arm(a_);
    for (std::size_t i = 0; i < times; i += 2) {
      Routine &a = unknown(a_), &b = unknown(b_);
      keep(operation_.replace(a, b));
      keep(operation_.replace(b, a));
    }
    operation_.disarm(a_);
  }
  Routine a_, b_;
  belay::operation operation_;
};
const offer<replace<claim>> t2_replace("loop/T2/belay_replace", shape::loop);

/// T7: a request meets one armed routine and runs it.
template <class Routine>
struct cancel_one {
  explicit cancel_one(std::size_t size) : all_(size) { publish(all_); }
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i)
      keep(unknown(all_[i]).operation.cancel(belay::reason_kind::user));
  }
  struct one {
    Routine routine;
    belay::operation operation{routine};
  };
  std::vector<one> all_;
};
const offer<cancel_one<claim>> t7_claim("batch/T7/belay_claim", shape::batch, 256);
const offer<cancel_one<notify>> t7_notify("batch/T7/belay_notify", shape::batch, 256);

/// T10: a completion and a request meet. Who wins has the right to finish; both are told.
template <class Routine>
struct raced {
  explicit raced(std::size_t size) : all_(size) {}
  void run(int who, std::size_t times) {
    std::size_t won = 0;
    for (std::size_t i = at_.next(who, times), end = i + times; i < end; ++i) {
      one& each = unknown(all_[i]);
      if (who == 0) {
        won += each.operation.complete(each.routine, belay::outcome::completed) ==
               belay::handshake::won;
      } else {
        keep(each.operation.cancel(belay::reason_kind::user));
      }
    }
    if (who == 0) at_.won(won);
  }
  double tally() { return at_.share(); }
  struct alignas(64) one {
    Routine routine;
    belay::operation operation{routine};
  };
  std::vector<one> all_;
  progress at_;
};
const offer<raced<claim>> t10_claim("race/T10/belay_claim", shape::race, 256);
const offer<raced<notify>> t10_notify("race/T10/belay_notify", shape::race, 256);

/// T11: everything that can happen to one operation that is cancelled, from nothing to nothing.
template <class Routine>
struct whole {
  explicit whole(std::size_t) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      Routine& routine = unknown(routine_);
      belay::operation operation;
      publish(operation);
      keep(operation.arm(routine));
      keep(operation.cancel({belay::reason_kind::user, 7}));
      publish(operation);
    }
  }
  Routine routine_;
};
const offer<whole<claim>> t11_claim("loop/T11/belay_claim", shape::loop);
const offer<whole<notify>> t11_notify("loop/T11/belay_notify", shape::loop);

/// T14: what an owner burns while the routine that it waits for takes 20 ms.
struct long_routine : belay::notify_routine {
  long_routine()
      : notify_routine([](routine& self, belay::reason) noexcept {
          static_cast<long_routine&>(self).pause.take();
        }) {}
  nap pause;
};
struct waiter {
  explicit waiter(std::size_t) {}
  void run(int who, std::size_t) {
    if (who == 0) operation_.cancel(belay::reason_kind::user);
    if (who == 1) keep(operation_.disarm(routine_));
    if (who == 2) routine_.pause.wait_for_start();
  }
  long_routine routine_;
  belay::operation operation_{routine_};
};
const offer<waiter> t14("wait/T14/belay", shape::wait);

struct poll {
  explicit poll(std::size_t) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) keep(unknown(operation_).cancelled());
  }
  belay::operation operation_;
};
const offer<poll> poll_one("loop/poll/belay", shape::loop);

}  // namespace
}  // namespace bench
