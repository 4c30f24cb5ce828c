// Files of the user side, and their requests from the call to the second stage of completion.
//
// Thread safety: lists, references and `synchronous` under the process's lock; the rest of a
// transfer belongs to its issuing thread until start(), then to whoever completes it.
// Invariants: a transfer lives until its issuer has let go of it, it is over, and no cancel is
// inside the port for it. It is on the lists of its file and of its thread while it is in flight,
// and leaves them before its outcome can be seen.
// Contract: WIN32-IO-001 to WIN32-IO-004
#pragma once

#include <cstdint>

#include "win32/process.hpp"

namespace belay::inline BELAY_BUILD::win32 {

struct port_object;

/// What a file handle names.
struct file_object {
  void* file = nullptr;   ///< the port's
  void* event = nullptr;  ///< signalled when a request without an event of its own is over
  void* turn = nullptr;   ///< an event: one request at a time; nullptr when opened overlapped
  std::uint32_t access = 0;
  std::uint8_t modes = 0;       ///< SetFileCompletionNotificationModes
  port_object* port = nullptr;  ///< its completion port, referenced; under the process's lock
  std::uint64_t port_key = 0;
  transfer* first = nullptr;  ///< in flight; under the process's lock
  bool overlapped() const { return turn == nullptr; }
};
extern const kernel::object_type file_type;

using completion_routine = void (*)(std::uint32_t error, std::uint32_t bytes, void* overlapped);

/// What one call asks for.
struct transfer_options {
  io_kind kind = io_kind::read;
  std::uint32_t control_code = 0;
  const void* input = nullptr;
  std::uint32_t input_size = 0;
  void* output = nullptr;
  std::uint32_t output_size = 0;
  std::int64_t offset = 0;
  /// The user's status block (OVERLAPPED.Internal, InternalHigh), or nullptr.
  volatile std::uint64_t* block = nullptr;
  void* event = nullptr;   ///< the user's, or nullptr
  void* packet = nullptr;  ///< what a completion packet names; nullptr: no packet
  completion_routine routine = nullptr;
  bool wait = false;  ///< the call does not return before the request is over
};

struct transfer : port_io {
  transfer* next = nullptr;  ///< of the file
  transfer* previous = nullptr;
  transfer* next_of_thread = nullptr;
  transfer* previous_of_thread = nullptr;
  file_object* in = nullptr;  ///< referenced
  thread_state* issuer = nullptr;
  void* thread = nullptr;  ///< the issuer's object, referenced
  std::uint32_t references = 1;
  std::uint64_t sweep = 0;
  bool in_flight = false;
  bool waited = false;  ///< the issuer waits in its call
  volatile std::uint64_t* block = nullptr;
  void* event = nullptr;  ///< referenced
  void* packet = nullptr;
  completion_routine routine = nullptr;
  io_result result;
  sync::parking done;  ///< when `waited`
};

struct transfer_answer {
  std::int32_t status = 0;  ///< as the native call returns it; STATUS_PENDING: in flight
  std::uint64_t information = 0;
};
/// Makes and sends one request, and waits for it on a file that was not opened overlapped or with
/// `wait`.
///
/// Callers: PASSIVE_LEVEL.
/// Contract: WIN32-IO-001, WIN32-IO-002, WIN32-IO-005
transfer_answer send(file_object& file, const transfer_options& what);

/// WIN32-IO-005: no request in flight has this status block.
void check_block_unused(const volatile std::uint64_t* block);

/// Which requests a cancel means.
struct cancel_filter {
  const file_object* file = nullptr;     ///< nullptr: any
  const thread_state* issuer = nullptr;  ///< nullptr: any
  const volatile void* block = nullptr;  ///< nullptr: any
};
/// Asks for the cancellation of each request in flight that fits; does not wait.
///
/// Returns: whether there was one.
/// Contract: WIN32-CANCEL-001, WIN32-CANCEL-002
bool cancel_transfers(const cancel_filter& which);
/// The same for what `who` waits for in a call. Returns: whether it did.
bool cancel_synchronous(void* thread_object);

/// Makes it what the calling thread waits for in a call, for CancelSynchronousIo; nullptr: nothing.
void set_synchronous(transfer* what);
/// One reference less.
void release(transfer* what);

/// Memory of the program is given back, or the frames of `only` that lay there have returned:
/// WIN32-IO-005 if a request in flight (of that thread) still needs it.
void check_memory_freed(const void* memory, std::size_t bytes, const thread_state* only = nullptr);

/// A packet for a completion port.
struct packet {
  std::uint64_t key = 0;
  void* overlapped = nullptr;
  std::uint64_t status = 0;
  std::uint64_t information = 0;
};
/// Queues one. Returns: false when there is no memory.
bool post(port_object& port, const packet& what);

}  // namespace belay::inline BELAY_BUILD::win32
