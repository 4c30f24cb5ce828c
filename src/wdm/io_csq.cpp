// Cancel-safe queues.
//
// The driver's callbacks lock, link and unlink; the steps in between decide each race with
// cancellation through Irp->CancelRoutine.
//
// Thread safety: any actor; the driver's lock guards its queue.
// Invariants: a packet that is queued and not being cancelled has csq_cancel as its cancel routine
// and DriverContext[3] pointing to its context, or to the queue if it has none.
// Contract: WDM-CSQ-001 to WDM-CSQ-008, WDM-CANCEL-023
#include "wdm/io_state.hpp"

namespace belay::inline BELAY_BUILD::wdm {

namespace {

// IoSetCancelRoutine as a scheduling point.
PDRIVER_CANCEL exchange_routine(PIRP irp, PDRIVER_CANCEL routine) {
  sync::touch(irp, sizeof(IRP), sync::access_kind::update);
  sync::point(sync::access_kind::update, &irp->CancelRoutine, sizeof(irp->CancelRoutine));
  return IoSetCancelRoutine(irp, routine);
}

bool is_cancelled(PIRP irp) {
  sync::point(sync::access_kind::read, &irp->Cancel, sizeof(irp->Cancel));
  return cancel_flag(irp);
}

bool is_queue(const IO_CSQ* csq) { return csq->Type == IO_TYPE_CSQ || csq->Type == IO_TYPE_CSQ_EX; }

void require_queue(PIO_CSQ csq, const char* what) {
  BELAY_CONTRACT(csq != nullptr && is_queue(csq), "WDM-IRP-026", "", 0, (word(csq), 0, 0, 0), csq,
                 "%s: the cancel-safe queue %p was not initialised", what,
                 static_cast<const void*>(csq));
  const driver_call* call = innermost_call();
  BELAY_CONTRACT(call == nullptr || call->kind != call_kind::csq, "WDM-CSQ-007", "", 0,
                 (word(csq), 0, 0, 0), csq,
                 "%s in a callback of a cancel-safe queue, under the queue's lock", what);
}

// A driver's callback that runs under the queue's lock.
class callback : driver_call {
 public:
  callback(PIO_CSQ csq, PIRP irp) : driver_call(call_kind::csq, nullptr, irp), csq_(csq) {}
  NTSTATUS insert(PVOID insert_context) const {
    if (csq_->Type == IO_TYPE_CSQ_EX) {
      return reinterpret_cast<PIO_CSQ_INSERT_IRP_EX>(reinterpret_cast<void*>(csq_->CsqInsertIrp))(
          csq_, irp, insert_context);
    }
    csq_->CsqInsertIrp(csq_, irp);
    return STATUS_SUCCESS;
  }
  void remove() const { csq_->CsqRemoveIrp(csq_, irp); }
  PIRP peek(PVOID peek_context) const { return csq_->CsqPeekNextIrp(csq_, irp, peek_context); }

