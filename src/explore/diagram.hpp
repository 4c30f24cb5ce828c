// What of a trace to draw: its relevant events as rows, its actors as columns.
#pragma once

#include <string>
#include <vector>

#include "explore/trace.hpp"

namespace belay::inline BELAY_BUILD::explore {

struct diagram_row {
  std::size_t event = 0;   ///< index in the trace
  int column = -1;         ///< of its actor; -1: the clock
  std::string label;       ///< "IoSetCancelRoutine irp 1", "irp 1 → queued"
  std::size_t hidden = 0;  ///< events left out before it
  bool preempts = false;   ///< goes on though the actor before it could have
  bool last = false;       ///< the one that broke the rule
};

/// What an actor holds, from one row to another.
struct held_lock {
  int column = 0;
  std::size_t from = 0, to = 0;  ///< rows
  std::string name;
};

/// A packet's state, from one row to another.
struct packet_span {
  std::string packet;  ///< "irp 1"
  std::string state;
  std::size_t from = 0, to = 0;  ///< rows
};

struct diagram {
  std::vector<actor_info> columns;
  std::vector<std::size_t> begins, ends;  ///< for each column: first and last row
  std::vector<diagram_row> rows;
  std::vector<held_lock> locks;
  std::vector<std::string> packets;  ///< in order of appearance
  std::vector<packet_span> states;
  bool one_file = true;  ///< all locations lie in one file
  std::string file;      ///< that
};

/// The trace with the finding itself as its last event.
trace with_finding(const trace& what, const source_location& where);

/// At most about `most` rows: library calls, states of packets, what happens around preemptions and
/// on the object of the finding; the less relevant are left out first.
diagram draw(const trace& what, std::size_t most);

/// "IoSetCancelRoutine irp 1", "write irp 1 Cancel", "irp 1 → queued", "the clock moves to 2 ms".
std::string label_of(const event& what);
/// "1.5 ms".
std::string duration_text(std::int64_t nanoseconds);

}  // namespace belay::inline BELAY_BUILD::explore
