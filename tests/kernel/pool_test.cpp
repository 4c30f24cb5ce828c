#include "fixture.hpp"

namespace {

using pool = kernel_tests::executive_test;
using pool_death = kernel_tests::executive_test;
constexpr ULONG tag = 'tseT';

int outstanding() {
  int count = 0;
  belay::kernel::pool_outstanding(
      [](void* p, const belay::kernel::pool_block&) {
        ++*static_cast<int*>(p);
        return true;
      },
      &count);
  return count;
}

TEST_F(pool, fills_or_zeroes) {
  auto* const raw = static_cast<UCHAR*>(ExAllocatePoolWithTag(NonPagedPool, 24, tag));
  EXPECT_EQ(raw[0], 0xcd);
  EXPECT_EQ(raw[23], 0xcd);
  auto* const zeroed = static_cast<UCHAR*>(ExAllocatePoolZero(NonPagedPoolNx, 24, tag));
  EXPECT_EQ(zeroed[0], 0);
  auto* const second = static_cast<UCHAR*>(ExAllocatePool2(POOL_FLAG_NON_PAGED, 24, tag));
  EXPECT_EQ(second[23], 0);
  auto* const quota = ExAllocatePoolQuotaZero(
      static_cast<ULONG>(NonPagedPool) | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE, 8, tag);
  EXPECT_NE(quota, nullptr);
  EXPECT_EQ(ExAllocatePool2(0, 24, tag), nullptr);
  EXPECT_EQ(outstanding(), 4);
  ExFreePoolWithTag(raw, tag);
  ExFreePool(zeroed);
  ExFreePoolWithTag(second, tag);
  ExFreePoolWithTag(quota, tag);
  EXPECT_EQ(outstanding(), 0);
}

TEST_F(pool, lookaside_lists) {
  NPAGED_LOOKASIDE_LIST list;
  ExInitializeNPagedLookasideList(&list, nullptr, nullptr, 0, 40, tag, 0);
  PVOID const entry = ExAllocateFromNPagedLookasideList(&list);
  EXPECT_EQ(outstanding(), 1);
  ExFreeToNPagedLookasideList(&list, entry);
  EXPECT_EQ(outstanding(), 0);
  ExDeleteNPagedLookasideList(&list);
}

TEST_F(pool, descriptor_lists) {
  char buffer[100];
  PMDL const mdl = IoAllocateMdl(buffer, sizeof buffer, FALSE, FALSE, nullptr);
  EXPECT_EQ(MmGetMdlByteCount(mdl), sizeof buffer);
  EXPECT_EQ(MmGetMdlVirtualAddress(mdl), buffer);
  MmProbeAndLockPages(mdl, UserMode, IoWriteAccess);
  EXPECT_EQ(MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority), buffer);
  EXPECT_NE(mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA, 0);
  MmUnlockPages(mdl);
  EXPECT_VIOLATION(MmUnlockPages(mdl), "WDM-IRP-026", "0x000000C4");
  IoFreeMdl(mdl);
}

// WDM-IRP-012
TEST_F(pool_death, bad_frees) {
  auto* const block = static_cast<char*>(ExAllocatePoolWithTag(NonPagedPool, 64, tag));
  EXPECT_VIOLATION(ExFreePoolWithTag(block + 16, tag), "WDM-IRP-012: .*16 bytes into",
                   "0x000000C2");
  EXPECT_VIOLATION(ExFreePoolWithTag(block, 'rehO'), "WDM-IRP-012: .*'Oher'.*'Test'", "0x000000C2");
  int local = 0;
  EXPECT_VIOLATION(ExFreePool(&local), "WDM-IRP-012: .*not a block",
                   "0x000000C2 \\(0x0000000000000046");
  EXPECT_VIOLATION(
      {
        ExFreePoolWithTag(block, tag);
        ExFreePoolWithTag(block, tag);
      },
      "WDM-IRP-012: .*freed before", "0x000000C2 \\(0x0000000000000007");
  ExFreePoolWithTag(block, tag);
}

// WDM-IRP-009
TEST_F(pool_death, leak) {
  PVOID const block = ExAllocatePoolWithTag(NonPagedPool, 64, tag);
  EXPECT_VIOLATION(belay::kernel::check_unload(nullptr, 0),
                   "WDM-IRP-009: .*1 block .*'Test', 64 bytes", "0x000000C4 \\(0x0000000000000062");
  ExFreePoolWithTag(block, tag);
}

// WDM-IRP-011
TEST_F(pool_death, written_beyond_the_end) {
  auto* const block = static_cast<volatile unsigned char*>(ExAllocatePoolWithTag(NonPagedPool, 20, tag));
  block[19] = 1;
  block[23] = 1;
  EXPECT_VIOLATION(ExFreePoolWithTag(const_cast<unsigned char*>(block), tag),
                   "WDM-IRP-011: .*20 bytes with tag 'Test': byte 23 was written, beyond its end",
                   "0x000000C1 \\(");
  block[23] = 0xfb;
  ExFreePoolWithTag(const_cast<unsigned char*>(block), tag);
}

TEST_F(pool_death, paged_pool_at_dispatch_level) {
  EXPECT_VIOLATION(
      {
        KeRaiseIrqlToDpcLevel();
        ExAllocatePoolWithTag(PagedPool, 8, tag);
      },
      "WDM-IRP-017", "0x000000C4 \\(0x0000000000020004");
}

}  // namespace
