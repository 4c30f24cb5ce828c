// Checking one driver: load, explore, and write down what was found.
#pragma once

#include <optional>
#include <string>

#include <tl/expected.hpp>

#include "explore/callback_program.hpp"
#include "explore/scenario.hpp"
#include "explore/search.hpp"
#include "explore/trace.hpp"
#include "guest/refusal.hpp"

namespace belay::inline BELAY_BUILD::explore {

using guest::refusal;

struct check_options {
  std::string driver;  ///< path of the .so; those of what.with_drivers are loaded before it
  scenario what;
  search_options search;
};

struct check_result {
  search_result search;
  scenario what;                 ///< as run: with the defaults filled in from the driver
  std::optional<trace> example;  ///< for a violation
  std::size_t shared_granules = 0;
  std::size_t peak_memory = 0;  ///< bytes resident
  std::string printed;          ///< what the driver printed in the failing execution (DbgPrint)
};

/// Explores a driver. Callers: once a process.
tl::expected<check_result, refusal> check_driver(const check_options& options);

/// Explores each callback of options.driver by itself, of `what` only the processors. Callers: once
/// a process.
tl::expected<callbacks_result, refusal> check_callbacks(const check_options& options);

struct replay_result {
  execution run;
  trace now;          ///< with the events as they came about this time
  bool same = false;  ///< same finding, same events as in the trace
  std::string difference;
};

/// Runs a trace again, `times` times, with the driver's .so at `driver` and the others where the
/// trace says. Refuses one that was made of other code.
tl::expected<replay_result, refusal> replay_trace(const trace& from, const std::string& driver,
                                                  int times);

}  // namespace belay::inline BELAY_BUILD::explore
