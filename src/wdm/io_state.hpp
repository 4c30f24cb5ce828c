// What the I/O manager remembers: one root an execution, a record for each IRP, hidden parts of
// devices, names.
//
// Thread safety: everything behind `io().lock` unless said otherwise. The lock is an inner lock: no
// scheduling point and no call out is made while it is held.
// Invariants: a record outlives its IRP while anyone may still ask what became of it (the dispatch
// frames that sent it); no decision is ever made by reading a freed or completed packet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#include "kernel/api.hpp"
#include "kernel/contract.hpp"
#include "kernel/executive.hpp"
#include "kernel/object.hpp"
#include "sync/sync.hpp"
#include "sync/vital.hpp"
#include "wdm/callbacks.hpp"
#include "wdm/io_manager.hpp"

// clang-format off: last, because it defines `try` and the like.
#include <ntifs.h>
// clang-format on

namespace belay::inline BELAY_BUILD::wdm {

// ---- packets -----------------------------------------------------------------------------------

/// Who made a packet, hence who frees it.
enum class irp_kind : std::uint8_t {
  in_place,      ///< IoInitializeIrp on the driver's own memory
  allocated,     ///< IoAllocateIrp: the driver frees it
  asynchronous,  ///< IoBuildAsynchronousFsdRequest: the driver may free it, else we do
  synchronous,   ///< IoBuildSynchronousFsdRequest and its kin: ours, on the current thread
  associated,    ///< IoMakeAssociatedIrp: ours, counts in its master
  user,          ///< a `request`
  internal,      ///< create, cleanup, close, shutdown: we wait for it in place
};

struct irp_record;

/// One IofCallDriver in progress, on the stack of the actor that makes the call. Completion leaves
/// here what the checks after the dispatch routine need, so that they never look at the packet.
struct dispatch_frame {
  dispatch_frame* next = nullptr;
  dispatch_frame* above = nullptr;  ///< the same actor's frame of the driver that made this call
  irp_record* record = nullptr;
  sync::actor_id actor = sync::no_actor;
  std::uint32_t call = 0;      ///< record->calls of this call
  std::uint64_t held_off = 0;  ///< removals_held_off before it
  CHAR location = 0;           ///< stack location it was dispatched at
  bool walked = false;         ///< completion has passed this location
  bool marked = false;         ///< it carried SL_PENDING_RETURNED then
  bool ended_here = false;     ///< IoCompleteRequest was called with the packet at this location
  bool passed_down = false;    ///< its driver called the next one, within this call
  bool skipped = false;        ///< … with this very location
  bool lower_is_back = false;  ///< … and has its answer
  NTSTATUS lower = 0;
  NTSTATUS status = 0;                       ///< IoStatus.Status when completion passed
  PIO_COMPLETION_ROUTINE routine = nullptr;  ///< what the driver above wants to be called
};

/// An actor that waits in place for an internal packet.
struct packet_waiter {
  sync::parking parking;
  IO_STATUS_BLOCK result{};
};

struct irp_record {
  irp_record* next_in_bucket = nullptr;
  irp_record* next = nullptr;  ///< in order of allocation
  irp_record* previous = nullptr;
  irp_record* next_synchronous = nullptr;  ///< of those that drivers have tied to threads
  PIRP irp = nullptr;
  std::uint32_t references = 1;  ///< the table's and one a frame
  irp_kind kind = irp_kind::allocated;
  irp_state state = irp_state::allocated;
  bool at_cleanup = false;          ///< waited with a cancel routine when its file was cleaned up
  bool cancel_begun = false;        ///< IoCancelIrp is about to set Irp->Cancel, or has
  bool cancelled = false;           ///< IoCancelIrp set Irp->Cancel
  bool pinned = false;              ///< its thread ends: completion leaves the rest to that thread
  bool left_over = false;           ///< … and has done so
  bool routine_registered = false;  ///< IoSetCompletionRoutineEx, and not sent since
  CHAR top = 0;                     ///< stack location at which its creator sent it
  std::uint32_t calls = 0;          ///< of IofCallDriver
  dispatch_frame* frames = nullptr;
  sync::actor_id thread = sync::no_actor;
  std::uint64_t process_id = 0;  ///< who asks; 0: this process
  request_block* block = nullptr;
  packet_waiter* waiter = nullptr;
  sync::parking* rundown = nullptr;  ///< where its thread waits for it
  PIO_CSQ csq = nullptr;             ///< the cancel-safe queue it is in
  PVOID csq_tag = nullptr;           ///< what DriverContext[3] holds meanwhile
  PVOID system_buffer = nullptr;     ///< ours to free
  std::size_t system_buffer_size = 0;
  PMDL mdl = nullptr;  ///< ours to free
  PDRIVER_OBJECT creator = nullptr;
  PDEVICE_OBJECT device = nullptr;
  std::uint8_t major = 0;
  const void* site = nullptr;
};

// ---- calls into drivers ------------------------------------------------------------------------

enum class call_kind : std::uint8_t { dispatch, completion, cancel, start_io, csq, other };

/// A call into a driver that the current actor is inside of; linked in the actor's own list.
class driver_call : public kernel::links {
 public:
  driver_call(call_kind kind, PDEVICE_OBJECT device, PIRP irp, dispatch_frame* frame = nullptr);
  ~driver_call();
  driver_call(const driver_call&) = delete;
  driver_call& operator=(const driver_call&) = delete;

