/* The IRP-cancel model: the smallest driver in which dispatch, DPC and cancel race.
 *
 * A sets the cancel routine and queues under the queue lock; B, a DPC, dequeues and completes; C
 * cancels. It is written against a dozen lines of its own instead of the Windows headers, so that its
 * interleavings can be counted once and for all. IRP_MODEL_BUG: 0 right, 1 double completion, 2 the
 * packet touched after its completion. IRP_MODEL_PADDING: further interlocked operations a thread.
 */
#ifndef BELAY_TESTS_IRP_MODEL_H
#define BELAY_TESTS_IRP_MODEL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef IRP_MODEL_BUG
#define IRP_MODEL_BUG 0
#endif
#ifndef IRP_MODEL_PADDING
#define IRP_MODEL_PADDING 0
#endif

struct model_link {
  struct model_link *next, *previous;
};

struct model_device;
struct model_irp;
typedef void (*model_cancel)(struct model_device*, struct model_irp*);

struct model_irp {
  struct {
    int32_t status;
    uint64_t information;
  } io_status;
  uint8_t pending_returned;
  volatile uint8_t cancel;
  uint8_t cancel_irql;
  model_cancel volatile cancel_routine;
  struct model_link link;
  uint8_t control;
};

struct model_extension {
  struct model_link queue;
  uint64_t queue_lock;
  volatile int32_t outstanding;
  int32_t statistics[4];
};

struct model_device {
  struct model_extension* extension;
};

/* All that the model writes, in one place that the harness can restore. */
struct model_state {
  struct model_extension extension;
  struct model_device device;
  volatile int32_t padding[3];
};

#define MODEL_NAME2(name, bug, padding) name##_bug##bug##_padding##padding
#define MODEL_NAME1(name, bug, padding) MODEL_NAME2(name, bug, padding)
#define MODEL_NAME(name) MODEL_NAME1(name, IRP_MODEL_BUG, IRP_MODEL_PADDING)

/* What the harness provides. */
void model_acquire(uint64_t* lock);
void model_release(uint64_t* lock);
void model_complete(struct model_irp* irp);
extern uint64_t model_cancel_lock;

struct model {
  struct model_state* state;
  void (*initialise)(void);
  int32_t (*read)(struct model_device*, struct model_irp*);
  void (*dpc)(struct model_device*);
  void (*pad_canceller)(void);
};

extern const struct model model_bug0_padding0, model_bug0_padding40, model_bug1_padding0,
    model_bug1_padding40, model_bug2_padding0;

#ifdef __cplusplus
}
#endif
#endif