 private:
  PIO_CSQ csq_;
};

// Remembers, or with nullptr forgets, that the packet is in a queue.
void note_queue(irp_record* record, PIO_CSQ csq, PVOID tag) {
  const guard hold(io().lock);
  record->csq = csq;
  record->csq_tag = tag;
}

PIO_CSQ noted_queue(PIRP irp) {
  const irp_record* record = find_record(irp);
  const guard hold(io().lock);
  return record == nullptr ? nullptr : record->csq;
}

// The driver may not use DriverContext[3] while the packet is in the queue.
void check_tag(PIRP irp) {
  const irp_record* record = find_record(irp);
  PVOID tag = nullptr;
  {
    const guard hold(io().lock);
    tag = record->csq_tag;
  }
  BELAY_CONTRACT(irp->Tail.Overlay.DriverContext[3] == tag, "WDM-CANCEL-023", "", 0,
                 (word(irp), word(irp->Tail.Overlay.DriverContext[3]), word(tag), 0), irp,
                 "DriverContext[3] of the IRP %p was overwritten while a cancel-safe queue had it",
                 static_cast<const void*>(irp));
}

// Unties packet and context. REQUIRES: the queue's lock is held, or the packet is in no queue.
void forget_context(PIO_CSQ_IRP_CONTEXT context) {
  if (context == nullptr) return;
  sync::touch(context, sizeof(*context), sync::access_kind::write);
  context->Irp = nullptr;
}

PIO_CSQ_IRP_CONTEXT context_of(PIRP irp) {
  auto csq = static_cast<PIO_CSQ>(irp->Tail.Overlay.DriverContext[3]);
  return csq->Type == IO_TYPE_CSQ_IRP_CONTEXT ? reinterpret_cast<PIO_CSQ_IRP_CONTEXT>(csq)
                                              : nullptr;
}

PIO_CSQ queue_of(PIRP irp) {
  PIO_CSQ_IRP_CONTEXT context = context_of(irp);
  return context != nullptr ? context->Csq
                            : static_cast<PIO_CSQ>(irp->Tail.Overlay.DriverContext[3]);
}

// REQUIRES: the queue's lock is held.
void remove_by_callback(PIO_CSQ csq, PIRP irp, PIO_CSQ_IRP_CONTEXT context) {
  callback(csq, irp).remove();
  if (irp_record* record = find_record(irp)) note_queue(record, nullptr, nullptr);
  forget_context(context);
}

// The cancel routine of every packet in a cancel-safe queue.
VOID NTAPI csq_cancel(PDEVICE_OBJECT device, PIRP irp) {
  (void)device;
  release_cancel_lock(irp->CancelIrql, reinterpret_cast<const void*>(&csq_cancel));
  check_tag(irp);
  PIO_CSQ csq = queue_of(irp);
  KIRQL irql = 0;
  csq->CsqAcquireLock(csq, &irql);
  remove_by_callback(csq, irp, context_of(irp));
  csq->CsqReleaseLock(csq, irql);
  csq->CsqCompleteCanceledIrp(csq, irp);
}

// The packet is in no queue yet, and its context serves no other packet.
void check_insertable(PIRP irp, PIO_CSQ_IRP_CONTEXT context) {
  BELAY_CONTRACT(noted_queue(irp) == nullptr, "WDM-CSQ-003", "CsqInsertAlreadyQueued", 0x139,
                 (0x3, word(irp), 0, 0), irp, "IoCsqInsertIrp: the IRP %p is in a queue already",
                 static_cast<const void*>(irp));
  if (context == nullptr) return;
  // Whatever the memory held before: only a packet that says so itself counts.
  const irp_record* user = find_record(context->Irp);
  bool used = false;
  if (user != nullptr) {
    const guard hold(io().lock);
    used = user->csq != nullptr && user->csq_tag == context;
  }
  BELAY_CONTRACT(!used, "WDM-CSQ-002", "CsqContextReuse", 0, (word(context), word(irp), 0, 0), irp,
                 "IoCsqInsertIrp: the context %p is in use for another IRP of a queue",
                 static_cast<const void*>(context));
}

NTSTATUS insert(PIO_CSQ csq, PIRP irp, PIO_CSQ_IRP_CONTEXT context, PVOID insert_context) {
  irp_record* record = require_irp(irp, "IoCsqInsertIrp");
  require_queue(csq, "IoCsqInsertIrp");
  check_not_passed_down(irp, "IoCsqInsertIrp", 0x205, nullptr);
  check_insertable(irp, context);
  if (context != nullptr) {
    sync::touch(context, sizeof(*context), sync::access_kind::write);
    context->Type = IO_TYPE_CSQ_IRP_CONTEXT;
    context->Irp = irp;
    context->Csq = csq;
    irp->Tail.Overlay.DriverContext[3] = context;
  } else {
    irp->Tail.Overlay.DriverContext[3] = csq;
  }

  KIRQL irql = 0;
  csq->CsqAcquireLock(csq, &irql);
  note_queue(record, csq, irp->Tail.Overlay.DriverContext[3]);
  const NTSTATUS status = callback(csq, irp).insert(insert_context);
  if (!NT_SUCCESS(status)) {
    note_queue(record, nullptr, nullptr);
    forget_context(context);
    irp->Tail.Overlay.DriverContext[3] = nullptr;
    csq->CsqReleaseLock(csq, irql);
    return status;
  }
  sync::touch(irp, sizeof(IRP), sync::access_kind::update);
  IoMarkIrpPending(irp);
  const PDRIVER_CANCEL before = exchange_routine(irp, &csq_cancel);
  BELAY_CONTRACT(before == nullptr, "WDM-CSQ-003", "CsqInsertAlreadyQueued", 0,
                 (word(irp), word(reinterpret_cast<void*>(before)), 0, 0), irp,
                 "IoCsqInsertIrp: the IRP %p has a cancel routine already",
                 static_cast<const void*>(irp));
  set_state(record, irp_state::armed);
  if (is_cancelled(irp) && exchange_routine(irp, nullptr) != nullptr) {
    remove_by_callback(csq, irp, context);
    csq->CsqReleaseLock(csq, irql);
    csq->CsqCompleteCanceledIrp(csq, irp);
  } else {
    csq->CsqReleaseLock(csq, irql);
  }
  return status;
}

NTSTATUS initialize(PIO_CSQ csq, ULONG type, PIO_CSQ_INSERT_IRP insert_irp,
                    PIO_CSQ_REMOVE_IRP remove_irp, PIO_CSQ_PEEK_NEXT_IRP peek_next_irp,
                    PIO_CSQ_ACQUIRE_LOCK acquire_lock, PIO_CSQ_RELEASE_LOCK release_lock,
                    PIO_CSQ_COMPLETE_CANCELED_IRP complete_canceled_irp) {
  sync::touch(csq, sizeof(*csq), sync::access_kind::write);
  csq->Type = type;
  csq->CsqInsertIrp = insert_irp;
  csq->CsqRemoveIrp = remove_irp;
  csq->CsqPeekNextIrp = peek_next_irp;
  csq->CsqAcquireLock = acquire_lock;
  csq->CsqReleaseLock = release_lock;
  csq->CsqCompleteCanceledIrp = complete_canceled_irp;
  csq->ReservePointer = nullptr;
  return STATUS_SUCCESS;
}

// REQUIRES: the queue's lock is held and the caller has taken the cancel routine back.
void take_out(PIO_CSQ csq, PIRP irp) {
  check_tag(irp);
  forget_context(context_of(irp));
  callback(csq, irp).remove();
  irp->Tail.Overlay.DriverContext[3] = nullptr;
  irp_record* record = find_record(irp);
  if (record == nullptr) return;
  note_queue(record, nullptr, nullptr);
  set_state(record, irp_state::queued);
}

}  // namespace

}  // namespace belay::inline BELAY_BUILD::wdm

