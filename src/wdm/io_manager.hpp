// The user's side of the I/O manager: what a process does to a driver, as C++ calls.
//
// Scenarios of the explorer, tests and the host use it; drivers never see it, they call the exports
// of include/windows.
//
// Thread safety: start, stop, load_driver and unload_driver belong to one actor; everything else
// may be called by any actor at PASSIVE_LEVEL (request::cancel: any IRQL <= DISPATCH_LEVEL).
// Invariants: all state of one execution comes from sync::allocate and hangs on one root that
// start() makes anew, so an execution may be abandoned at any point. No step of ours in here is a
// preemption point; the seal is lifted around each call into the driver.
#pragma once

#include <cstddef>
#include <cstdint>

#include "belay/operation.hpp"
#include "sync/sync.hpp"

struct _DEVICE_OBJECT;
struct _DRIVER_OBJECT;
struct _FILE_OBJECT;
struct _IRP;
struct _UNICODE_STRING;

namespace belay::inline BELAY_BUILD::wdm {

/// An NTSTATUS.
using nt_status = std::int32_t;
/// A driver's DriverEntry (PDRIVER_INITIALIZE).
using driver_entry = nt_status (*)(_DRIVER_OBJECT*, _UNICODE_STRING*);

/// Builds the executive and the I/O manager of one execution.
void start();
/// Takes them down. Not needed when the arena is rewound.
void stop();

// ---- drivers -----------------------------------------------------------------------------------

struct load_result {
  nt_status status = 0;
  _DRIVER_OBJECT* driver = nullptr;  ///< nullptr unless DriverEntry succeeded
};

/// A driver's code; empty: not known.
struct code_range {
  const void* start = nullptr;
  std::size_t size = 0;
};

/// Makes a driver object and calls `entry` at PASSIVE_LEVEL on the calling actor. With `code`, what
/// this driver leaves behind is told from what other drivers still have.
///
/// Returns: DriverEntry's status. When it failed, what Windows cleans up is gone again; what
/// Windows
///          would leave behind (devices, links, timers, pool) is a violation.
load_result load_driver(driver_entry entry, const char* service_name, code_range code = {});

/// Calls DriverUnload, then looks for what the driver left behind: devices, symbolic links, IRPs,
/// timers, DPCs, work items, threads, pool. Each is a violation.
///
/// REQUIRES: each file object of the driver's devices is closed.
void unload_driver(_DRIVER_OBJECT* driver);

/// One of a driver's devices. The strings live as long as the device.
struct device_view {
  _DEVICE_OBJECT* device = nullptr;
  const char* name = nullptr;  ///< "\Device\CancelSamp", or nullptr for an unnamed device
  const char* link = nullptr;  ///< a symbolic link to it, "\DosDevices\CancelSample", or nullptr
  std::uint32_t device_type = 0;
  std::uint32_t flags = 0;  ///< DO_BUFFERED_IO and its kin
  bool exclusive = false;
  const char* security = nullptr;  ///< the SDDL of IoCreateDeviceSecure, or nullptr
};

/// Calls `visit(context, view)` for each device until it returns false.
void visit_devices(const _DRIVER_OBJECT* driver, bool (*visit)(void* context, const device_view&),
                   void* context);

/// True if the driver has set its own dispatch routine for `major` (IRP_MJ_READ and its kin).
bool serves(const _DRIVER_OBJECT* driver, std::uint8_t major);

// ---- files -------------------------------------------------------------------------------------

struct open_result {
  nt_status status = 0;
  std::uint64_t information = 0;
  _FILE_OBJECT* file = nullptr;  ///< nullptr unless the open succeeded
};

/// How a file is opened; the values are Windows'.
struct open_options {
  std::uint32_t access = 0x0012019f;  ///< FILE_GENERIC_READ | FILE_GENERIC_WRITE
  std::uint32_t share = 3;            ///< FILE_SHARE_READ | FILE_SHARE_WRITE
  std::uint32_t disposition = 1;      ///< FILE_OPEN
  std::uint32_t create_options = 0;   ///< FILE_NON_DIRECTORY_FILE and its kin
  std::uint16_t attributes = 0;
  std::uint64_t process_id = 0;  ///< who asks; 0: this process
  /// A request on it, by any actor and at any time, cancels the packet while a driver has it;
  /// nullptr: nobody cancels. Nothing is armed before and after the call.
  belay::operation* cancel = nullptr;
};

/// Sends IRP_MJ_CREATE to the top of the device's stack and waits for it.
open_result open(_DEVICE_OBJECT* device, const open_options& how = {});
/// The same by name: "\Device\X", "\DosDevices\X", "\??\X" or "\\.\X"; what follows the device's
/// name becomes FileObject->FileName.
open_result open(const char* name, const open_options& how = {});
open_result open(const char16_t* name, const open_options& how = {});
/// Whether an open by this name goes to the stack that `device` is in.
bool leads_to(const char16_t* name, _DEVICE_OBJECT* device);
/// Lists the names that devices can be opened by, links ("\GLOBAL??\X") and devices
/// ("\Device\X"): each with its terminator, then an empty one.
///
/// Returns: how many characters that is; nothing was written if it is more than `room`.
std::size_t list_names(char16_t* to, std::size_t room);

/// Closes the only handle: IRP_MJ_CLEANUP now, IRP_MJ_CLOSE when the last reference goes, which may
/// be later, in the wait() of the last outstanding request.
nt_status close_handle(_FILE_OBJECT* file);

// ---- requests ----------------------------------------------------------------------------------

class request;

struct request_options {
  _FILE_OBJECT* file = nullptr;
  std::uint8_t major = 3;  ///< IRP_MJ_READ
  std::uint8_t minor = 0;
  std::uint32_t control_code = 0;  ///< for IRP_MJ_DEVICE_CONTROL and IRP_MJ_INTERNAL_DEVICE_CONTROL
  const void* input = nullptr;     ///< copied by start()
  std::uint32_t input_size = 0;    ///< for IRP_MJ_WRITE its length
  std::uint32_t output_size = 0;   ///< for IRP_MJ_READ its length
  std::int64_t offset = 0;
  std::uint32_t key = 0;                ///< of a read or write
  std::uint32_t information_class = 0;  ///< for IRP_MJ_QUERY_INFORMATION and IRP_MJ_SET_INFORMATION
  bool kernel_mode = false;             ///< Irp->RequestorMode: a driver asks
  const char* name = "request";         ///< shown in reports; must outlive the request
  void* output = nullptr;  ///< where the answer goes; nullptr: into memory of the request's own
  /// The driver works in `input` and `output` themselves where it takes the user's memory (direct
  /// I/O, METHOD_NEITHER): both stay until the request is over.
  bool in_place = false;
  std::uint64_t process_id = 0;  ///< who asks; 0: this process
  /// Called once, when the request is over: the outcome is there, the output copied, the packet
  /// freed, and no cancel() of this request is inside IoCancelIrp any more. It may destroy the
  /// request, unless a cancel() that came too late may still hold it.
  ///
  /// Callers: whoever came last, completer or canceller, IRQL <= DISPATCH_LEVEL; also inside
  ///          start(), which does not touch the request after it.
  void (*over)(request& self, void* context) = nullptr;
  void* context = nullptr;  ///< for `over`
};

struct request_block;

/// One overlapped request of a user thread.
///
/// Lifetime: owned by the caller; must outlive each call of cancel() that may run. The destructor
///           requires that it never started or that wait() returned true (or that its thread's
///           cancel_thread_requests() returned).
/// Races:    cancel against completion: one wins. If completion does, cancel() does nothing; if
///           cancel() does, IoCancelIrp runs and the packet stays until it has returned, even if
///           the driver completes it meanwhile; the issuing actor frees it in wait().
class request {
 public:
  explicit request(const request_options& options);
  request(const request&) = delete;
  request& operator=(const request&) = delete;
  ~request();

