// A counter-example on paper: what replays it, and what it shows.
//
// Replay needs `directives`, the scenario or the callback, and the same code; the rest is for
// people.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "explore/callback.hpp"
#include "explore/execution.hpp"
#include "explore/scenario.hpp"
#include "guest/source_location.hpp"

namespace belay::inline BELAY_BUILD::explore {

using guest::source_location;
using guest::stack_frame;

enum class event_kind : std::uint8_t {
  step,       ///< an access that was a scheduling point
  call,       ///< a library call: `what` names it
  irp_state,  ///< `what` is the new state of the packet `object`
  clock,      ///< time moved; `time` is the new time
};

struct event {
  std::uint64_t step = 0;
  int actor = 0;
  event_kind kind = event_kind::step;
  std::string what;  ///< "write", "acquire", "IoSetCancelRoutine", "completed", …
  std::uint64_t object = 0;
  std::string object_name;  ///< "irp 1", "Queue.Lock", "device extension+0x18" …, or empty
  source_location where;
  std::uint8_t irql = 0;
  std::int64_t time = 0;   ///< virtual nanoseconds
  bool preempted = false;  ///< the actor that ran before could have gone on
};

struct actor_info {
  int id = 0;
  std::string name;
};

struct trace {
  std::string belay_version;
  std::string driver;    ///< path of the driver's .so when it was made
  std::string build_id;  ///< of that file; replay refuses another
  struct other_driver {
    std::string driver, build_id;
  };
  std::vector<other_driver> with_drivers;  ///< that were loaded before it, in order;
                                           ///< the scenario's client first, if it has one
  std::string compiler;
  scenario what;               ///< whole, so that no file is needed
  std::optional<callback> of;  ///< called by itself; of the scenario only cpus and registry count
  std::string strategy;        ///< the phase that found it
  std::uint64_t seed = 0;
  std::uint64_t found_at = 0;
  double found_after = 0;
  int preemptions = 0;
  bool minimal = false;
  std::vector<directive> directives;
  std::vector<std::uint64_t> identities;  ///< of the actors, by their number
  std::vector<std::uint64_t>
      shared;  ///< the memory whose accesses are steps: arena addresses, image offsets + 1
  std::vector<actor_info> actors;
  std::vector<event> events;
  std::uint64_t digest = 0;  ///< of all events, the same in every process
  finding found;
  std::string object_name;         ///< of found.object
  std::string in_driver;           ///< whose code found it; empty: there is but one driver
  std::vector<stack_frame> stack;  ///< of the finding, innermost first; inlined frames expanded
};

/// As JSON, one object, stable key order.
std::string to_json(const trace& what);
/// The error says where and what is wrong with the text.
tl::expected<trace, std::string> trace_from_json(const std::string& text);

}  // namespace belay::inline BELAY_BUILD::explore
