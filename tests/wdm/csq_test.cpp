#include "probe_driver.hpp"

namespace belay::test {
namespace {

/// Reads go into a cancel-safe queue.
class csq_test : public probe_test {
 protected:
  struct queue {
    IO_CSQ csq;
    KSPIN_LOCK lock;
    LIST_ENTRY list;
    bool refuse = false;
    int locked = 0;
    int canceled = 0;
    std::vector<std::string> steps;
  };
  static queue& of(PIO_CSQ csq) { return *CONTAINING_RECORD(csq, queue, csq); }

  static VOID insert(PIO_CSQ csq, PIRP irp) {
    of(csq).steps.push_back("insert");
    EXPECT_EQ(of(csq).locked, 1);
    InsertTailList(&of(csq).list, &irp->Tail.Overlay.ListEntry);
  }
  static NTSTATUS insert_ex(PIO_CSQ csq, PIRP irp, PVOID context) {
    if (context != nullptr) return STATUS_DEVICE_BUSY;
    insert(csq, irp);
    return STATUS_SUCCESS;
  }
  static VOID remove(PIO_CSQ csq, PIRP irp) {
    of(csq).steps.push_back("remove");
    EXPECT_EQ(of(csq).locked, 1);
    RemoveEntryList(&irp->Tail.Overlay.ListEntry);
  }
  static PIRP peek(PIO_CSQ csq, PIRP irp, PVOID) {
    PLIST_ENTRY head = &of(csq).list;
    PLIST_ENTRY next = irp == nullptr ? head->Flink : irp->Tail.Overlay.ListEntry.Flink;
    return next == head ? nullptr : CONTAINING_RECORD(next, IRP, Tail.Overlay.ListEntry);
  }
  static VOID acquire(PIO_CSQ csq, PKIRQL irql) {
    KeAcquireSpinLock(&of(csq).lock, irql);
    ++of(csq).locked;
  }
  static VOID release(PIO_CSQ csq, KIRQL irql) {
    --of(csq).locked;
    KeReleaseSpinLock(&of(csq).lock, irql);
  }
  static VOID complete_canceled(PIO_CSQ csq, PIRP irp) {
    of(csq).steps.push_back("complete");
    EXPECT_EQ(of(csq).locked, 0);
    EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
    ++of(csq).canceled;
    complete(irp, STATUS_CANCELLED);
  }

  void SetUp() override {
    probe_test::SetUp();
    KeInitializeSpinLock(&q.lock);
    InitializeListHead(&q.list);
    IoCsqInitializeEx(&q.csq, &insert_ex, &remove, &peek, &acquire, &release, &complete_canceled);
    on[IRP_MJ_READ] = [this](PDEVICE_OBJECT, PIRP irp) {
      held = irp;
      if (cancel_first != nullptr) cancel_first->cancel();
      const NTSTATUS status = IoCsqInsertIrpEx(&q.csq, irp, context, refuse);
      return NT_SUCCESS(status) ? STATUS_PENDING : complete(irp, status);
    };
    file = open().file;
  }
  void TearDown() override {
    if (driver != nullptr) wdm::close_handle(file);
    probe_test::TearDown();
  }