  /// Builds the thread-associated IRP, links it into the current thread's list and calls the
  /// driver.
  ///
  /// Callers: once, at PASSIVE_LEVEL.
  /// Returns: what the dispatch routine returned.
  nt_status start();

  /// Asks for cancellation: IoCancelIrp, if the request is outstanding and this is the first call.
  /// A call before start() is remembered: the driver then gets a packet that is cancelled already.
  ///
  /// Callers: any actor.
  /// Returns: true if IoCancelIrp was called by this call (not: that anything was cancelled).
  bool cancel(belay::reason why = reason_kind::user);

  /// Waits for the outcome, then copies the output, frees the packet and drops its reference to the
  /// file object (which may send IRP_MJ_CLOSE).
  ///
  /// Callers: the issuing actor, unless `over` was given.
  /// Returns: false if `deadline` passed first; wait() may be called again.
  bool wait(sync::nanoseconds deadline = sync::forever);

  /// REQUIRES: completed(), or within `over`.
  nt_status status() const;
  std::uint64_t information() const;
  /// The highest driver had marked the packet pending (Irp->PendingReturned at its completion).
  bool pended() const;
  /// What the driver wrote; REQUIRES: wait() returned true.
  const void* output() const;

  /// No lock, no point: may be asked by a gate.
  bool issued() const;            ///< the packet exists: cancel() makes sense
  bool completed() const;         ///< the outcome is there
  bool cancel_delivered() const;  ///< IoCancelIrp found a cancel routine and called it
  _IRP* irp() const;              ///< for reports; nullptr before start() and after wait()
  const char* name() const;

