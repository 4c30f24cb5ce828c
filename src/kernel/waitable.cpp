#include "kernel/waitable.hpp"

#include "kernel/dispatcher_nt.hpp"

namespace belay::inline BELAY_BUILD::kernel {

const object_type mutant_type{
    "Mutant", nullptr, [](void* body) { forget_freed_mutants(body, sizeof(KMUTANT)); }, false};
const object_type timer_type{
    "Timer", nullptr, [](void* body) { cancel_timer_record(static_cast<PKTIMER>(body)); }, false};

namespace {

template <class T>
T* make_object(const object_type* type) {
  return static_cast<T*>(create_object(type, sizeof(T), __builtin_return_address(0), type->name));
}

const object_type* type_of(const void* object) { return header_of(object)->type; }

void step(void* object, std::size_t size) { use(object, size); }

}  // namespace

bool is_waitable(const void* object) {
  for (const object_type* type :
       {&event_type, &semaphore_type, &mutant_type, &timer_type, &thread_type, &process_type}) {
    if (is_object(object, type)) return true;
  }
  return false;
}

void* create_event(bool manual_reset, bool signalled) {
  auto* const event = make_object<KEVENT>(&event_type);
  if (event == nullptr) return nullptr;
  make_header(event->Header, manual_reset ? notification_event : synchronization_event, signalled,
              sizeof *event);
  return event;
}

void* create_semaphore(std::int32_t count, std::int32_t limit) {
  BELAY_ASSERT(count >= 0 && limit >= 1 && count <= limit);
  auto* const made = make_object<KSEMAPHORE>(&semaphore_type);
  if (made == nullptr) return nullptr;
  make_header(made->Header, semaphore, count, sizeof *made);
  made->Limit = limit;
  return made;
}

void* create_mutex(bool owned) {
  auto* const made = make_object<KMUTANT>(&mutant_type);
  if (made != nullptr) make_mutant(made, owned, false);
  return made;
}

void* create_timer(bool manual_reset) {
  auto* const made = make_object<KTIMER>(&timer_type);
  if (made == nullptr) return nullptr;
  make_header(made->Header, manual_reset ? notification_timer : synchronization_timer, 0,
              sizeof *made);
  return made;
}

std::int32_t change_event(void* event, event_change change, std::int32_t* previous) {
  if (type_of(event) != &event_type) return STATUS_OBJECT_TYPE_MISMATCH;
  step(event, sizeof(KEVENT));
  DISPATCHER_HEADER& header = static_cast<PKEVENT>(event)->Header;
  const LONG before = change_event(header, change == event_change::reset ? 0 : 1);
  if (change == event_change::pulse) change_event(header, 0);
  if (previous != nullptr) *previous = before;
  return STATUS_SUCCESS;
}

std::int32_t release_semaphore(void* object, std::int32_t by, std::int32_t* previous) {
  if (type_of(object) != &semaphore_type) return STATUS_OBJECT_TYPE_MISMATCH;
  step(object, sizeof(KSEMAPHORE));
  LONG before = 0;
  if (!add_to_semaphore(static_cast<PKSEMAPHORE>(object), by, before))
    return STATUS_SEMAPHORE_LIMIT_EXCEEDED;
  if (previous != nullptr) *previous = before;
  return STATUS_SUCCESS;
}

std::int32_t release_mutex(void* mutex, std::int32_t* previous) {
  if (type_of(mutex) != &mutant_type) return STATUS_OBJECT_TYPE_MISMATCH;
  step(mutex, sizeof(KMUTANT));
  LONG before = 0;
  if (!give_mutant(static_cast<PRKMUTANT>(mutex), false, before)) return STATUS_MUTANT_NOT_OWNED;
  if (previous != nullptr) *previous = before;
  return STATUS_SUCCESS;
}

std::int32_t set_timer(void* timer, sync::nanoseconds due, sync::nanoseconds period,
                       user_apc routine, void* context) {
  if (type_of(timer) != &timer_type) return STATUS_OBJECT_TYPE_MISMATCH;
  step(timer, sizeof(KTIMER));
  set_timer_at(static_cast<PKTIMER>(timer), due, period, nullptr, nullptr, routine, context);
  return STATUS_SUCCESS;
}

std::int32_t cancel_timer(void* timer, bool* was_set) {
  if (type_of(timer) != &timer_type) return STATUS_OBJECT_TYPE_MISMATCH;
  step(timer, sizeof(KTIMER));
  const bool was = cancel_timer_record(static_cast<PKTIMER>(timer));
  if (was_set != nullptr) *was_set = was;
  return STATUS_SUCCESS;
}

std::int32_t wait_for_many(void* const* objects, unsigned count, bool all, bool alertable,
                           sync::nanoseconds deadline) {
  BELAY_ASSERT(count >= 1 && count <= MAXIMUM_WAIT_OBJECTS);
  use(objects[0], sizeof(DISPATCHER_HEADER));
  {
    // One step: nothing may come between the looks at the objects.
    const sync::sealed seal;
    for (unsigned i = 1; i < count; ++i) use(objects[i], sizeof(DISPATCHER_HEADER));
  }
  return wait_objects(count, objects, all && count > 1, deadline <= sync::now(), deadline,
                      {alertable, true});
}

std::int32_t delay(sync::nanoseconds deadline, bool alertable) {
  const bool polls = deadline <= sync::now();
  if (polls) sync::yield();
  return wait_objects(0, nullptr, false, polls, deadline, {alertable, true});
}

std::int32_t signal_and_wait(void* signal, void* object, bool alertable,
                             sync::nanoseconds deadline) {
  use(signal, sizeof(DISPATCHER_HEADER));
  {
    const sync::sealed together;
    const object_type* const type = type_of(signal);
    const std::int32_t status = type == &event_type    ? change_event(signal, event_change::set)
                                : type == &mutant_type ? release_mutex(signal)
                                                       : release_semaphore(signal, 1);
    if (status != STATUS_SUCCESS) return status;
    use(object, sizeof(DISPATCHER_HEADER));
  }
  return wait_objects(1, &object, false, deadline <= sync::now(), deadline, {alertable, true});
}

}  // namespace belay::inline BELAY_BUILD::kernel
