#include "sync/explored/races.hpp"

#include "sync/explored/scheduler.hpp"

namespace belay::inline BELAY_BUILD::sync {

race_detector the_race_detector;

void race_detector::reset(report on_race) {
  on_race_ = on_race;
  if (on_race == nullptr) return;
  released_.clear();
  locations_.clear();
  for (std::size_t i = 0; i < width; ++i) {
    clocks_[i] = {};
    clocks_[i][i] = 1;
  }
}

void race_detector::spawned_slowly(actor_id parent, actor_id child) {
  join(at(child), at(parent));
  ++at(parent)[static_cast<std::size_t>(parent < 0 ? 0 : parent % width)];
}

void race_detector::sync(const volatile void* address, bool acquire, bool release, bool replaces) {
  const actor_id who = world().current();
  const auto key = reinterpret_cast<std::uintptr_t>(address);
  clock& mine = at(who);
  clock& last = released_[key];
  if (acquire) join(mine, last);
  if (release) {
    if (replaces) {
      last = mine;
    } else {
      join(last, mine);  // an update goes on with the release sequence that it read from
    }
    ++mine[static_cast<std::size_t>(who < 0 ? 0 : who % width)];
  } else if (replaces) {
    last = {};  // a relaxed store ends the release sequence
  }
}

void race_detector::plain_slowly(const volatile void* address, bool writes) {
  const actor_id who = world().current();
  const auto me = static_cast<std::size_t>(who < 0 ? 0 : who % width);
  const clock& mine = clocks_[me];
  location& it = locations_[reinterpret_cast<std::uintptr_t>(address)];
  bool race = it.writer >= 0 && it.write > mine[static_cast<std::size_t>(it.writer)];
  if (writes) {
    for (std::size_t i = 0; i < width; ++i) race = race || it.reads[i] > mine[i];
    it.write = mine[me];
    it.writer = static_cast<int>(me);
  } else {
    it.reads[me] = mine[me];
  }
  if (race) on_race_(const_cast<const void*>(address));
}

}  // namespace belay::inline BELAY_BUILD::sync
