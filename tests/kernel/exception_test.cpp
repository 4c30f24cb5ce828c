// Structured exceptions, and the probing of a user's pointers.
#include "kernel/exception.hpp"

#include <csignal>
#include <sys/mman.h>
#include <ucontext.h>

#include "fixture.hpp"

extern "C" {
long guest_steps = 0;
void append_step(int step) { guest_steps = guest_steps * 10 + step; }
int guest_handles();
int guest_runs_without();
int guest_searches();
int guest_leaves(int early);
int guest_returns(int value);
int guest_returns_through_two(int value);
int guest_breaks();
int guest_unwinds();
int guest_filter_has_its_own();
int guest_handler_raises();
unsigned int guest_probes(void* address, SIZE_T length, ULONG alignment, int write);
unsigned int guest_locks(void* address, ULONG length, int mode, int operation);
unsigned long long guest_reads_fault(volatile int* address);
void guest_raises_for_nobody();
void guest_continues();
}

namespace {

using kernel_tests::executive_test;

constexpr unsigned violation = STATUS_ACCESS_VIOLATION;
constexpr unsigned misaligned = STATUS_DATATYPE_MISALIGNMENT;

class seh : public executive_test {
 protected:
  void SetUp() override {
    executive_test::SetUp();
    guest_steps = 0;
  }
  void TearDown() override {
    EXPECT_FALSE(belay::kernel::in_guarded_block());
    executive_test::TearDown();
  }
};
using seh_death = seh;

/// Pages of which one is mapped read-only and the next not at all.
class user_memory {
 public:
  static constexpr std::size_t page = 4096;
  user_memory() {
    at_ = static_cast<char*>(
        mmap(nullptr, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(at_ + page, page, PROT_READ);
    munmap(at_ + 2 * page, page);
  }
  ~user_memory() { munmap(at_, 2 * page); }
  char* writable() const { return at_; }
  char* read_only() const { return at_ + page; }
  char* unmapped() const { return at_ + 2 * page; }

 private:
  char* at_;
};

TEST_F(seh, a_handler_runs) { EXPECT_EQ(guest_handles(), 2); }
TEST_F(seh, without_an_exception_it_does_not) { EXPECT_EQ(guest_runs_without(), 1); }

TEST_F(seh, a_filter_passes_on) {
  guest_searches();
  EXPECT_EQ(guest_steps, 145);
}
TEST_F(seh, leave_goes_to_the_end) {
  EXPECT_EQ(guest_leaves(0), 7);
  EXPECT_EQ(guest_steps, 1234);
  guest_steps = 0;
  EXPECT_EQ(guest_leaves(1), 7);
  EXPECT_EQ(guest_steps, 134);
}
TEST_F(seh, a_return_runs_the_termination_block) {
  EXPECT_EQ(guest_returns(21), 42);
  EXPECT_EQ(guest_steps, 13);
  guest_steps = 0;
  EXPECT_EQ(guest_returns(1), 1);
  EXPECT_EQ(guest_steps, 124);
}
TEST_F(seh, a_return_runs_all_of_them_from_within) {
  EXPECT_EQ(guest_returns_through_two(20), 41);
  EXPECT_EQ(guest_steps, 12);
}
TEST_F(seh, break_and_continue) {
  EXPECT_EQ(guest_breaks(), 4);
  EXPECT_EQ(guest_steps, 123);
}
TEST_F(seh, an_exception_runs_what_it_passes) {
  guest_unwinds();
  EXPECT_EQ(guest_steps, 123124);
}
TEST_F(seh, a_filter_may_have_blocks_of_its_own) { EXPECT_EQ(guest_filter_has_its_own(), 1); }
TEST_F(seh, a_handler_may_raise) { EXPECT_EQ(guest_handler_raises(), 1); }

TEST_F(seh, in_cpp_too) {
  volatile int steps = 0;
  __try {
    __try {
      steps = steps + 1;
      ExRaiseAccessViolation();
    }
    __finally { steps = steps * 10 + AbnormalTermination(); }
  }
  __except (GetExceptionCode() == violation) {
    steps = steps * 10 + 2;
  }
  EXPECT_EQ(steps, 112);
}

/// WDM-IRP-025
TEST_F(seh_death, nobody_handles_it) {
  EXPECT_VIOLATION(guest_raises_for_nobody(), "WDM-IRP-025", "0x0000001E \\(0x00000000E0000001");
  EXPECT_VIOLATION(ExRaiseDatatypeMisalignment(), "WDM-IRP-025", "0x0000001E");
}
/// WDM-EX-001
TEST_F(seh_death, there_is_no_way_back) {
  EXPECT_VIOLATION(guest_continues(), "WDM-EX-001", "0x0000001E");
}

void system_thread(PVOID) {
  __try {
    PsTerminateSystemThread(STATUS_SUCCESS);
  }
  __except (EXCEPTION_EXECUTE_HANDLER) {
    append_step(1);
  }
}
/// A thread that ends in a guarded block takes it along.
TEST_F(seh, a_thread_ends_in_a_block) {
  HANDLE handle = nullptr;
  ASSERT_EQ(PsCreateSystemThread(&handle, 0, nullptr, nullptr, nullptr, &system_thread, nullptr),
            STATUS_SUCCESS);
  EXPECT_EQ(ZwWaitForSingleObject(handle, FALSE, nullptr), STATUS_SUCCESS);
  ZwClose(handle);
  EXPECT_EQ(guest_steps, 0);
}

/// WDM-EX-002
TEST_F(seh, probing_checks_alignment_and_range) {
  const user_memory user;
  EXPECT_EQ(guest_probes(user.writable(), 16, 4, 0), 0u);
  EXPECT_EQ(guest_probes(user.writable() + 1, 16, 4, 0), misaligned);
  EXPECT_EQ(guest_probes(user.writable() + 2, 16, 4, 1), misaligned);
  EXPECT_EQ(guest_probes(reinterpret_cast<void*>(0xFFFFF80000000000), 16, 4, 0), violation);
  EXPECT_EQ(guest_probes(reinterpret_cast<void*>(~ULONG_PTR{7}), 16, 4, 1), violation);
  EXPECT_EQ(guest_probes(user.writable(), ~SIZE_T{0}, 1, 0), violation);
  EXPECT_EQ(guest_probes(reinterpret_cast<void*>(1), 0, 4, 1), 0u) << "no length, no check";
}
/// WDM-EX-002
TEST_F(seh, probing_for_writing_tries_each_page) {
  const user_memory user;
  user.writable()[5] = 'x';
  EXPECT_EQ(guest_probes(user.writable(), user.page, 1, 1), 0u);
  EXPECT_EQ(guest_probes(user.writable(), user.page + 1, 1, 1), violation);
  EXPECT_EQ(guest_probes(user.read_only(), 1, 1, 0), 0u);
  EXPECT_EQ(guest_probes(user.read_only(), 1, 1, 1), violation);
  EXPECT_EQ(guest_probes(user.unmapped(), 1, 1, 1), violation);
  EXPECT_EQ(user.writable()[5], 'x');
}
/// WDM-EX-002
TEST_F(seh, locking_pages_probes_them) {
  const user_memory user;
  EXPECT_EQ(guest_locks(user.writable(), 100, UserMode, IoModifyAccess), 0u);
  EXPECT_EQ(guest_locks(user.read_only(), 100, UserMode, IoReadAccess), 0u);
  EXPECT_EQ(guest_locks(user.read_only(), 100, UserMode, IoWriteAccess), violation);
  EXPECT_EQ(guest_locks(user.read_only() + 4000, 100, UserMode, IoReadAccess), violation);
  EXPECT_EQ(guest_locks(reinterpret_cast<void*>(8), 100, UserMode, IoReadAccess), violation);
}

const void* fault_address = nullptr;
void after_fault() {
  belay::kernel::raise_fault(reinterpret_cast<std::uintptr_t>(fault_address), false, nullptr);
}
void on_fault(int, siginfo_t* info, void* context) {
  if (!belay::kernel::catches_fault(reinterpret_cast<std::uintptr_t>(info->si_addr))) _exit(99);
  fault_address = info->si_addr;
#if defined(__x86_64__)
  auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  registers[REG_RSP] = ((registers[REG_RSP] - 256) & ~greg_t{15}) - 8;
  registers[REG_RIP] = reinterpret_cast<greg_t>(&after_fault);
#endif
}
/// What a host's signal handler does with a fault on a user's address.
TEST_F(seh, a_fault_on_a_users_address_is_raised) {
  struct sigaction action {};
  struct sigaction before {};
  action.sa_sigaction = &on_fault;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGSEGV, &action, &before);
  const user_memory user;
  EXPECT_EQ(guest_reads_fault(reinterpret_cast<int*>(user.unmapped() + 8)),
            reinterpret_cast<unsigned long long>(user.unmapped() + 8));
  EXPECT_EQ(guest_reads_fault(nullptr), 0u);
  sigaction(SIGSEGV, &before, nullptr);
}
/// At DISPATCH_LEVEL a page fault cannot be taken, and outside a block nobody handles it.
TEST_F(seh, not_every_fault_is) {
  EXPECT_FALSE(belay::kernel::catches_fault(0x10));
  volatile bool low = false, high = false, wild = false;
  __try {
    low = belay::kernel::catches_fault(0x10);
    wild = belay::kernel::catches_fault(0xFFFFF80000000000);
    const KIRQL level = KeRaiseIrqlToDpcLevel();
    high = belay::kernel::catches_fault(0x10);
    KeLowerIrql(level);
  }
  __except (EXCEPTION_EXECUTE_HANDLER) {}
  EXPECT_TRUE(low);
  EXPECT_FALSE(high);
  EXPECT_FALSE(wild);
}

}  // namespace
