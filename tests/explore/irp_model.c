#include "irp_model.h"

#include <stddef.h>

#define STATUS_SUCCESS 0
#define STATUS_PENDING 0x103
#define STATUS_CANCELLED ((int32_t)0xC0000120)
#define SL_PENDING_RETURNED 1

static struct model_state state;

static void initialise_list(struct model_link* head) { head->next = head->previous = head; }
static int is_empty(struct model_link* head) { return head->next == head; }
static void remove_entry(struct model_link* entry) {
  struct model_link* previous = entry->previous;
  struct model_link* next = entry->next;
  previous->next = next;
  next->previous = previous;
}
static struct model_link* remove_head(struct model_link* head) {
  struct model_link* entry = head->next;
  remove_entry(entry);
  return entry;
}
static void insert_tail(struct model_link* head, struct model_link* entry) {
  struct model_link* last = head->previous;
  entry->next = head;
  entry->previous = last;
  last->next = entry;
  head->previous = entry;
}
static model_cancel set_cancel_routine(struct model_irp* irp, model_cancel routine) {
  return (model_cancel)__atomic_exchange_n((uintptr_t*)&irp->cancel_routine, (uintptr_t)routine,
                                           __ATOMIC_SEQ_CST);
}
static void increment(volatile int32_t* at) { __atomic_add_fetch(at, 1, __ATOMIC_SEQ_CST); }
static void decrement(volatile int32_t* at) { __atomic_sub_fetch(at, 1, __ATOMIC_SEQ_CST); }

static void initialise(void) {
  initialise_list(&state.extension.queue);
  state.extension.queue_lock = 0;
  state.extension.outstanding = 0;
  for (int i = 0; i < 4; i++) state.extension.statistics[i] = 0;
  state.device.extension = &state.extension;
  for (int i = 0; i < 3; i++) state.padding[i] = 0;
}

static void cancel_routine(struct model_device* device, struct model_irp* irp) {
  struct model_extension* extension = device->extension;
  model_release(&model_cancel_lock);
  model_acquire(&extension->queue_lock);
  remove_entry(&irp->link);
  extension->statistics[0]++;
  model_release(&extension->queue_lock);
  irp->io_status.status = STATUS_CANCELLED;
  irp->io_status.information = 0;
  decrement(&extension->outstanding);
  model_complete(irp);
}

static int32_t dispatch_read(struct model_device* device, struct model_irp* irp) {
  struct model_extension* extension = device->extension;
  for (int i = 0; i < IRP_MODEL_PADDING; i++) increment(&state.padding[0]);
  increment(&extension->outstanding);
  model_acquire(&extension->queue_lock);
  set_cancel_routine(irp, cancel_routine);
  if (irp->cancel && set_cancel_routine(irp, 0)) {
    model_release(&extension->queue_lock);
    irp->io_status.status = STATUS_CANCELLED;
    decrement(&extension->outstanding);
    model_complete(irp);
    return STATUS_CANCELLED;
  }
  irp->control |= SL_PENDING_RETURNED;
  insert_tail(&extension->queue, &irp->link);
  extension->statistics[1]++;
  model_release(&extension->queue_lock);
  return STATUS_PENDING;
}

static void dpc(struct model_device* device) {
  struct model_extension* extension = device->extension;
  struct model_irp* irp = 0;
  for (int i = 0; i < IRP_MODEL_PADDING; i++) increment(&state.padding[1]);
  model_acquire(&extension->queue_lock);
  if (!is_empty(&extension->queue)) {
    struct model_link* entry = remove_head(&extension->queue);
    irp = (struct model_irp*)((char*)entry - offsetof(struct model_irp, link));
    extension->statistics[2]++;
#if IRP_MODEL_BUG == 1
    set_cancel_routine(irp, 0);
#else
    if (!set_cancel_routine(irp, 0)) {
      initialise_list(entry);
      irp = 0;
    }
#endif
  }
  model_release(&extension->queue_lock);
  if (irp) {
    irp->io_status.status = STATUS_SUCCESS;
    irp->io_status.information = 4;
    decrement(&extension->outstanding);
    model_complete(irp);
#if IRP_MODEL_BUG == 2
    extension->statistics[3] += (int32_t)irp->io_status.information;
#endif
  }
}

static void pad_canceller(void) {
  for (int i = 0; i < IRP_MODEL_PADDING; i++) increment(&state.padding[2]);
}

const struct model MODEL_NAME(model) = {&state, initialise, dispatch_read, dpc, pad_canceller};
