#include <cstdio>
#include <cstring>

#include "irp_model.hpp"

namespace {

namespace sync = belay::sync;

const model* which = nullptr;
model_irp* irp = nullptr;
int completions = 0;

void fail(const char* clause, const char* text) {
  belay::kernel::violation what;
  what.clause = clause;
  std::snprintf(what.text, sizeof what.text, "%s", text);
  belay::explore::report_finding(what);
}

void cancel() {
  which->pad_canceller();
  model_acquire(&model_cancel_lock);
  sync::point(sync::access_kind::write, &irp->cancel, 1);
  irp->cancel = 1;
  sync::point(sync::access_kind::update, &irp->cancel_routine, sizeof irp->cancel_routine);
  const model_cancel routine = irp->cancel_routine;
  irp->cancel_routine = nullptr;
  if (routine != nullptr) {
    irp->cancel_irql = 0;
    routine(&which->state->device, irp);
  } else {
    model_release(&model_cancel_lock);
  }
}

}  // namespace

extern "C" {

uint64_t model_cancel_lock = 0;

void model_acquire(uint64_t* lock) { sync::acquire_word(lock); }
void model_release(uint64_t* lock) { sync::release_word(lock); }
void model_complete(model_irp* done) {
  sync::point(sync::access_kind::update, &completions, sizeof completions);
  if (++completions > 1) fail("WDM-CANCEL-020", "the request was completed twice");
  sync::poison(done, sizeof *done, sync::memory_state::completed);
}

}  // extern "C"

irp_model::irp_model(const model& which_model) : model_(which_model) {
  sync::guest().forget_images();
  sync::guest().add_image(reinterpret_cast<std::uintptr_t>(model_.state), sizeof *model_.state);
  sync::guest().set_fault_handler([](std::uintptr_t, std::size_t, bool) {
    fail("WDM-IRP-001", "the request was touched after its completion");
  });
}

void irp_model::start() {
  which = &model_;
  completions = 0;
  model_cancel_lock = 0;
  irp = static_cast<model_irp*>(sync::allocate(sizeof(model_irp), sync::memory_use::guest));
  model_.initialise();
  static const int keys[3] = {};
  sync::spawn(
      {.name = "read", .key = &keys[0]}, [](void*) { which->read(&which->state->device, irp); },
      nullptr);
  sync::spawn(
      {.name = "dpc", .key = &keys[1]}, [](void*) { which->dpc(&which->state->device); }, nullptr);
  sync::spawn(
      {.name = "cancel", .key = &keys[2]}, [](void*) { cancel(); }, nullptr);
}

void irp_model::finish() {
  if (completions != 1) fail("WDM-CANCEL-013", "the request was never completed");
}
