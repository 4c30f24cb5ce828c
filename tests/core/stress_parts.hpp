// What the stress tests register. What these do is plain: the calls under test have to order it.
#pragma once

#include "belay/operation.hpp"
#include "belay/source.hpp"
#include "stress.hpp"

namespace core_tests {

/// What a routine and a listener do when they are run.
struct run_record {
  void run(belay::reason with) noexcept {
    spin(length);
    effect = input;
    why = with;
    ++runs;
    if (total != nullptr) ++*total;
  }
  bool ran_for(std::uint32_t round) const {
    return runs == 1 && effect == input && why.code() == (round & 0xff'ffff);
  }
  int length = 0, input = 1, effect = 0, runs = 0;
  int* total = nullptr;  // of those that one canceller runs
  belay::reason why;
};

struct notified : belay::notify_routine, run_record {
  notified() : notify_routine(&call) {}
  static void call(belay::routine& self, belay::reason why) noexcept {
    static_cast<notified&>(self).run(why);
  }
};

template <class Base = belay::listener>
struct heard : Base, run_record {
  heard() : Base(&call) {}
  static void call(belay::listener& self, belay::reason why) noexcept {
    static_cast<heard&>(self).run(why);
  }
};

}  // namespace core_tests
