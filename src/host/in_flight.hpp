// What programs wait for: one entry a request that came through a device file and is not answered.
//
// Thread safety: everything, from any thread.
// Invariants: an entry is answered once, by whoever takes its `answer_to` out. Its memory is used
// again but never given back while the table exists, so that a handle that libfuse keeps too long
// finds nothing instead of something else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "belay/operation.hpp"
#include "sync/sync.hpp"
#include "wdm/io_manager.hpp"

struct fuse_req;

namespace belay::inline BELAY_BUILD::host {

enum class operation : std::uint8_t { open, read, write, control, flush };
const char* name_of(operation what);

struct open_file;

/// What is known of a request when it arrives.
struct arrival {
  fuse_req* answer_to = nullptr;
  operation what = operation::read;
  std::uint32_t control_code = 0;
  std::uint64_t size = 0;  ///< bytes to read or write
  int process_id = 0;
  open_file* file = nullptr;  ///< nullptr: being opened
  const char* device = "";    ///< outlives the table
};

struct pending : arrival {
  std::uint64_t number = 0;  ///< the handle; changes with each use of the entry
  std::uint64_t serial = 0;  ///< shown to people: 1 for the first request of all
  sync::nanoseconds since = 0;
  bool cancel_wanted = false;  ///< somebody asked; make_request() sees to it if it came first
  bool interrupted = false;    ///< it was the program: a signal, or it gave up
  bool nonblocking = false;    ///< O_NONBLOCK: cancelled at once if the driver keeps it
  bool wants_status = false;   ///< through exchange.hpp: the answer carries the NTSTATUS
  bool wrapped = false;        ///< an ioctl with a control_block
  std::uint32_t exchange = 0;
  class device_files* files = nullptr;  ///< where `exchange` is kept
  std::uint32_t room = 0;               ///< bytes that the answer may have
  int references = 0;
  class in_flight* in = nullptr;
  bool has_request = false;
  std::optional<belay::operation> opening;  ///< an open() on its way
  union {
    wdm::request request;  ///< alive while has_request
  };

  pending() {}
  ~pending() {}
};

/// One line of the live view.
struct pending_view {
  std::uint64_t serial = 0;
  operation what = operation::read;
  std::uint32_t control_code = 0;
  std::uint64_t size = 0;
  int process_id = 0;
  std::string device;
  sync::nanoseconds age = 0;
  bool interrupted = false;       ///< its program gave up on it
  const void* irp = nullptr;      ///< nullptr: none yet, or none any more
  const char* state = "";         ///< of the packet: "dispatched", "queued", "armed", "cancelling"
  bool cancel_requested = false;  ///< Irp->Cancel
  bool routine_armed = false;     ///< Irp->CancelRoutine
};

/// How many requests ended how, since the start.
struct tally {
  std::uint64_t arrived = 0;
  std::uint64_t completed = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t failed = 0;
};

class in_flight {
 public:
  /// An entry with two references: one of whoever starts it, one of whoever finishes it.
  pending& begin(const arrival& what);

  /// Puts a request into the entry, for the caller to start.
  wdm::request& make_request(pending& entry, const wdm::request_options& options);

  /// Whom to answer; nullptr when somebody has.
  fuse_req* take_answer(pending& entry);

  /// Drops a reference.
  void release(pending& entry);

  /// Asks for the cancellation of one. `interrupted`: its program did. Returns: whether there was
  /// one.
  bool cancel(std::uint64_t number, belay::reason why, bool interrupted = false);
  /// The same, by the number that people see.
  bool cancel_serial(std::uint64_t serial, belay::reason why);
  /// Of all, or of those of one open file. Returns: how many there were.
  std::size_t cancel_all(belay::reason why, const open_file* file = nullptr);

  /// Counts an end.
  void ended(std::int32_t status);

  /// Calls `visit(context, entry)` for each entry that is not over, in no order, until it returns
  /// false. The table is locked meanwhile.
  void visit(bool (*visit)(void* context, pending& entry), void* context);
  /// What is in flight, oldest first.
  std::vector<pending_view> snapshot();
  std::size_t count() const;
  tally totals() const;
  /// Waits until nothing is in flight. False: `deadline` passed first.
  bool wait_until_empty(sync::nanoseconds deadline);

 private:
  pending* find_locked(std::uint64_t number);
  template <class body>
  void visit_each(body each) {
    visit([](void* context, pending& entry) { return (*static_cast<body*>(context))(entry); },
          &each);
  }

  mutable sync::inner_lock lock_;
  std::deque<pending> entries_;
  std::deque<std::size_t> unused_;
  std::size_t live_ = 0;
  tally totals_;
  bool awaited_ = false;
  sync::parking empty_;
};

}  // namespace belay::inline BELAY_BUILD::host