 private:
  request_block* published() const;

  request_options options_;
  request_block* block_ = nullptr;  ///< state shared with the completing actor
  bool cancelled_early_ = false;    ///< before start()
};

/// Reports WDM-CANCEL-013 for a request of the current actor that was cancelled, is still pending,
/// and has a cancel routine that was armed after IoCancelIrp had come: nobody will call it. Gives
/// the driver `patience` to look at the flag again; explored, the smallest is right, because the
/// clock moves only when nothing else must run (request::start() does this by itself there).
void check_lost_cancels(sync::nanoseconds patience = 1);

/// What Windows does when a thread ends: IoCancelIrp on each pending IRP of the current actor, then
/// waits up to five minutes of (virtual) time for them.
///
/// An IRP that stays is a violation: WDM-CANCEL-013 if a cancel routine was armed after the Cancel
/// flag was set and nobody looked again, otherwise WDM-FILE-003.
void cancel_thread_requests();

// ---- introspection -----------------------------------------------------------------------------

enum class irp_state : std::uint8_t {
  allocated,   ///< made, with its creator
  dispatched,  ///< in a driver's dispatch routine
  queued,      ///< pending: the dispatch routine returned STATUS_PENDING
  armed,       ///< pending, with a cancel routine
  cancelling,  ///< IoCancelIrp took the cancel routine
  completed,   ///< after its last completion
  freed,
};

/// "allocated", "dispatched" …; the note of a change is "irp:" and this.
const char* name_of(irp_state state);

struct irp_view {
  _IRP* irp = nullptr;
  irp_state state = irp_state::allocated;
  sync::actor_id thread = sync::no_actor;  ///< the issuing actor of a thread-associated IRP
  const request* owner = nullptr;          ///< the user's request, or nullptr
  _DRIVER_OBJECT* creator = nullptr;       ///< the driver that allocated it, if known
  _DEVICE_OBJECT* device = nullptr;        ///< where it was sent last
  std::uint8_t major = 0;
  bool cancel_requested = false;  ///< Irp->Cancel
  bool routine_armed = false;     ///< Irp->CancelRoutine; with cancel_requested: armed too late
  const void* site = nullptr;     ///< code that allocated it, or sent it
};

/// Writes what lies at `address`, for reports: "device extension+0x18", "file object", "cancel spin
/// lock".
///
/// Returns: false when it has no name here.
bool name_address(const void* address, char* text, std::size_t room);

/// Calls `visit(context, view)` for each IRP that is not freed, until it returns false.
void visit_irps(bool (*visit)(void* context, const irp_view&), void* context);

}  // namespace belay::inline BELAY_BUILD::wdm