  queue q;
  PIRP held = nullptr;
  wdm::request* cancel_first = nullptr;  ///< cancelled by its user inside the dispatch routine
  PVOID refuse = nullptr;
  PIO_CSQ_IRP_CONTEXT context = nullptr;
  _FILE_OBJECT* file = nullptr;
};

// WDM-CSQ-001
TEST_F(csq_test, both_forms_set_their_type) {
  EXPECT_EQ(q.csq.Type, static_cast<ULONG>(IO_TYPE_CSQ_EX));
  IO_CSQ plain;
  EXPECT_EQ(
      IoCsqInitialize(&plain, &insert, &remove, &peek, &acquire, &release, &complete_canceled),
      STATUS_SUCCESS);
  EXPECT_EQ(plain.Type, static_cast<ULONG>(IO_TYPE_CSQ));
  EXPECT_EQ(plain.ReservePointer, nullptr);
}

// WDM-CSQ-003, WDM-CSQ-008
TEST_F(csq_test, insertion_marks_pending_and_arms) {
  wdm::request read({.file = file});
  EXPECT_EQ(read.start(), STATUS_PENDING);
  EXPECT_NE(held->CancelRoutine, nullptr);
  EXPECT_TRUE(IoGetCurrentIrpStackLocation(held)->Control & SL_PENDING_RETURNED);
  EXPECT_EQ(IoCsqRemoveNextIrp(&q.csq, nullptr), held);
  EXPECT_EQ(held->CancelRoutine, nullptr);
  complete(held, STATUS_SUCCESS);
  EXPECT_TRUE(read.wait());
}

// WDM-CSQ-003: a refused packet is neither marked nor cancellable.
TEST_F(csq_test, a_refused_irp_stays_as_it_was) {
  IO_CSQ_IRP_CONTEXT mine{};
  context = &mine;
  refuse = this;
  wdm::request read({.file = file});
  EXPECT_EQ(read.start(), STATUS_DEVICE_BUSY);
  EXPECT_EQ(mine.Irp, nullptr);
  EXPECT_TRUE(read.wait());
}

// WDM-CSQ-003, WDM-CSQ-008
TEST_F(csq_test, an_irp_cancelled_before_is_inserted_removed_and_completed) {
  wdm::request read({.file = file});
  cancel_first = &read;
  EXPECT_EQ(read.start(), STATUS_PENDING);
  EXPECT_EQ(q.steps, (std::vector<std::string>{"insert", "remove", "complete"}));
  EXPECT_TRUE(read.wait());
  EXPECT_EQ(read.status(), STATUS_CANCELLED);
}

// WDM-CSQ-002, WDM-CSQ-004
TEST_F(csq_test, a_given_irp_is_taken_out_once) {
  IO_CSQ_IRP_CONTEXT mine{};
  context = &mine;
  wdm::request read({.file = file});
  read.start();
  EXPECT_EQ(held->Tail.Overlay.DriverContext[3], &mine);
  EXPECT_EQ(mine.Type, static_cast<ULONG>(IO_TYPE_CSQ_IRP_CONTEXT));
  EXPECT_EQ(IoCsqRemoveIrp(&q.csq, &mine), held);
  EXPECT_EQ(mine.Irp, nullptr);
  EXPECT_EQ(IoCsqRemoveIrp(&q.csq, &mine), nullptr);
  complete(held, STATUS_SUCCESS);
  EXPECT_TRUE(read.wait());
}

// WDM-CSQ-004, WDM-CSQ-006
TEST_F(csq_test, a_cancelled_irp_cannot_be_taken_out) {
  IO_CSQ_IRP_CONTEXT mine{};
  context = &mine;
  wdm::request read({.file = file});
  read.start();
  EXPECT_TRUE(read.cancel());
  EXPECT_EQ(q.canceled, 1);
  EXPECT_EQ(mine.Irp, nullptr);
  EXPECT_EQ(IoCsqRemoveIrp(&q.csq, &mine), nullptr);
  EXPECT_EQ(IoCsqRemoveNextIrp(&q.csq, nullptr), nullptr);
  EXPECT_TRUE(read.wait());
  EXPECT_EQ(read.status(), STATUS_CANCELLED);
}

// WDM-CSQ-005
TEST_F(csq_test, the_next_irp_that_is_not_being_cancelled_is_taken) {
  wdm::request first({.file = file}), second({.file = file});
  first.start();
  PIRP one = held;
  second.start();
  PIRP two = held;
  // As if IoCancelIrp had just taken the first one's routine out.
  PDRIVER_CANCEL routine = IoSetCancelRoutine(one, nullptr);
  EXPECT_EQ(IoCsqRemoveNextIrp(&q.csq, nullptr), two);
  EXPECT_EQ(IoCsqRemoveNextIrp(&q.csq, nullptr), nullptr);
  IoSetCancelRoutine(one, routine);
  EXPECT_EQ(IoCsqRemoveNextIrp(&q.csq, nullptr), one);
  complete(two, STATUS_SUCCESS);
  complete(one, STATUS_SUCCESS);
  EXPECT_TRUE(first.wait());
  EXPECT_TRUE(second.wait());
}

// WDM-CSQ-007
TEST_F(csq_test, peek_returns_an_irp_or_null) {
  static IRP none;
  q.csq.CsqPeekNextIrp = [](PIO_CSQ, PIRP, PVOID) { return &none; };
  expect_broken("WDM-CSQ-007", [&] { IoCsqRemoveNextIrp(&q.csq, nullptr); });
  release(&q.csq, PASSIVE_LEVEL);
}

// WDM-CSQ-003
TEST_F(csq_test, an_irp_is_inserted_into_one_queue_only) {
  lost_request read({.file = file});
  read.request.start();
  expect_broken("WDM-CSQ-003", [&] { IoCsqInsertIrp(&q.csq, held, nullptr); });
  abandon();
}

// WDM-CSQ-007: of another queue, or the one it was given.
TEST_F(csq_test, peek_returns_an_irp_of_this_queue) {
  queue other;
  KeInitializeSpinLock(&other.lock);
  InitializeListHead(&other.list);
  IoCsqInitializeEx(&other.csq, &insert_ex, &remove, &peek, &acquire, &release, &complete_canceled);
  lost_request read({.file = file});
  read.request.start();
  static PIRP answer;
  answer = held;
  other.csq.CsqPeekNextIrp = [](PIO_CSQ, PIRP, PVOID) { return answer; };
  EXPECT_STREQ(expect_broken("WDM-CSQ-007", [&] { IoCsqRemoveNextIrp(&other.csq, nullptr); }).rule,
               "CsqPeekWrongIrp");
  release(&other.csq, PASSIVE_LEVEL);
  IoSetCancelRoutine(held, nullptr);  // as if it were being cancelled
  q.csq.CsqPeekNextIrp = other.csq.CsqPeekNextIrp;
  expect_broken("WDM-CSQ-007", [&] { IoCsqRemoveNextIrp(&q.csq, nullptr); });
  release(&q.csq, PASSIVE_LEVEL);
  abandon();
}

// WDM-CSQ-007
TEST_F(csq_test, a_callback_does_not_complete) {
  q.csq.CsqInsertIrp = reinterpret_cast<PIO_CSQ_INSERT_IRP>(
      +[](PIO_CSQ, PIRP irp, PVOID) { return complete(irp, STATUS_DEVICE_BUSY); });
  lost_request read({.file = file});
  EXPECT_STREQ(expect_broken("WDM-CSQ-007", [&] { read.request.start(); }).rule,
               "CsqCallbackCompletesUnderLock");
  release(&q.csq, PASSIVE_LEVEL);
  abandon();
}

// WDM-CSQ-007
TEST_F(csq_test, a_callback_does_not_call_the_queue) {
  q.csq.CsqRemoveIrp = [](PIO_CSQ csq, PIRP) { IoCsqRemoveNextIrp(csq, nullptr); };
  lost_request read({.file = file});
  read.request.start();
  expect_broken("WDM-CSQ-007", [&] { IoCsqRemoveNextIrp(&q.csq, nullptr); });
  release(&q.csq, PASSIVE_LEVEL);
  abandon();
}

// WDM-CSQ-002
TEST_F(csq_test, a_context_serves_one_irp) {
  IO_CSQ_IRP_CONTEXT mine;
  std::fill_n(reinterpret_cast<char*>(&mine), sizeof(mine), '\x5a');  // need not be initialised
  context = &mine;
  wdm::request first({.file = file});
  lost_request second({.file = file});
  first.start();
  EXPECT_STREQ(expect_broken("WDM-CSQ-002", [&] { second.request.start(); }).rule,
               "CsqContextReuse");
  EXPECT_TRUE(first.cancel());
  EXPECT_TRUE(first.wait());
  abandon();
}

// WDM-CANCEL-023
TEST_F(csq_test, the_queue_s_field_in_the_irp_is_left_alone) {
  lost_request read({.file = file});
  read.request.start();
  held->Tail.Overlay.DriverContext[0] = this;  // the driver's
  held->Tail.Overlay.DriverContext[3] = this;
  expect_broken("WDM-CANCEL-023", [&] { IoCsqRemoveNextIrp(&q.csq, nullptr); });
  release(&q.csq, PASSIVE_LEVEL);
  abandon();
}

}  // namespace
}  // namespace belay::test
