// Rules about what happens between two threads, in every interleaving up to three preemptions: how
// many there are is pinned.
#include <functional>

#include <gtest/gtest.h>

#include "explore/explore.hpp"
#include "wdm/io_manager.hpp"

// clang-format off: last, because it defines `try` and the like.
#include <ntifs.h>
// clang-format on

namespace belay::test {
namespace {

NTSTATUS complete(PIRP irp, NTSTATUS status) {
  irp->IoStatus.Status = status;
  irp->IoStatus.Information = 0;
  IoCompleteRequest(irp, IO_NO_INCREMENT);
  return status;
}

VOID cancel_read(PDEVICE_OBJECT, PIRP irp) {
  IoReleaseCancelSpinLock(irp->CancelIrql);
  complete(irp, STATUS_CANCELLED);
}

/// One driver with one device; what it does is the test's.
struct world {
  using dispatch = std::function<NTSTATUS(PDEVICE_OBJECT, PIRP)>;
  dispatch create, read, write;
  std::function<void()> idle;  ///< what the other actor does, started by `race`
  wdm::load_result loaded;
  wdm::open_result opened;
  PIRP held = nullptr;
  PIRP own = nullptr;

  static inline world* self = nullptr;
  static NTSTATUS on_any(PDEVICE_OBJECT device, PIRP irp) {
    const dispatch* routine = nullptr;
    switch (IoGetCurrentIrpStackLocation(irp)->MajorFunction) {
      case IRP_MJ_CREATE:
        routine = &self->create;
        break;
      case IRP_MJ_READ:
        routine = &self->read;
        break;
      case IRP_MJ_WRITE:
        routine = &self->write;
        break;
      default:
        break;
    }
    return routine != nullptr && *routine ? (*routine)(device, irp) : complete(irp, STATUS_SUCCESS);
  }
  static NTSTATUS entry(PDRIVER_OBJECT driver, PUNICODE_STRING) {
    for (auto& routine : driver->MajorFunction) routine = &on_any;
    driver->DriverUnload = [](PDRIVER_OBJECT gone) { IoDeleteDevice(gone->DeviceObject); };
    PDEVICE_OBJECT device = nullptr;
    return IoCreateDevice(driver, 0, nullptr, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
  }

  PDEVICE_OBJECT device() const { return loaded.driver->DeviceObject; }
  void begin() {
    self = this;
    held = own = nullptr;
    wdm::start();
    loaded = wdm::load_driver(&entry, "rules");
    opened = wdm::open(device());
  }
  void end() {
    wdm::close_handle(opened.file);
    wdm::unload_driver(loaded.driver);
  }
  /// Runs `idle` on another actor beside `here`.
  void race(const std::function<void()>& here) {
    const sync::actor_id other = sync::spawn(
        {.name = "other"}, [](void*) { self->idle(); }, nullptr);
    here();
    sync::join(other);
  }
};

explore::exhausted explore(world& of, const std::function<void()>& body) {
  sync::guest().forget_images();
  sync::guest().add_image(reinterpret_cast<std::uintptr_t>(&of), sizeof of);
  explore::program_under_test program;
  program.check_races(false);
  program.actor("user", [&] {
    of.begin();
    body();
  });
  return explore::exhaust(program, {.bound = 3});
}

void expect_holds(world& of, std::uint64_t executions, const std::function<void()>& body) {
  const auto all = explore(of, [&] {
    body();
    of.end();
  });
  EXPECT_TRUE(all.holds()) << all.text();
  EXPECT_EQ(all.executions, executions);
}

void expect_found(world& of, const char* clause, const std::function<void()>& body) {
  const auto all = explore(of, body);
  ASSERT_TRUE(all.found.has_value());
  EXPECT_EQ(all.found->clause, clause) << all.found->text;
}

// ---- files

NTSTATUS keep_cancellable(PDEVICE_OBJECT, PIRP irp) {
  world::self->held = irp;
  IoMarkIrpPending(irp);
  IoSetCancelRoutine(irp, &cancel_read);
  return STATUS_PENDING;
}

// WDM-FILE-002
TEST(rules_explored, what_cleanup_leaves_in_the_queue_is_reported) {
  world w;
  w.read = &keep_cancellable;
  expect_found(w, "WDM-FILE-002", [&] {
    wdm::request read({.file = w.opened.file});
    read.start();
    wdm::close_handle(w.opened.file);
    read.cancel();
    read.wait();
  });
}

// WDM-FILE-002: a device may be busy with a request for a while.
TEST(rules_explored, cleanup_may_leave_what_a_device_is_about_to_finish) {
  world w;
  static KTIMER timer;
  static KDPC dpc;
  w.read = [](PDEVICE_OBJECT device, PIRP irp) {
    keep_cancellable(device, irp);
    KeInitializeTimer(&timer);
    KeInitializeDpc(
        &dpc,
        [](PKDPC, PVOID, PVOID, PVOID) {
          if (IoSetCancelRoutine(world::self->held, nullptr) != nullptr) {
            complete(world::self->held, STATUS_SUCCESS);
          }
        },
        nullptr);
    LARGE_INTEGER due;
    due.QuadPart = -10'000'000LL * 60;
    KeSetTimer(&timer, due, &dpc);
    return STATUS_PENDING;
  };
  const auto all = explore(w, [&] {
    wdm::request read({.file = w.opened.file});
    read.start();
    wdm::close_handle(w.opened.file);
    read.wait();
    explore::require(read.status() == STATUS_SUCCESS, "the device has finished it");
    wdm::unload_driver(w.loaded.driver);
  });
  EXPECT_TRUE(all.holds()) << all.text();
}

// WDM-IRP-002
TEST(rules_explored, a_create_that_is_never_completed_is_reported) {
  world w;
  w.create = [](PDEVICE_OBJECT, PIRP irp) {
    if (world::self->opened.file == nullptr) return complete(irp, STATUS_SUCCESS);
    IoMarkIrpPending(irp);
    return NTSTATUS{STATUS_PENDING};
  };
  w.opened.file = nullptr;
  expect_found(w, "WDM-IRP-002", [&] { wdm::open(w.device()); });
}

// ---- packets of a driver's own

NTSTATUS free_own(PDEVICE_OBJECT, PIRP irp, PVOID) {
  world::self->own = nullptr;
  IoFreeIrp(irp);
  return STATUS_MORE_PROCESSING_REQUIRED;
}

void send_own(world& w, PIO_COMPLETION_ROUTINE routine) {
  w.own = IoAllocateIrp(1, FALSE);
  IoGetNextIrpStackLocation(w.own)->MajorFunction = IRP_MJ_READ;
  IoSetCompletionRoutine(w.own, routine, nullptr, TRUE, TRUE, TRUE);
  IoCallDriver(w.device(), w.own);
}

void finish_held() {
  PIRP irp = world::self->held;
  if (IoSetCancelRoutine(irp, nullptr) != nullptr) complete(irp, STATUS_SUCCESS);
}

// WDM-CANCEL-019: nothing keeps the packet while it is cancelled.
TEST(rules_explored, a_packet_cancelled_while_its_completion_routine_frees_it) {
  world w;
  w.read = &keep_cancellable;
  w.idle = &finish_held;
  const auto all = explore(w, [&] {
    send_own(w, &free_own);
    w.race([&] {
      PIRP irp = w.own;
      if (irp != nullptr) IoCancelIrp(irp);
    });
    w.end();
  });
  ASSERT_TRUE(all.found.has_value());
  EXPECT_TRUE(all.found->clause == "WDM-CANCEL-004" || all.found->clause == "WDM-CANCEL-005")
      << all.found->text;
}

// The state word of K/different-ways-of-handling-irps-cheat-sheet, scenario 8.
enum : LONG { cancelable, cancel_started, cancel_complete, completed };
volatile LONG state_word;

LONG exchange(LONG value) {
  sync::point(sync::access_kind::update, &state_word, sizeof state_word);
  return InterlockedExchange(&state_word, value);
}

NTSTATUS free_unless_cancelled(PDEVICE_OBJECT, PIRP irp, PVOID) {
  if (exchange(completed) == cancel_started) return STATUS_MORE_PROCESSING_REQUIRED;
  IoFreeIrp(irp);
  return STATUS_MORE_PROCESSING_REQUIRED;
}

// WDM-CANCEL-019
TEST(rules_explored, the_state_word_says_who_frees_the_packet) {
  world w;
  w.read = &keep_cancellable;
  w.idle = &finish_held;
  expect_holds(w, 45, [&] {
    state_word = cancelable;
    send_own(w, &free_unless_cancelled);
    w.race([&] {
      if (exchange(cancel_started) != cancelable) return;
      IoCancelIrp(w.own);
      if (exchange(cancel_complete) == completed) IoFreeIrp(w.own);
    });
    if (exchange(completed) == cancel_complete) return;
  });
}

// ---- master and associated packets

NTSTATUS part_is_done(PDEVICE_OBJECT, PIRP irp, PVOID) {
  world::self->own = nullptr;
  irp->PendingReturned = FALSE;
  return STATUS_SUCCESS;
}

VOID cancel_master(PDEVICE_OBJECT, PIRP master) {
  IoReleaseCancelSpinLock(master->CancelIrql);
  master->IoStatus.Status = STATUS_CANCELLED;
  if (world::self->own != nullptr) IoCancelIrp(world::self->own);
}

// WDM-CANCEL-017: the cancel of the master goes to its parts, the last of which completes it.
TEST(rules_explored, the_master_s_cancel_reaches_its_parts) {
  world w;
  w.read = &keep_cancellable;
  w.write = [](PDEVICE_OBJECT device, PIRP master) {
    IoMarkIrpPending(master);
    master->IoStatus.Status = STATUS_SUCCESS;
    master->IoStatus.Information = 0;
    master->AssociatedIrp.IrpCount = 1;
    PIRP part = world::self->own = IoMakeAssociatedIrp(master, 1);
    IoGetNextIrpStackLocation(part)->MajorFunction = IRP_MJ_READ;
    IoSetCompletionRoutine(part, &part_is_done, nullptr, TRUE, TRUE, TRUE);
    IoSetCancelRoutine(master, &cancel_master);
    IoCallDriver(device, part);
    return STATUS_PENDING;
  };
  w.idle = [] {};
  expect_holds(w, 1, [&] {
    wdm::request write({.file = w.opened.file, .major = IRP_MJ_WRITE});
    explore::require(write.start() == STATUS_PENDING, "the master is pending");
    write.cancel();
    explore::require(write.completed(), "the cancel went through to the part");
    write.wait();
    explore::require(write.status() == STATUS_CANCELLED, "and the master was cancelled");
  });
}

// ---- the end of a thread

// WDM-FILE-008, WDM-FILE-003: completion against the rundown of the thread that built it.
TEST(rules_explored, a_built_request_is_completed_while_its_thread_ends) {
  world w;
  static KEVENT event;
  static IO_STATUS_BLOCK result;
  w.read = &keep_cancellable;
  w.idle = &finish_held;
  expect_holds(w, 15, [&] {
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    IoCallDriver(w.device(), IoBuildSynchronousFsdRequest(IRP_MJ_READ, w.device(), nullptr, 0,
                                                          nullptr, &event, &result));
    w.race([] { wdm::cancel_thread_requests(); });
    explore::require(KeReadStateEvent(&event) != 0, "the request is over");
    explore::require(result.Status == STATUS_SUCCESS || result.Status == STATUS_CANCELLED,
                     "it was completed once");
  });
}

// WDM-FILE-003
TEST(rules_explored, a_built_request_that_nobody_completes_is_reported) {
  world w;
  static KEVENT event;
  static IO_STATUS_BLOCK result;
  w.read = [](PDEVICE_OBJECT, PIRP irp) {
    IoMarkIrpPending(irp);
    return NTSTATUS{STATUS_PENDING};
  };
  expect_found(w, "WDM-FILE-003", [&] {
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    IoCallDriver(w.device(), IoBuildSynchronousFsdRequest(IRP_MJ_READ, w.device(), nullptr, 0,
                                                          nullptr, &event, &result));
    wdm::cancel_thread_requests();
  });
}

// ---- the event of a completion routine

KEVENT back;
bool signals;

NTSTATUS signal_back(PDEVICE_OBJECT, PIRP irp, PVOID) {
  if (signals && irp->PendingReturned) KeSetEvent(&back, IO_NO_INCREMENT, FALSE);
  return STATUS_MORE_PROCESSING_REQUIRED;
}

void send_and_wait_for_own(world& w) {
  KeInitializeEvent(&back, NotificationEvent, FALSE);
  w.own = IoAllocateIrp(1, FALSE);
  IoGetNextIrpStackLocation(w.own)->MajorFunction = IRP_MJ_READ;
  IoSetCompletionRoutine(w.own, &signal_back, nullptr, TRUE, TRUE, TRUE);
  if (IoCallDriver(w.device(), w.own) == STATUS_PENDING) {
    KeWaitForSingleObject(&back, Executive, KernelMode, FALSE, nullptr);
  }
  IoFreeIrp(w.own);
}

NTSTATUS keep_or_complete(PDEVICE_OBJECT, PIRP irp) {
  world::self->held = irp;
  IoMarkIrpPending(irp);
  world::self->idle();
  return STATUS_PENDING;
}

// WDM-IRP-031
TEST(rules_explored, an_event_set_for_what_was_pending_ends_the_wait) {
  world w;
  signals = true;
  w.read = &keep_or_complete;
  w.idle = [] {
    sync::spawn(
        {.name = "dpc"}, [](void*) { complete(world::self->held, STATUS_SUCCESS); }, nullptr);
  };
  expect_holds(w, 4, [&] { send_and_wait_for_own(w); });
}

// WDM-IRP-031
TEST(rules_explored, an_event_that_is_not_set_is_waited_for_in_vain) {
  world w;
  signals = false;
  w.read = &keep_or_complete;
  w.idle = [] {
    sync::spawn(
        {.name = "dpc"}, [](void*) { complete(world::self->held, STATUS_SUCCESS); }, nullptr);
  };
  expect_found(w, "WDM-IRP-022", [&] { send_and_wait_for_own(w); });
}

}  // namespace
}  // namespace belay::test
