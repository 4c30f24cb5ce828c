// A driver that broke a rule or crashed, hosted: it stops where it is, and the host goes down in
// order around it.
//
// Thread safety: wait() belongs to one thread. Violations and crashes arrive on any.
// Invariants: the first one counts. Whoever comes after it, and whoever brought it, never goes on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host/driver_image.hpp"
#include "host/in_flight.hpp"
#include "kernel/contract.hpp"

namespace belay::inline BELAY_BUILD::host {

/// What stopped the driver.
struct bug_check {
  std::string clause, rule, text;
  std::uint32_t code = 0;  ///< 0: Windows would go on, or hang
  std::uint64_t parameter[4] = {};
  const void* object = nullptr;
  std::vector<std::uint64_t> stack;  ///< return addresses, innermost first
  std::vector<std::string> in_flight;
};

/// Sends violations and crashes to `told`, once, which must hand over to another thread and return;
/// the thread they came from then sleeps for good.
void catch_bug_checks(void (*told)());
/// REQUIRES: `told` was called.
const bug_check& the_bug_check();

/// One frame of a driver.
struct driver_frame {
  std::string driver;    ///< its service name
  std::string function;  ///< or "driver+0x1234"
  std::string file;      ///< empty: not known
  unsigned line = 0;
};

/// The drivers' frames on the stack, innermost first; the routines that the parameters name if
/// there are none.
std::vector<driver_frame> frames_of(const bug_check& what,
                                    const std::vector<driver_image>& drivers);

/// The bug-check screen, in plain text, without colour.
std::string screen_of(const bug_check& what, const std::vector<driver_image>& drivers);

}  // namespace belay::inline BELAY_BUILD::host
