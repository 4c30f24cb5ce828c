// The actor behind a basic_deadline_service.
#pragma once

#include "belay/deadline_service.hpp"

namespace belay::inline BELAY_BUILD {

template <class Traits>
bool basic_deadline_service<Traits>::start() noexcept {
  if (driver_ != sync::no_actor) core::misused();
  changes_.store(0, sync::order::relaxed);
  driver_ = sync::spawn({.name = "deadlines"}, &main, this);
  return driver_ != sync::no_actor;
}

template <class Traits>
void basic_deadline_service<Traits>::stop() noexcept {
  if (driver_ == sync::no_actor) return;
  changes_.fetch_or(stop_flag, sync::order::release);
  sync::wake_all(&changes_);
  sync::join(driver_);
  driver_ = sync::no_actor;
}

template <class Traits>
void basic_deadline_service<Traits>::on_earlier(void* service) noexcept {
  auto& self = *static_cast<basic_deadline_service*>(service);
  self.changes_.fetch_add(change, sync::order::release);
  sync::wake_all(&self.changes_);
}

template <class Traits>
void basic_deadline_service<Traits>::main(void* service) {
  auto& self = *static_cast<basic_deadline_service*>(service);
  for (;;) {
    const std::uint32_t seen = self.changes_.load(sync::order::acquire);
    if ((seen & stop_flag) != 0) return;
    const sync::nanoseconds next = self.wheel_.expire(sync::now());
    sync::wait_on(&self.changes_, seen, next);
  }
}

}  // namespace belay::inline BELAY_BUILD