using namespace belay;

extern "C" {

NTSTATUS NTAPI IoCsqInitialize(PIO_CSQ Csq, PIO_CSQ_INSERT_IRP CsqInsertIrp,
                               PIO_CSQ_REMOVE_IRP CsqRemoveIrp,
                               PIO_CSQ_PEEK_NEXT_IRP CsqPeekNextIrp,
                               PIO_CSQ_ACQUIRE_LOCK CsqAcquireLock,
                               PIO_CSQ_RELEASE_LOCK CsqReleaseLock,
                               PIO_CSQ_COMPLETE_CANCELED_IRP CsqCompleteCanceledIrp) {
  BELAY_EXPORT(IoCsqInitialize, Csq);
  return wdm::initialize(Csq, IO_TYPE_CSQ, CsqInsertIrp, CsqRemoveIrp, CsqPeekNextIrp,
                         CsqAcquireLock, CsqReleaseLock, CsqCompleteCanceledIrp);
}

NTSTATUS NTAPI IoCsqInitializeEx(PIO_CSQ Csq, PIO_CSQ_INSERT_IRP_EX CsqInsertIrp,
                                 PIO_CSQ_REMOVE_IRP CsqRemoveIrp,
                                 PIO_CSQ_PEEK_NEXT_IRP CsqPeekNextIrp,
                                 PIO_CSQ_ACQUIRE_LOCK CsqAcquireLock,
                                 PIO_CSQ_RELEASE_LOCK CsqReleaseLock,
                                 PIO_CSQ_COMPLETE_CANCELED_IRP CsqCompleteCanceledIrp) {
  BELAY_EXPORT(IoCsqInitializeEx, Csq);
  return wdm::initialize(
      Csq, IO_TYPE_CSQ_EX,
      reinterpret_cast<PIO_CSQ_INSERT_IRP>(reinterpret_cast<void*>(CsqInsertIrp)), CsqRemoveIrp,
      CsqPeekNextIrp, CsqAcquireLock, CsqReleaseLock, CsqCompleteCanceledIrp);
}

VOID NTAPI IoCsqInsertIrp(PIO_CSQ Csq, PIRP Irp, PIO_CSQ_IRP_CONTEXT Context) {
  BELAY_EXPORT(IoCsqInsertIrp, Irp);
  wdm::insert(Csq, Irp, Context, nullptr);
}

NTSTATUS NTAPI IoCsqInsertIrpEx(PIO_CSQ Csq, PIRP Irp, PIO_CSQ_IRP_CONTEXT Context,
                                PVOID InsertContext) {
  BELAY_EXPORT(IoCsqInsertIrpEx, Irp);
  return wdm::insert(Csq, Irp, Context, InsertContext);
}

PIRP NTAPI IoCsqRemoveIrp(PIO_CSQ Csq, PIO_CSQ_IRP_CONTEXT Context) {
  BELAY_EXPORT(IoCsqRemoveIrp, Context);
  wdm::require_queue(Csq, "IoCsqRemoveIrp");
  KIRQL irql = 0;
  Csq->CsqAcquireLock(Csq, &irql);
  sync::touch(Context, sizeof(*Context), sync::access_kind::read);
  PIRP irp = Context->Irp;
  if (irp != nullptr) {
    BELAY_CONTRACT(Context->Csq == Csq, "WDM-CSQ-002", "CsqContextReuse", 0,
                   (reinterpret_cast<std::uint64_t>(Context), 0, 0, 0), Context,
                   "IoCsqRemoveIrp: the context belongs to another queue");
    if (wdm::exchange_routine(irp, nullptr) == nullptr) {
      irp = nullptr;  // its cancel routine runs, or is about to
    } else {
      wdm::take_out(Csq, irp);
    }
  }
  Csq->CsqReleaseLock(Csq, irql);
  return irp;
}

PIRP NTAPI IoCsqRemoveNextIrp(PIO_CSQ Csq, PVOID PeekContext) {
  BELAY_EXPORT(IoCsqRemoveNextIrp, Csq);
  wdm::require_queue(Csq, "IoCsqRemoveNextIrp");
  KIRQL irql = 0;
  Csq->CsqAcquireLock(Csq, &irql);
  PIRP irp = nullptr;
  for (;;) {
    PIRP before = irp;
    irp = wdm::callback(Csq, before).peek(PeekContext);
    if (irp == nullptr) break;
    BELAY_CONTRACT(wdm::noted_queue(irp) == Csq && irp != before, "WDM-CSQ-007", "CsqPeekWrongIrp",
                   0, (wdm::word(irp), wdm::word(Csq), 0, 0), irp,
                   "CsqPeekNextIrp returned %p, which is %s", static_cast<const void*>(irp),
                   irp == before                      ? "the IRP that it was given"
                   : wdm::find_record(irp) == nullptr ? "no IRP"
                                                      : "not in this queue");
    if (wdm::exchange_routine(irp, nullptr) == nullptr) continue;  // being cancelled: not ours
    wdm::take_out(Csq, irp);
    break;
  }
  Csq->CsqReleaseLock(Csq, irql);
  return irp;
}

}  // extern "C"