  call_kind kind;
  UCHAR major = 0xff;  ///< of a dispatch routine
  UCHAR minor = 0;
  PDEVICE_OBJECT device;
  PIRP irp;
  dispatch_frame* frame;
};

/// The innermost one of the current actor, or nullptr.
driver_call* innermost_call();
/// The innermost one of that kind, or nullptr.
driver_call* innermost_call(call_kind kind);

/// Bytes of a packet with its stack locations.
inline std::size_t size_of_irp(CHAR stack_size) {
  return sizeof(IRP) + static_cast<std::size_t>(stack_size) * sizeof(IO_STACK_LOCATION);
}
/// The stack location numbered `location` (1 is the lowest driver's).
inline PIO_STACK_LOCATION location_of(PIRP irp, CHAR location) {
  return reinterpret_cast<PIO_STACK_LOCATION>(irp + 1) + (location - 1);
}

/// Makes a packet and its record. nullptr: no memory.
irp_record* make_irp(CHAR stack_size, irp_kind kind, const void* site);
/// The same for one that Windows takes from a reserve: never nullptr.
irp_record* make_vital_irp(CHAR stack_size, irp_kind kind, const void* site);
/// The record of a packet that is not freed, or nullptr.
irp_record* find_record(PIRP irp);
/// The same for a packet that a driver hands in: reports WDM-IRP-034, WDM-IRP-010 or WDM-IRP-001
/// when it is none, freed or completed. `what` names the export.
irp_record* require_irp(PIRP irp, const char* what);
/// Adopts memory that IoInitializeIrp has formatted.
irp_record* adopt_irp(PIRP irp, const void* site);
/// True if a packet at this address was freed lately.
bool was_freed(PIRP irp);
/// The user's request that a block belongs to.
const request* owner_of(const request_block* block);
/// Gives a packet back: its buffers, its memory, and the record when no frame refers to it.
void free_irp(irp_record* record);
/// Drops one reference of a record.
void release_record(irp_record* record);
/// Where a packet is now.
irp_state state_of(const irp_record* record);
/// IoCancelIrp was called for it (since it was made or reused).
bool was_cancelled(const irp_record* record);
void set_cancelled(irp_record* record, bool cancelled);
/// IoCancelIrp is about to set Irp->Cancel.
void cancel_begins(irp_record* record);
/// Reports WDM-CANCEL-007 if the driver has written Irp->Cancel.
void check_cancel_flag(irp_record* record, PIRP irp);
/// Reports WDM-IRP-035 if the driver that calls `what` has passed the packet down and not got it
/// back; `code` is the first parameter of bug check 0xC9.
void check_not_passed_down(PIRP irp, const char* what, std::uint64_t code, const void* site);
/// A routine of a driver returns: reports WDM-IRP-029 if a request that the current thread has
/// built and not awaited would write into the frames that go, those beneath `stack`.
void check_unawaited(const void* stack);
/// IoCancelIrp on the current thread's driver-built packets, then waits for them.
void run_down_irps(sync::nanoseconds deadline);
/// Asks for the cancel of what the current thread has in flight on handles, and waits for it.
void cancel_own_zw_requests();
void await_zw_requests(sync::nanoseconds deadline);
/// A routine of a driver returns: reports WDM-FILE-006 if the status block of such a request lies
/// in the frames that go, `reach` bytes beneath `stack`.
void check_unawaited_blocks(const void* stack, std::size_t reach);
/// Reports WDM-FILE-010 for a file that `driver` has opened by name and whose handle is open.
/// `alone`: nobody else is there who could have.
void check_open_handles(PDRIVER_OBJECT driver, bool alone, code_range code);
/// Its cancel routine was armed after IoCancelIrp had come, and nobody has taken it back: a lost
/// cancel.
bool armed_too_late(const irp_record* record);
/// Moves a record to `state` and tells the explorer.
void set_state(irp_record* record, irp_state state, const void* site = nullptr);

/// IofCallDriver: takes the next stack location and calls the driver, with seals lifted.
NTSTATUS call_driver(PDEVICE_OBJECT device, PIRP irp);
/// What a driver object's table holds until the driver fills it.
NTSTATUS NTAPI invalid_device_request(PDEVICE_OBJECT device, PIRP irp);
/// IofCompleteRequest without the checks of the caller.
void complete_irp(irp_record* record, PIRP irp);
/// What happens above the highest completion routine. Defined where each kind is made.
void finish_user_irp(irp_record* record, PIRP irp);
void finish_synchronous_irp(irp_record* record, PIRP irp);
void finish_associated_irp(irp_record* record, PIRP irp);

/// IoCancelIrp on a packet that somebody keeps alive. Returns: a cancel routine was called.
bool cancel_irp(irp_record* record, PIRP irp, const void* site);

/// Sends a packet of kind `internal` to `device` and waits for it. A request on `cancel` is an
/// IoCancelIrp for it. `process_id`: who asks; 0: this process.
IO_STATUS_BLOCK send_and_wait(PDEVICE_OBJECT device, PFILE_OBJECT file, UCHAR major, UCHAR minor,
                              const IO_STACK_LOCATION* parameters, KPROCESSOR_MODE mode,
                              belay::operation* cancel = nullptr, std::uint64_t process_id = 0);

/// Orders this step with the others that decide the packet's fate (a point that is no preemption).
inline void order(sync::access_kind kind, const irp_record* record) {
  kernel::order(kind, &record->state);
}

// ---- devices -----------------------------------------------------------------------------------

struct named_object;

/// What DeviceObject->DeviceObjectExtension points to: the part of a device that drivers never see.
struct device_extra {
  DEVOBJ_EXTENSION visible{};  ///< first: drivers may compare the pointer
  device_extra* next = nullptr;
  PDEVICE_OBJECT device = nullptr;
  PDEVICE_OBJECT attached_to = nullptr;  ///< the next lower device
  named_object* name = nullptr;
  char* security = nullptr;  ///< the SDDL text
  DEVICE_POWER_STATE power = PowerDeviceD0;
  bool delete_pending = false;
  bool shutdown_registered = false;
  // IoSetStartIoAttributes, and what StartIo has to make up for.
  bool deferred_start = false;
  bool non_cancelable = false;
  bool cancel_given = false;      ///< IoStartPacket came with a cancel function
  bool cancel_not_given = false;  ///< … and without
  int start_io_running = 0;
  bool next_wanted = false;
  bool next_cancelable = false;
  bool next_by_key = false;
  ULONG next_key = 0;
};

/// A routine as a site: sites are return addresses, which lie behind the call that they stand for.
inline const void* site_of(const void* routine) { return static_cast<const char*>(routine) + 1; }

/// Who calls the current export: BELAY_SITE is used in exports only.
#define BELAY_SITE __builtin_return_address(0)

inline device_extra* extra_of(PDEVICE_OBJECT device) {
  return reinterpret_cast<device_extra*>(device->DeviceObjectExtension);
}

/// IoCreateDevice.
NTSTATUS create_device(PDRIVER_OBJECT driver, ULONG extension_size, PUNICODE_STRING name,
                       DEVICE_TYPE type, ULONG characteristics, BOOLEAN exclusive, const void* site,
                       PDEVICE_OBJECT* made);
/// Marks the packets of `file` that wait with a cancel routine, for what follows.
void cleanup_begins(PFILE_OBJECT file);
/// Reports WDM-FILE-002 if IRP_MJ_CLEANUP was completed and one of them still waits.
void cleanup_ended(PFILE_OBJECT file);
/// True if `device` is a device object that still exists.
bool is_device(const DEVICE_OBJECT* device);
/// The highest device attached to `device`.
PDEVICE_OBJECT top_of(PDEVICE_OBJECT device);
/// One open file less; the last one carries out a deferred IoDeleteDevice.
void device_closed(PDEVICE_OBJECT device);
/// Frees the device if it is marked for deletion and nobody uses it.
void delete_if_unused(PDEVICE_OBJECT device);

// ---- files -------------------------------------------------------------------------------------

/// What lies behind a file object.
struct file_extra {
  void* handle = nullptr;
  bool opened = false;              ///< IRP_MJ_CREATE succeeded: cleanup and close will be sent
  const void* site = nullptr;       ///< code of the driver that opened it by name, or nullptr
  PDRIVER_OBJECT opener = nullptr;  ///< that driver, if known
  std::uint64_t requests = 0;       ///< what the drivers' requests on it are ordered by
};

inline file_extra* extra_of(PFILE_OBJECT file) { return reinterpret_cast<file_extra*>(file + 1); }

/// A file object of `device`, which is counted in it by the caller. nullptr: no memory.
PFILE_OBJECT make_file(PDEVICE_OBJECT device, PCUNICODE_STRING rest);
/// Opens `device` and gives the file object one handle. `related`: what `rest` is relative to.
open_result open_device(PDEVICE_OBJECT device, PCUNICODE_STRING rest, const open_options& how,
                        KPROCESSOR_MODE mode, PFILE_OBJECT related = nullptr);

// ---- names -------------------------------------------------------------------------------------

/// A device's name or a symbolic link. Compared without regard to (ASCII) case.
struct named_object {
  named_object* next = nullptr;
  char16_t* name = nullptr;  ///< normalised: \??\ and \DosDevices\ are \GLOBAL??\ here
  std::size_t length = 0;
  char* text = nullptr;             ///< as given, for people
  PDEVICE_OBJECT device = nullptr;  ///< of a device name; nullptr: a symbolic link
  char16_t* target = nullptr;       ///< as given
  std::size_t target_length = 0;
  PDRIVER_OBJECT driver = nullptr;  ///< who made it, as far as known
};

/// NTSTATUS of adding it; STATUS_OBJECT_NAME_COLLISION if the name is taken.
NTSTATUS add_name(PCUNICODE_STRING name, PDEVICE_OBJECT device, PCUNICODE_STRING target,
                  PDRIVER_OBJECT driver, named_object** made);
void remove_name(named_object* object);
inline constexpr std::size_t longest_name = 512;
/// A name, or what is left of one behind a device's.
struct name_rest {
  WCHAR text[longest_name];
  std::size_t length = 0;
  UNICODE_STRING view() {
    const auto bytes = static_cast<USHORT>(length * sizeof(WCHAR));
    return {bytes, bytes, text};
  }
};
/// The device that `name` leads to through symbolic links, and what is left of the name behind it
/// (`rest` may be nullptr).
///
/// Returns: STATUS_OBJECT_NAME_NOT_FOUND when only the last part of the name is missing,
///          STATUS_OBJECT_PATH_NOT_FOUND when one before it is, STATUS_OBJECT_TYPE_MISMATCH for a
///          directory, what is wrong with the text otherwise.
NTSTATUS resolve_name(PCUNICODE_STRING name, PDEVICE_OBJECT* device, name_rest* rest);
/// What the symbolic link `name` leads to, as it was given. Returns: as above;
/// STATUS_OBJECT_TYPE_MISMATCH for a device.
NTSTATUS target_of_link(PCUNICODE_STRING name, name_rest* target);
/// The first symbolic link that leads to `device`, or nullptr.
named_object* link_to(PDEVICE_OBJECT device);

/// UTF-16 for a literal; the buffer is sync memory that the caller frees.
UNICODE_STRING make_string(const char* text, sync::memory_use use);
UNICODE_STRING make_string(const char16_t* text, sync::memory_use use);

// ---- the root ----------------------------------------------------------------------------------

#if defined(BELAY_EXPLORED)
inline constexpr std::size_t irp_buckets = 64;  // made anew for each execution
#else
inline constexpr std::size_t irp_buckets = 16384;
#endif
inline constexpr std::size_t graveyard_size = 64;

/// How long a thread that ends waits for its cancelled packets.
inline constexpr sync::nanoseconds rundown_limit = 300LL * 1000 * 1000 * 1000;

struct remove_lock_record;
struct driver_extra;
struct pnp_node;
struct zw_request;

/// Reports WDM-FILE-007 for a remove lock within [`memory`, `memory` + `bytes`) that is still held;
/// with bytes 0: for any. `what` goes away.
void check_remove_locks(const void* memory, std::size_t bytes, const char* what);
/// Reports WDM-FILE-007 if a dispatch routine that has completed `irp` still holds a remove lock
/// acquired with it as the tag since `removals_held_off` was `since`.
void check_remove_lock_of(PIRP irp, UCHAR major, std::uint64_t since);

/// The Type of a KDEVICE_QUEUE.
inline constexpr CSHORT device_queue_object = 20;

/// The drivers beneath the one under test, when they are not there (see callbacks.hpp).
struct lower_model {
  lower_answer answer = lower_answer::success;
  bool devices = true;      ///< AddDevice is called, but not started
  std::uint32_t calls = 0;  ///< of IofCallDriver that it answered
};

/// What answers an IofCallDriver with this packet in the drivers' place, or nullptr.
PDRIVER_DISPATCH model_for(const irp_record* record);

struct io_state {
  sync::inner_lock lock;
  sync::inner_lock device_queue_lock;
  irp_record* buckets[irp_buckets] = {};
  irp_record* first = nullptr;
  irp_record* last = nullptr;
  irp_record* first_synchronous = nullptr;
  irp_record* graves[graveyard_size] = {};  ///< of packets freed lately, for better words
  std::size_t next_grave = 0;
  device_extra* devices = nullptr;
  named_object* names = nullptr;
  remove_lock_record* remove_locks = nullptr;
  std::uint64_t removals_held_off = 0;  ///< remove locks acquired so far
  PDRIVER_OBJECT drivers = nullptr;
  PDRIVER_OBJECT bus = nullptr;  ///< of the root bus, once a driver has a device on it
  pnp_node* nodes = nullptr;
  PDRIVER_OBJECT loading = nullptr;  ///< the driver whose DriverEntry runs
  lower_model* model = nullptr;
  zw_request* zw_requests = nullptr;  ///< of drivers, on handles
  std::uint64_t zw_sweeps = 0;
  std::uint32_t device_number = 0;  ///< of the next generated name
  volatile std::uint64_t cancel_lock = 0;
};

io_state& io();
/// Between start() and stop().
bool started();

using kernel::guard;

/// Memory from sync as an object of type T.
template <class T, class... A>
T* make(sync::memory_use use, A&&... arguments) {
  void* at = sync::allocate(sizeof(T), use);
  return at == nullptr ? nullptr : new (at) T{static_cast<A&&>(arguments)...};
}

/// The same for what Windows has in the driver's memory, or takes from a reserve: never nullptr.
template <class T>
T* make_vital() {
  void* at = sync::allocate_vital(sizeof(T), sync::memory_use::internal);
  BELAY_ASSERT(at != nullptr && "out of memory");
  return new (at) T{};
}

/// Frees what drivers have in flight on handles, as it is; the packets are gone.
void forget_zw_requests();
/// Makes a driver's key among the services, with what is not there yet of its values.
void add_service_key(const DRIVER_OBJECT* driver);
/// Makes the keys of all devices.
void add_device_keys();
/// Both, of all that there are.
void fill_registry();
/// Frees the driver objects, as they are.
void forget_drivers();
/// Frees what is known of remove locks.
void forget_remove_locks();
/// Frees what is known of Plug and Play devices.
void forget_pnp();
/// A file of `device` was closed: a device that is gone by surprise may be removed.
void last_file_closed(PDEVICE_OBJECT device);

// ---- the calling actor -------------------------------------------------------------------------

/// The cancel spin lock is in the hands of the current actor.
bool holds_cancel_lock();
void acquire_cancel_lock(KIRQL* irql, const void* site);
/// Contract: WDM-CANCEL-009: held by the caller, and `irql` is what the acquire handed out.
void release_cancel_lock(KIRQL irql, const void* site);

/// What Irp->Tail.Overlay.Thread holds.
PETHREAD current_thread();

/// The two fields of the handshake, as others may be writing them. No point.
inline bool cancel_flag(PIRP irp) {
  return InterlockedOr8(reinterpret_cast<volatile CHAR*>(&irp->Cancel), 0) != FALSE;
}
inline PDRIVER_CANCEL cancel_routine(PIRP irp) {
  return reinterpret_cast<PDRIVER_CANCEL>(
      ReadPointerAcquire(reinterpret_cast<PVOID volatile*>(&irp->CancelRoutine)));
}

/// An address as a bug-check parameter.
inline std::uint64_t word(const volatile void* p) { return reinterpret_cast<std::uint64_t>(p); }

}  // namespace belay::inline BELAY_BUILD::wdm
