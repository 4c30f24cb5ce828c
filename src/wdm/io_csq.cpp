// Cancel-safe queues.
//
// The driver's callbacks lock, link and unlink; the steps in between decide each race with
// cancellation through Irp->CancelRoutine.
//
// Thread safety: any actor; the driver's lock guards its queue.
// Invariants: a packet that is queued and not being cancelled has csq_cancel as its cancel routine
// and DriverContext[3] pointing to its context, or to the queue if it has none.
// Contract: WDM-CSQ-001 to WDM-CSQ-008
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

bool is_queue(PIO_CSQ csq) { return csq->Type == IO_TYPE_CSQ || csq->Type == IO_TYPE_CSQ_EX; }

void require_queue(PIO_CSQ csq, const char* what) {
  BELAY_CONTRACT(csq != nullptr && is_queue(csq), "WDM-IRP-026", "", 0, (word(csq), 0, 0, 0), csq,
                 "%s: the cancel-safe queue %p was not initialised", what,
                 static_cast<const void*>(csq));
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

// The cancel routine of every packet in a cancel-safe queue.
VOID NTAPI csq_cancel(PDEVICE_OBJECT device, PIRP irp) {
  (void)device;
  release_cancel_lock(irp->CancelIrql, reinterpret_cast<const void*>(&csq_cancel));
  PIO_CSQ csq = queue_of(irp);
  KIRQL irql = 0;
  csq->CsqAcquireLock(csq, &irql);
  csq->CsqRemoveIrp(csq, irp);
  forget_context(context_of(irp));
  csq->CsqReleaseLock(csq, irql);
  csq->CsqCompleteCanceledIrp(csq, irp);
}

NTSTATUS insert_by_callback(PIO_CSQ csq, PIRP irp, PVOID insert_context) {
  if (csq->Type == IO_TYPE_CSQ_EX) {
    return reinterpret_cast<PIO_CSQ_INSERT_IRP_EX>(reinterpret_cast<void*>(csq->CsqInsertIrp))(
        csq, irp, insert_context);
  }
  csq->CsqInsertIrp(csq, irp);
  return STATUS_SUCCESS;
}

NTSTATUS insert(PIO_CSQ csq, PIRP irp, PIO_CSQ_IRP_CONTEXT context, PVOID insert_context) {
  irp_record* record = require_irp(irp, "IoCsqInsertIrp");
  require_queue(csq, "IoCsqInsertIrp");
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
  const NTSTATUS status = insert_by_callback(csq, irp, insert_context);
  if (!NT_SUCCESS(status)) {
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
                 "IoCsqInsertIrp: the IRP %p has a cancel routine already: it is in a queue",
                 static_cast<const void*>(irp));
  set_state(record, irp_state::armed);
  if (is_cancelled(irp) && exchange_routine(irp, nullptr) != nullptr) {
    csq->CsqRemoveIrp(csq, irp);
    forget_context(context);
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
  forget_context(context_of(irp));
  csq->CsqRemoveIrp(csq, irp);
  irp->Tail.Overlay.DriverContext[3] = nullptr;
  if (irp_record* record = find_record(irp)) set_state(record, irp_state::queued);
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
  while ((irp = Csq->CsqPeekNextIrp(Csq, irp, PeekContext)) != nullptr) {
    BELAY_CONTRACT(wdm::find_record(irp) != nullptr, "WDM-CSQ-007", "CsqPeekWrongIrp", 0,
                   (reinterpret_cast<std::uint64_t>(irp), 0, 0, 0), irp,
                   "CsqPeekNextIrp returned %p, which is no IRP", static_cast<const void*>(irp));
    if (wdm::exchange_routine(irp, nullptr) == nullptr) continue;  // being cancelled: not ours
    wdm::take_out(Csq, irp);
    break;
  }
  Csq->CsqReleaseLock(Csq, irql);
  return irp;
}

}  // extern "C"
