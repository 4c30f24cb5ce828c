// Requests of drivers by handle: sending, the second stage of completion, cancelling, the end of
// their thread.
//
// Thread safety and invariants: zw_request.hpp.
// Contract: WDM-FILE-003, WDM-FILE-004, WDM-FILE-005, WDM-FILE-006, WDM-FILE-009, WDM-FILE-010
#include "wdm/zw_request.hpp"

#include <cstdio>

#include "wdm/request_block.hpp"

namespace belay::inline BELAY_BUILD::wdm {

namespace {

// Waits for an event. `alertable`: alerts and user APCs may end it.
NTSTATUS wait_for(KEVENT& event, bool alertable = false,
                  sync::nanoseconds deadline = sync::forever) {
  void* const object = &event;
  kernel::order(sync::access_kind::update, object, sizeof(KEVENT));
  return kernel::wait_objects(1, &object, false, false, deadline, {alertable, alertable});
}

void order_with_cancels(zw_request& what) {
  constexpr auto update = sync::access_kind::update;
  if (what.waited) kernel::order(update, what.thread, sizeof(DISPATCHER_HEADER));
  if (what.file == nullptr) return;
  kernel::order(update, &extra_of(what.file)->requests, sizeof(std::uint64_t));
}

void cancel(zw_request& what, belay::reason why) {
  if (what.sent.has_value()) {
    what.sent->cancel(why);
  } else {
    what.opening.cancel(why);
  }
}

// ---- the second stage

zw_request* request_of(KAPC* apc) { return CONTAINING_RECORD(apc, zw_request, apc); }

VOID NTAPI apc_runs(PKAPC apc, PKNORMAL_ROUTINE*, PVOID*, PVOID*, PVOID*) {
  const sync::sealed seal;
  release(request_of(apc));
}
VOID NTAPI apc_dropped(PKAPC apc) { release(request_of(apc)); }

// The routine runs on the issuing thread as a normal kernel APC, as the requestor is in the kernel.
void queue_routine(zw_request& what) {
  {
    const guard hold(io().lock);
    ++what.references;
  }
  KeInitializeApc(&what.apc, reinterpret_cast<PRKTHREAD>(what.thread), OriginalApcEnvironment,
                  &apc_runs, &apc_dropped,
                  reinterpret_cast<PKNORMAL_ROUTINE>(reinterpret_cast<void*>(what.routine)),
                  KernelMode, what.routine_context);
  if (!KeInsertQueueApc(&what.apc, what.block, nullptr, 0)) release(&what);
}

// What the special kernel APC does on Windows: an error that was not pended says nothing, one on a
// file that waits is the call's own result.
void tell(zw_request& what, bool pended) {
  const bool failed = NT_ERROR(what.result.Status);
  const bool synchronous = (what.file->Flags & FO_SYNCHRONOUS_IO) != 0;
  if (failed && !pended) return;
  if (what.keeps_position && !failed) {
    what.file->CurrentByteOffset.QuadPart += static_cast<LONGLONG>(what.result.Information);
  }
  const bool silent = failed && synchronous;
  if (!silent && what.block != nullptr) {
    sync::touch(what.block, sizeof(IO_STATUS_BLOCK), sync::access_kind::write);
    *what.block = what.result;
  }
  if (!silent && what.event != nullptr) kernel::set_event(what.event);
  if (synchronous || (what.event == nullptr && !what.waited)) {
    what.file->FinalStatus = what.result.Status;
    kernel::set_event(&what.file->Event);
  }
  if (!silent && what.routine != nullptr) queue_routine(what);
}

void over(request& sent, void* context) {
  const sync::sealed seal;
  auto& what = *static_cast<zw_request*>(context);
  what.result.Status = sent.status();
  what.result.Information = static_cast<ULONG_PTR>(sent.information());
  const bool pended = sent.pended();
  mark_over(what);
  tell(what, pended);
  kernel::set_event(&what.done);
  unlink(what);
}

// ---- making one

void destroy(zw_request* what) {
  PFILE_OBJECT file = what->file;
  kernel::thread_object* thread = what->thread;
  PKEVENT event = what->event;
  what->~zw_request();
  sync::deallocate(what);
  kernel::dereference_object(thread);
  if (event != nullptr) kernel::dereference_object(event);
  if (file != nullptr) kernel::dereference_object(file);
}

NTSTATUS hold_event(HANDLE handle, PKEVENT* event) {
  if (handle == nullptr) return STATUS_SUCCESS;
  void* object = nullptr;
  const NTSTATUS status = kernel::hold_object(handle, kernel::event_type, &object);
  *event = static_cast<PKEVENT>(object);
  return status;
}

void clear_event(PKEVENT event) {
  kernel::order(sync::access_kind::update, event, sizeof(KEVENT));
  kernel::change_event(event->Header, 0);
}

NTSTATUS await(zw_request& what, bool alertable) {
  if (wait_for(what.done, alertable) != STATUS_SUCCESS) {
    cancel(what, reason_kind::user);
    wait_for(what.done);
  }
  return what.result.Status;
}

// Adds a reference to the first one that fits and that this sweep has not met.
template <class Fits>
zw_request* next_of_sweep(std::uint64_t sweep, Fits fits) {
  const guard hold(io().lock);
  for (zw_request* each = io().zw_requests; each != nullptr; each = each->next) {
    if (each->sweep == sweep || !fits(*each)) continue;
    each->sweep = sweep;
    ++each->references;
    return each;
  }
  return nullptr;
}

std::uint64_t begin_sweep() {
  const guard hold(io().lock);
  return ++io().zw_sweeps;
}

}  // namespace

zw_request* make_zw_request(PIO_STATUS_BLOCK block) {
  auto* const what = make<zw_request>(sync::memory_use::guest);
  if (what == nullptr) return nullptr;
  kernel::make_header(what->done.Header, kernel::notification_event, 0, sizeof(KEVENT));
  what->actor = sync::self();
  what->thread = kernel::current_object();
  kernel::reference_object(what->thread);
  what->block = block;
  return what;
}

void link(zw_request& what) {
  order_with_cancels(what);
  const guard hold(io().lock);
  ++what.references;
  kernel::push_front(io().zw_requests, &what);
}

void mark_over(zw_request& what) {
  order_with_cancels(what);
  const guard hold(io().lock);
  what.over = true;
}

void unlink(zw_request& what) {
  {
    const guard hold(io().lock);
    kernel::unlink(io().zw_requests, &what);
  }
  release(&what);
}

void release(zw_request* what) {
  bool last = false;
  {
    const guard hold(io().lock);
    last = --what->references == 0;
  }
  if (last) destroy(what);
}

NTSTATUS send(PFILE_OBJECT file, const request_options& options, const zw_call& call) {
  PKEVENT event = nullptr;
  const NTSTATUS held = hold_event(call.event, &event);
  if (!NT_SUCCESS(held)) return held;
  zw_request* const what = make_zw_request(call.block);
  if (what == nullptr) {
    if (event != nullptr) kernel::dereference_object(event);
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  const bool synchronous = (file->Flags & FO_SYNCHRONOUS_IO) != 0;
  what->file = file;
  kernel::reference_object(file);
  what->event = event;
  what->routine = call.routine;
  what->routine_context = call.routine_context;
  what->waited = call.wait || synchronous;
  what->keeps_position = call.keeps_position;
  request_options how = options;
  how.file = file;
  how.in_place = true;
  how.kernel_mode = true;
  how.over = &over;
  how.context = what;
  what->sent.emplace(how);
  if (event != nullptr) clear_event(event);
  if (synchronous || !call.wait) clear_event(&file->Event);
  link(*what);
  NTSTATUS status = what->sent->start();
  if (what->waited) {
    status = await(*what, synchronous && (file->Flags & FO_ALERTABLE_IO) != 0);
  } else if (status != STATUS_PENDING) {
    wait_for(what->done);  // a canceller may still be in it
  }
  release(what);
  return status;
}

bool cancel_zw_requests(const zw_filter& which, belay::reason why) {
  const std::uint64_t sweep = begin_sweep();
  bool any = false;
  while (zw_request* const each = next_of_sweep(sweep, [&](const zw_request& one) {
           return !one.over && (which.file == nullptr || one.file == which.file) &&
                  (which.thread == nullptr || one.thread == which.thread) &&
                  (which.block == nullptr || one.block == which.block) &&
                  (!which.waited || one.waited);
         })) {
    any = true;
    cancel(*each, why);
    release(each);
  }
  return any;
}

// ---- the end of a thread, of a frame, of a driver

void cancel_own_zw_requests() {
  const void* const self = kernel::current().object;
  if (self != nullptr) cancel_zw_requests({.thread = self}, reason_kind::client_gone);
}

void await_zw_requests(sync::nanoseconds deadline) {
  const sync::actor_id self = sync::self();
  const std::uint64_t sweep = begin_sweep();
  while (zw_request* const each = next_of_sweep(
             sweep, [=](const zw_request& one) { return one.actor == self && !one.waited; })) {
    if (wait_for(each->done, false, deadline) != STATUS_SUCCESS) {
      const irp_record* const record = find_record(each->sent->irp());
      if (record != nullptr) report_stuck(record, record->site);
    }
    release(each);
  }
}

void forget_zw_requests() {
  while (zw_request* const each = io().zw_requests) {
    kernel::unlink(io().zw_requests, each);
    sync::deallocate(each);
  }
}

void check_unawaited_blocks(const void* stack, std::size_t reach) {
  const auto high = reinterpret_cast<std::uintptr_t>(stack);
  const void* found = nullptr;
  {
    const guard hold(io().lock);
    const sync::actor_id self = sync::self();
    for (const zw_request* each = io().zw_requests; each != nullptr; each = each->next) {
      const auto at = reinterpret_cast<std::uintptr_t>(each->block);
      if (each->actor != self || each->over || each->waited) continue;
      if (at < high && at + reach > high) found = each->block;
    }
  }
  BELAY_CONTRACT(found == nullptr, "WDM-FILE-006", "", 0, (word(found), 0, 0, 0), found,
                 "the driver returns though the request with the status block %p, which lay on "
                 "this stack, is still pending",
                 found);
}

void check_open_handles(PDRIVER_OBJECT driver, bool alone, code_range code) {
  PFILE_OBJECT left = nullptr;
  {
    const guard hold(kernel::the_executive().lock);
    for (kernel::object_header* each = kernel::the_executive().objects; each != nullptr;
         each = each->next) {
      if (each->type != &kernel::file_type || each->handle_count == 0) continue;
      const auto file = static_cast<PFILE_OBJECT>(each->body());
      const file_extra* const extra = extra_of(file);
      if (extra->site == nullptr) continue;
      const bool made_here = code.size != 0 && word(extra->site) - word(code.start) < code.size;
      if (alone || made_here || extra->opener == driver) left = file;
    }
  }
  if (left == nullptr) return;
  kernel::violation what;
  what.clause = "WDM-FILE-010";
  what.object = left;
  what.site = extra_of(left)->site;
  what.parameter[0] = word(left);
  const device_extra* const device = extra_of(left->DeviceObject);
  std::snprintf(what.text, sizeof what.text,
                "the driver is gone but its handle to the file object %p of the device %s was not "
                "closed",
                static_cast<const void*>(left),
                device->name != nullptr ? device->name->text : "(unnamed)");
  kernel::report(what);
}

// ---- handles

held_file::~held_file() {
  if (file_ != nullptr) kernel::dereference_object(file_);
}

NTSTATUS held_file::hold(HANDLE handle) {
  void* object = nullptr;
  const NTSTATUS status = kernel::hold_object(handle, kernel::file_type, &object, &access_);
  file_ = static_cast<PFILE_OBJECT>(object);
  return status;
}

NTSTATUS file_turn::take() {
  if ((file_->Flags & FO_SYNCHRONOUS_IO) == 0) return STATUS_SUCCESS;
  const NTSTATUS status = wait_for(file_->Lock, (file_->Flags & FO_ALERTABLE_IO) != 0);
  taken_ = status == STATUS_SUCCESS;
  return status;
}

file_turn::~file_turn() {
  if (taken_) kernel::set_event(&file_->Lock);
}

}  // namespace belay::inline BELAY_BUILD::wdm
