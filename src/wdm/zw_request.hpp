// What a driver asks of other devices by handle: requests from the call to the second stage of
// completion.
//
// Thread safety: the list, references and flags under io().lock; `opening` and `sent` take their
// own calls from any actor; the rest belongs to the issuing thread until the request is sent, then
// to whoever completes it.
// Invariants: a request is on the list from before it is sent until all that others see of its
// outcome is written; nobody finds it once that has begun (`over`). It lives until its issuer, the
// list, its queued APC and every cancel have let go of it. Completion against cancel is decided by
// wdm::request.
// Contract: WDM-FILE-005, WDM-FILE-009
#pragma once

#include <optional>

#include "kernel/dispatcher_nt.hpp"
#include "wdm/io_state.hpp"

namespace belay::inline BELAY_BUILD::wdm {

struct zw_request {
  zw_request* next = nullptr;
  zw_request* previous = nullptr;
  std::uint32_t references = 1;
  std::uint64_t sweep = 0;
  bool over = false;
  bool waited = false;  ///< the issuing thread waits in its call
  sync::actor_id actor = sync::no_actor;
  kernel::thread_object* thread = nullptr;  ///< the issuer's, referenced
  PFILE_OBJECT file = nullptr;              ///< referenced; nullptr while a file is opened
  PIO_STATUS_BLOCK block = nullptr;
  PKEVENT event = nullptr;  ///< the caller's, referenced, or nullptr
  PIO_APC_ROUTINE routine = nullptr;
  PVOID routine_context = nullptr;
  bool keeps_position = false;  ///< the file's position moves by what was transferred
  IO_STATUS_BLOCK result{};
  KEVENT done{};  ///< signalled when all is written
  KAPC apc{};
  belay::operation opening;     ///< cancels IRP_MJ_CREATE
  std::optional<request> sent;  ///< anything else
};

/// A file that a handle names, referenced as long as this lives.
class held_file {
 public:
  held_file() = default;
  held_file(const held_file&) = delete;
  held_file& operator=(const held_file&) = delete;
  ~held_file();

  /// Whatever the handle was opened for: Windows' kernel lets its own callers do all.
  ///
  /// Returns: STATUS_INVALID_HANDLE; STATUS_OBJECT_TYPE_MISMATCH.
  NTSTATUS hold(HANDLE handle);
  PFILE_OBJECT get() const { return file_; }
  ACCESS_MASK access() const { return access_; }
  bool synchronous() const { return (file_->Flags & FO_SYNCHRONOUS_IO) != 0; }

 private:
  PFILE_OBJECT file_ = nullptr;
  ACCESS_MASK access_ = 0;
};

/// The turn on a file that was opened synchronous: one request at a time. Others need none.
class file_turn {
 public:
  explicit file_turn(PFILE_OBJECT file) : file_(file) {}
  file_turn(const file_turn&) = delete;
  file_turn& operator=(const file_turn&) = delete;
  ~file_turn();

  /// Waits for it. Returns: STATUS_ALERTED or STATUS_USER_APC if the file is alertable and that
  ///                        came first; else STATUS_SUCCESS.
  NTSTATUS take();

 private:
  PFILE_OBJECT file_;
  bool taken_ = false;
};

/// What one call asks for, besides the request's own options.
struct zw_call {
  HANDLE event = nullptr;
  PIO_APC_ROUTINE routine = nullptr;
  PVOID routine_context = nullptr;
  PIO_STATUS_BLOCK block = nullptr;
  bool wait = false;  ///< the call waits on any file
  bool keeps_position = false;
};

/// Makes and sends one request, and waits for it on a synchronous file or with `wait`. On a
/// synchronous file the caller has the turn.
///
/// Callers: PASSIVE_LEVEL.
/// Returns: the driver's status; STATUS_PENDING: in flight. A wait on an alertable file that an
///          alert or a user APC ends cancels the request and waits for its outcome.
NTSTATUS send(PFILE_OBJECT file, const request_options& options, const zw_call& call);

/// A request of the calling thread with one reference, on no list, or nullptr.
zw_request* make_zw_request(PIO_STATUS_BLOCK block);
void link(zw_request& what);
/// Nobody finds it any more.
void mark_over(zw_request& what);
void unlink(zw_request& what);
/// One reference less.
void release(zw_request* what);

/// Which requests a cancel means; nullptr: any.
struct zw_filter {
  PFILE_OBJECT file = nullptr;
  const void* thread = nullptr;  ///< a thread object
  PIO_STATUS_BLOCK block = nullptr;
  bool waited = false;  ///< only those for which their thread waits
};
/// Asks for the cancellation of each request in flight that fits; does not wait.
///
/// Returns: whether there was one.
bool cancel_zw_requests(const zw_filter& which, belay::reason why);

}  // namespace belay::inline BELAY_BUILD::wdm
