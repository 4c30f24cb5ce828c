// Waitable objects, user and kernel APCs, threads of programs.
#include "kernel/waitable.hpp"

#include "fixture.hpp"
#include "kernel/exception.hpp"

namespace {

using namespace belay::kernel;
namespace sync = belay::sync;
using kernel_tests::actor;
using kernel_tests::executive_test;

constexpr sync::nanoseconds poll_only = 0;
constexpr sync::nanoseconds second = 1'000'000'000;

class waitable : public executive_test {};
class apc : public executive_test {};

std::int32_t wait_one(void* object, sync::nanoseconds deadline = sync::forever,
                      bool alertable = false) {
  return wait_for_many(&object, 1, false, alertable, deadline);
}

TEST_F(waitable, events) {
  void* const event = create_event(false, true);
  ASSERT_TRUE(is_waitable(event));
  EXPECT_EQ(wait_one(event, poll_only), wait_satisfied);
  EXPECT_EQ(wait_one(event, poll_only), wait_timeout) << "taken";
  std::int32_t before = 9;
  EXPECT_EQ(change_event(event, event_change::set, &before), STATUS_SUCCESS);
  EXPECT_EQ(before, 0);
  change_event(event, event_change::reset, &before);
  EXPECT_EQ(before, 1);
  change_event(event, event_change::pulse);
  EXPECT_EQ(wait_one(event, poll_only), wait_timeout);
  EXPECT_EQ(release_semaphore(event, 1), STATUS_OBJECT_TYPE_MISMATCH);
  dereference_object(event);
}

TEST_F(waitable, semaphores) {
  void* const object = create_semaphore(1, 2);
  std::int32_t before = 9;
  EXPECT_EQ(release_semaphore(object, 2, &before), STATUS_SEMAPHORE_LIMIT_EXCEEDED);
  EXPECT_EQ(release_semaphore(object, 0), STATUS_SEMAPHORE_LIMIT_EXCEEDED);
  EXPECT_EQ(release_semaphore(object, 1, &before), STATUS_SUCCESS);
  EXPECT_EQ(before, 1);
  EXPECT_EQ(wait_one(object, poll_only), wait_satisfied);
  EXPECT_EQ(wait_one(object, poll_only), wait_satisfied);
  EXPECT_EQ(wait_one(object, poll_only), wait_timeout);
  dereference_object(object);
}

TEST_F(waitable, one_of_several_or_all) {
  void* const objects[3] = {create_event(true, false), create_event(true, false),
                            create_semaphore(0, 1)};
  EXPECT_EQ(wait_for_many(objects, 3, false, false, poll_only), wait_timeout);
  release_semaphore(objects[2], 1);
  EXPECT_EQ(wait_for_many(objects, 3, true, false, poll_only), wait_timeout);
  EXPECT_EQ(wait_for_many(objects, 3, false, false, poll_only), wait_satisfied + 2);
  release_semaphore(objects[2], 1);
  change_event(objects[0], event_change::set);
  change_event(objects[1], event_change::set);
  EXPECT_EQ(wait_for_many(objects, 3, true, false, sync::forever), wait_satisfied);
  EXPECT_EQ(wait_one(objects[2], poll_only), wait_timeout) << "taken with the others";
  for (void* const each : objects) dereference_object(each);
}

std::int32_t abandons(void* mutex) { return wait_one(mutex) + 40; }
/// WDM-EX-004
TEST_F(waitable, a_threads_end_abandons_its_mutexes) {
  void* const mutex = create_mutex(false);
  void* const thread = create_thread("abandons", &abandons, mutex);
  ASSERT_NE(thread, nullptr);
  EXPECT_EQ(wait_one(thread), wait_satisfied);
  EXPECT_TRUE(facts_of_thread(thread).ended);
  EXPECT_EQ(facts_of_thread(thread).exit_status, 40);
  EXPECT_EQ(wait_one(mutex), wait_abandoned);
  EXPECT_EQ(wait_one(mutex), wait_satisfied) << "by its owner again";
  EXPECT_EQ(release_mutex(mutex), STATUS_SUCCESS);
  EXPECT_EQ(release_mutex(mutex), STATUS_SUCCESS);
  EXPECT_EQ(release_mutex(mutex), STATUS_MUTANT_NOT_OWNED);
  dereference_object(thread);
  dereference_object(mutex);
}

std::int32_t leaves_early(void*) { exit_thread(7); }
TEST_F(waitable, a_thread_may_leave_early) {
  void* const thread = create_thread("leaves", &leaves_early, nullptr);
  EXPECT_EQ(wait_one(thread), wait_satisfied);
  EXPECT_EQ(facts_of_thread(thread).exit_status, 7);
  dereference_object(thread);
}

void count(void* counter) { ++*static_cast<int*>(counter); }

/// WDM-EX-003
TEST_F(apc, an_alertable_wait_ends_for_a_users_call) {
  void* const event = create_event(true, false);
  int calls = 0;
  ASSERT_TRUE(queue_user_apc(thread_object_of_caller(), &count, &calls));
  ASSERT_TRUE(queue_user_apc(thread_object_of_caller(), &count, &calls));
  EXPECT_EQ(wait_one(event, poll_only), wait_timeout) << "not alertable";
  EXPECT_EQ(wait_one(event, sync::forever, true), wait_user_apc);
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(run_user_apcs(), 2);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(wait_one(event, poll_only, true), wait_timeout);
  ASSERT_TRUE(queue_user_apc(thread_object_of_caller(), &count, &calls));
  change_event(event, event_change::set);
  EXPECT_EQ(wait_one(event, poll_only, true), wait_satisfied) << "a signalled object comes first";
  EXPECT_EQ(delay(sync::now() + second, true), wait_user_apc);
  EXPECT_EQ(run_user_apcs(), 1);
  dereference_object(event);
}

struct sleeper {
  void* ready;
  int calls = 0;
};
std::int32_t sleeps(void* argument) {
  auto* const self = static_cast<sleeper*>(argument);
  change_event(self->ready, event_change::set);
  const std::int32_t status = delay(sync::forever, true);
  run_user_apcs();
  return status;
}
/// WDM-EX-003
TEST_F(apc, a_call_wakes_its_thread) {
  sleeper what{create_event(false, false)};
  void* const thread = create_thread("sleeps", &sleeps, &what);
  wait_one(what.ready);
  EXPECT_TRUE(queue_user_apc(thread, &count, &what.calls));
  EXPECT_EQ(wait_one(thread), wait_satisfied);
  EXPECT_EQ(facts_of_thread(thread).exit_status, wait_user_apc);
  EXPECT_EQ(what.calls, 1);
  EXPECT_FALSE(queue_user_apc(thread, &count, &what.calls)) << "it has ended";
  dereference_object(thread);
  dereference_object(what.ready);
}

TEST_F(apc, a_timer_calls_who_set_it) {
  void* const timer = create_timer(true);
  int calls = 0;
  set_timer(timer, sync::now(), 0, &count, &calls);
  EXPECT_EQ(wait_one(timer), wait_satisfied);
  EXPECT_EQ(delay(sync::now() + second, true), wait_user_apc);
  run_user_apcs();
  EXPECT_EQ(calls, 1);
  bool was_set = true;
  set_timer(timer, sync::now(), 0, &count, &calls);
  cancel_timer(timer, &was_set);
  EXPECT_FALSE(was_set);
  EXPECT_EQ(delay(poll_only, true), wait_timeout) << "its call was taken back";
  set_timer(timer, sync::forever);
  EXPECT_EQ(wait_one(timer, poll_only), wait_timeout);
  cancel_timer(timer, &was_set);
  EXPECT_TRUE(was_set);
  dereference_object(timer);
}

struct apc_log {
  int special = 0, kernel = 0, normal = 0;
  KIRQL special_level = 99, normal_level = 99;
} log;
void special_routine(PKAPC, PKNORMAL_ROUTINE*, PVOID*, PVOID*, PVOID*) {
  ++log.special;
  log.special_level = KeGetCurrentIrql();
}
void kernel_routine(PKAPC, PKNORMAL_ROUTINE*, PVOID*, PVOID*, PVOID*) { ++log.kernel; }
void normal_routine(PVOID context, PVOID first, PVOID second) {
  log.normal += context == &log && first == reinterpret_cast<PVOID>(1) &&
                second == reinterpret_cast<PVOID>(2);
  log.normal_level = KeGetCurrentIrql();
}

/// WDM-EX-003
TEST_F(apc, regions_keep_kernel_apcs_off) {
  log = {};
  KAPC special, normal;
  KeInitializeApc(&special, KeGetCurrentThread(), OriginalApcEnvironment, &special_routine, nullptr,
                  nullptr, KernelMode, nullptr);
  KeInitializeApc(&normal, KeGetCurrentThread(), OriginalApcEnvironment, &kernel_routine, nullptr,
                  &normal_routine, KernelMode, &log);
  KeEnterGuardedRegion();
  EXPECT_TRUE(KeInsertQueueApc(&special, nullptr, nullptr, 0));
  EXPECT_FALSE(KeInsertQueueApc(&special, nullptr, nullptr, 0)) << "queued already";
  EXPECT_EQ(log.special, 0);
  KeEnterCriticalRegion();
  EXPECT_TRUE(KeInsertQueueApc(&normal, reinterpret_cast<PVOID>(1), reinterpret_cast<PVOID>(2), 0));
  KeLeaveGuardedRegion();
  EXPECT_EQ(log.special, 1) << "a critical region does not keep it off";
  EXPECT_EQ(log.special_level, APC_LEVEL);
  EXPECT_EQ(log.normal, 0);
  KeLeaveCriticalRegion();
  EXPECT_EQ(log.kernel, 1);
  EXPECT_EQ(log.normal, 1);
  EXPECT_EQ(log.normal_level, PASSIVE_LEVEL);
}

std::int32_t waits_for(void* event) { return wait_one(event); }
/// A kernel APC interrupts a wait, which then goes on. WDM-EX-003
TEST_F(apc, a_wait_goes_on_after_a_kernel_apc) {
  log = {};
  void* const event = create_event(true, false);
  void* const thread = create_thread("waits", &waits_for, event);
  KAPC special;
  KeInitializeApc(&special, static_cast<PKTHREAD>(thread), OriginalApcEnvironment, &special_routine,
                  nullptr, nullptr, KernelMode, nullptr);
  EXPECT_TRUE(KeInsertQueueApc(&special, nullptr, nullptr, 0));
  while (InterlockedOr8(reinterpret_cast<volatile CHAR*>(&special.Inserted), 0) != 0) {
    sync::yield();
  }
  EXPECT_FALSE(facts_of_thread(thread).ended);
  change_event(event, event_change::set);
  EXPECT_EQ(wait_one(thread), wait_satisfied);
  EXPECT_EQ(facts_of_thread(thread).exit_status, wait_satisfied);
  EXPECT_EQ(log.special, 1);
  dereference_object(thread);
  dereference_object(event);
}

}  // namespace
