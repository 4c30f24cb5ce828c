// Memory descriptor lists. All memory is resident and mapped where it is, so locking and mapping
// only leave their marks; that they pair up is checked.
#include "kernel/api.hpp"
#include "kernel/exception.hpp"
#include "kernel/pool.hpp"

#include <ntifs.h>

using namespace belay;
using namespace belay::kernel;

namespace {

constexpr ULONG mdl_tag = 0x206c644d;  // 'Mdl '
#define BELAY_SITE __builtin_return_address(0)

PVOID start_of(const MDL* mdl) { return static_cast<char*>(mdl->StartVa) + mdl->ByteOffset; }

void use_mdl(PMDL mdl) { use(mdl, sizeof *mdl); }

}  // namespace

extern "C" {

/// Makes an MDL for a buffer; with an IRP it becomes the IRP's, or the last of its chain
/// (SecondaryBuffer). Free it by IoFreeMdl.
PMDL IoAllocateMdl(PVOID VirtualAddress, ULONG Length, BOOLEAN SecondaryBuffer, BOOLEAN, PIRP Irp) {
  BELAY_EXPORT(IoAllocateMdl, VirtualAddress);
  const std::size_t pages = ADDRESS_AND_SIZE_TO_SPAN_PAGES(VirtualAddress, Length);
  auto* const mdl = static_cast<PMDL>(
      allocate_pool(sizeof(MDL) + pages * sizeof(PFN_NUMBER), mdl_tag, true, BELAY_SITE));
  if (mdl == nullptr) return nullptr;
  MmInitializeMdl(mdl, VirtualAddress, Length);
  if (Irp == nullptr) return mdl;
  use(&Irp->MdlAddress, sizeof Irp->MdlAddress);
  if (!SecondaryBuffer) {
    Irp->MdlAddress = mdl;
    return mdl;
  }
  PMDL* last = &Irp->MdlAddress;
  while (*last != nullptr) last = &(*last)->Next;
  *last = mdl;
  return mdl;
}
/// Contract: WDM-IRP-012
VOID IoFreeMdl(PMDL Mdl) {
  BELAY_EXPORT(IoFreeMdl, Mdl);
  free_pool_block(Mdl, mdl_tag, "IoFreeMdl", BELAY_SITE);
}
/// Describes a part of what another MDL describes; `Length` 0: all from `VirtualAddress` on.
/// Contract: WDM-IRP-026: the part lies within the whole, and fits into the target.
VOID IoBuildPartialMdl(PMDL SourceMdl, PMDL TargetMdl, PVOID VirtualAddress, ULONG Length) {
  BELAY_EXPORT(IoBuildPartialMdl, SourceMdl);
  use_mdl(SourceMdl);
  use_mdl(TargetMdl);
  const auto offset = static_cast<ULONG>(static_cast<char*>(VirtualAddress) -
                                         static_cast<char*>(start_of(SourceMdl)));
  const std::uint64_t part = Length != 0 ? Length : SourceMdl->ByteCount - offset;
  BELAY_CONTRACT(
      offset <= SourceMdl->ByteCount && part <= SourceMdl->ByteCount - offset &&
          static_cast<std::size_t>(TargetMdl->Size) >=
              sizeof(MDL) +
                  sizeof(PFN_NUMBER) * ADDRESS_AND_SIZE_TO_SPAN_PAGES(VirtualAddress, part),
      "WDM-IRP-026", "TARGET_MDL_TOO_SMALL", 0x40, (0, 0, 0, 0), TargetMdl,
      "IoBuildPartialMdl: %llu bytes at offset %u of a buffer of %u do not lie in it, or "
      "need a larger target MDL",
      static_cast<unsigned long long>(part), offset, SourceMdl->ByteCount);
  TargetMdl->StartVa = PAGE_ALIGN(VirtualAddress);
  TargetMdl->ByteOffset = BYTE_OFFSET(VirtualAddress);
  TargetMdl->ByteCount = static_cast<ULONG>(part);
  TargetMdl->MdlFlags = static_cast<CSHORT>(
      MDL_PARTIAL | (SourceMdl->MdlFlags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL |
                                            MDL_PAGES_LOCKED | MDL_IO_PAGE_READ)));
  if (SourceMdl->MdlFlags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL)) {
    TargetMdl->MappedSystemVa = static_cast<char*>(SourceMdl->MappedSystemVa) + offset;
    TargetMdl->MdlFlags = static_cast<CSHORT>(TargetMdl->MdlFlags | MDL_PARENT_MAPPED_SYSTEM_VA);
  }
}

VOID MmBuildMdlForNonPagedPool(PMDL MemoryDescriptorList) {
  BELAY_EXPORT(MmBuildMdlForNonPagedPool, MemoryDescriptorList);
  use_mdl(MemoryDescriptorList);
  MemoryDescriptorList->MappedSystemVa = start_of(MemoryDescriptorList);
  MemoryDescriptorList->MdlFlags =
      static_cast<CSHORT>(MemoryDescriptorList->MdlFlags | MDL_SOURCE_IS_NONPAGED_POOL);
}

/// Makes sure that a buffer is there and, for IoWriteAccess and IoModifyAccess, can be written.
///
/// Raises:   STATUS_ACCESS_VIOLATION; for UserMode also when the range is not a user's.
/// Contract: WDM-IRP-026: an MDL is locked once. WDM-EX-002
VOID MmProbeAndLockPages(PMDL MemoryDescriptorList, KPROCESSOR_MODE AccessMode,
                         LOCK_OPERATION Operation) {
  BELAY_EXPORT(MmProbeAndLockPages, MemoryDescriptorList);
  use_mdl(MemoryDescriptorList);
  constexpr int never =
      MDL_PAGES_LOCKED | MDL_SOURCE_IS_NONPAGED_POOL | MDL_PARTIAL | MDL_MAPPED_TO_SYSTEM_VA;
  BELAY_CONTRACT((MemoryDescriptorList->MdlFlags & never) == 0, "WDM-IRP-026",
                 "DRIVER_VERIFIER_DETECTED_VIOLATION", 0xC4,
                 (0xB0, reinterpret_cast<std::uint64_t>(MemoryDescriptorList),
                  static_cast<std::uint64_t>(MemoryDescriptorList->MdlFlags), never),
                 MemoryDescriptorList,
                 "MmProbeAndLockPages on an MDL that is locked or mapped already, or that "
                 "describes pool or a part of another MDL (MdlFlags 0x%X)",
                 static_cast<unsigned>(MemoryDescriptorList->MdlFlags));
  const bool write = Operation != IoReadAccess;
  char* const at = static_cast<char*>(start_of(MemoryDescriptorList));
  const std::size_t bytes = MemoryDescriptorList->ByteCount;
  if ((AccessMode != KernelMode && !is_users(at, bytes)) ||
      !sync::is_accessible(at, bytes, write)) {
    raise_exception(status_access_violation, BELAY_SITE);
  }
  MemoryDescriptorList->MdlFlags = static_cast<CSHORT>(
      MemoryDescriptorList->MdlFlags | MDL_PAGES_LOCKED | (write ? MDL_WRITE_OPERATION : 0));
}
/// Contract: WDM-IRP-026: only what is locked is unlocked.
VOID MmUnlockPages(PMDL MemoryDescriptorList) {
  BELAY_EXPORT(MmUnlockPages, MemoryDescriptorList);
  use_mdl(MemoryDescriptorList);
  BELAY_CONTRACT((MemoryDescriptorList->MdlFlags & MDL_PAGES_LOCKED) != 0, "WDM-IRP-026",
                 "DRIVER_VERIFIER_DETECTED_VIOLATION", 0xC4,
                 (0x7C, reinterpret_cast<std::uint64_t>(MemoryDescriptorList),
                  static_cast<std::uint64_t>(MemoryDescriptorList->MdlFlags), 0),
                 MemoryDescriptorList, "MmUnlockPages on an MDL whose pages are not locked");
  BELAY_CONTRACT((MemoryDescriptorList->MdlFlags & MDL_PARTIAL) == 0, "WDM-IRP-026",
                 "DRIVER_VERIFIER_DETECTED_VIOLATION", 0xC4,
                 (0xB4, reinterpret_cast<std::uint64_t>(MemoryDescriptorList),
                  static_cast<std::uint64_t>(MemoryDescriptorList->MdlFlags), MDL_PARTIAL),
                 MemoryDescriptorList,
                 "MmUnlockPages on a partial MDL: the pages are its source's");
  MemoryDescriptorList->MdlFlags =
      static_cast<CSHORT>(MemoryDescriptorList->MdlFlags &
                          ~(MDL_PAGES_LOCKED | MDL_WRITE_OPERATION | MDL_MAPPED_TO_SYSTEM_VA));
}

/// Returns where the buffer is mapped: where it is.
///
/// Contract: WDM-IRP-026: its pages are locked, or those of the MDL of which it is a part.
PVOID MmMapLockedPagesSpecifyCache(PMDL MemoryDescriptorList, KPROCESSOR_MODE AccessMode,
                                   MEMORY_CACHING_TYPE, PVOID, ULONG, ULONG) {
  BELAY_EXPORT(MmMapLockedPagesSpecifyCache, MemoryDescriptorList);
  use_mdl(MemoryDescriptorList);
  constexpr int locked =
      MDL_PAGES_LOCKED | MDL_PARTIAL | MDL_SOURCE_IS_NONPAGED_POOL | MDL_IO_SPACE;
  BELAY_CONTRACT((MemoryDescriptorList->MdlFlags & locked) != 0, "WDM-IRP-026",
                 "DRIVER_VERIFIER_DETECTED_VIOLATION", 0xC4,
                 (0xB3, reinterpret_cast<std::uint64_t>(MemoryDescriptorList),
                  static_cast<std::uint64_t>(MemoryDescriptorList->MdlFlags), locked),
                 MemoryDescriptorList, "an MDL is mapped whose pages are not locked");
  PVOID const at = start_of(MemoryDescriptorList);
  if (AccessMode == KernelMode) {
    MemoryDescriptorList->MappedSystemVa = at;
    const int marks = (MemoryDescriptorList->MdlFlags & MDL_PARTIAL) != 0
                          ? MDL_MAPPED_TO_SYSTEM_VA | MDL_PARTIAL_HAS_BEEN_MAPPED
                          : MDL_MAPPED_TO_SYSTEM_VA;
    MemoryDescriptorList->MdlFlags = static_cast<CSHORT>(MemoryDescriptorList->MdlFlags | marks);
  }
  return at;
}
PVOID MmMapLockedPages(PMDL MemoryDescriptorList, KPROCESSOR_MODE AccessMode) {
  return MmMapLockedPagesSpecifyCache(MemoryDescriptorList, AccessMode, MmCached, nullptr, TRUE,
                                      NormalPagePriority);
}
VOID MmUnmapLockedPages(PVOID, PMDL MemoryDescriptorList) {
  BELAY_EXPORT(MmUnmapLockedPages, MemoryDescriptorList);
  use_mdl(MemoryDescriptorList);
  MemoryDescriptorList->MdlFlags = static_cast<CSHORT>(
      MemoryDescriptorList->MdlFlags & ~(MDL_MAPPED_TO_SYSTEM_VA | MDL_PARTIAL_HAS_BEEN_MAPPED));
}
SIZE_T MmSizeOfMdl(PVOID Base, SIZE_T Length) {
  return sizeof(MDL) + sizeof(PFN_NUMBER) * ADDRESS_AND_SIZE_TO_SPAN_PAGES(Base, Length);
}

PMDL MmAllocatePagesForMdl(PHYSICAL_ADDRESS, PHYSICAL_ADDRESS, PHYSICAL_ADDRESS, SIZE_T) {
  BELAY_EXPORT(MmAllocatePagesForMdl, nullptr);
  return nullptr;
}
VOID MmFreePagesFromMdl(PMDL MemoryDescriptorList) {
  BELAY_EXPORT(MmFreePagesFromMdl, MemoryDescriptorList);
}

// ---- memory of other kinds
// -----------------------------------------------------------------------

PVOID MmAllocateContiguousMemory(SIZE_T NumberOfBytes, PHYSICAL_ADDRESS) {
  BELAY_EXPORT(MmAllocateContiguousMemory, nullptr);
  return allocate_pool(NumberOfBytes, mdl_tag, false, BELAY_SITE);
}
VOID MmFreeContiguousMemory(PVOID BaseAddress) {
  BELAY_EXPORT(MmFreeContiguousMemory, BaseAddress);
  free_pool_block(BaseAddress, mdl_tag, "MmFreeContiguousMemory", BELAY_SITE);
}
PVOID MmAllocateNonCachedMemory(SIZE_T NumberOfBytes) {
  BELAY_EXPORT(MmAllocateNonCachedMemory, nullptr);
  return allocate_pool(NumberOfBytes, mdl_tag, false, BELAY_SITE);
}
VOID MmFreeNonCachedMemory(PVOID BaseAddress, SIZE_T) {
  BELAY_EXPORT(MmFreeNonCachedMemory, BaseAddress);
  free_pool_block(BaseAddress, mdl_tag, "MmFreeNonCachedMemory", BELAY_SITE);
}
/// There is no hardware: nothing can be mapped.
PVOID MmMapIoSpace(PHYSICAL_ADDRESS, SIZE_T, MEMORY_CACHING_TYPE) {
  BELAY_EXPORT(MmMapIoSpace, nullptr);
  return nullptr;
}
VOID MmUnmapIoSpace(PVOID BaseAddress, SIZE_T) { BELAY_EXPORT(MmUnmapIoSpace, BaseAddress); }
PHYSICAL_ADDRESS MmGetPhysicalAddress(PVOID BaseAddress) {
  BELAY_EXPORT(MmGetPhysicalAddress, BaseAddress);
  PHYSICAL_ADDRESS same;
  same.QuadPart = reinterpret_cast<LONGLONG>(BaseAddress);
  return same;
}
/// Whether a read would not fault at this moment.
BOOLEAN MmIsAddressValid(PVOID VirtualAddress) {
  BELAY_EXPORT(MmIsAddressValid, VirtualAddress);
  return sync::is_accessible(VirtualAddress, 1, false);
}
// Nothing is ever paged out.
PVOID MmLockPagableDataSection(PVOID AddressWithinSection) {
  BELAY_EXPORT(MmLockPagableDataSection, AddressWithinSection);
  return AddressWithinSection;
}
VOID MmUnlockPagableImageSection(PVOID ImageSectionHandle) {
  BELAY_EXPORT(MmUnlockPagableImageSection, ImageSectionHandle);
}
PVOID MmPageEntireDriver(PVOID AddressWithinSection) {
  BELAY_EXPORT(MmPageEntireDriver, AddressWithinSection);
  return AddressWithinSection;
}
VOID MmResetDriverPaging(PVOID AddressWithinSection) {
  BELAY_EXPORT(MmResetDriverPaging, AddressWithinSection);
}
MM_SYSTEMSIZE MmQuerySystemSize(VOID) { return MmLargeSystem; }

/// Returns the export of that name, or nullptr.
PVOID MmGetSystemRoutineAddress(PUNICODE_STRING SystemRoutineName) {
  BELAY_EXPORT(MmGetSystemRoutineAddress, nullptr);
  auto* const find = the_executive().call.find_export;
  const std::size_t length = SystemRoutineName->Length / sizeof(WCHAR);
  char name[128];
  if (find == nullptr || length >= sizeof name) return nullptr;
  for (std::size_t i = 0; i < length; ++i) {
    const WCHAR c = SystemRoutineName->Buffer[i];
    name[i] = c < 0x80 ? static_cast<char>(c) : '?';
  }
  name[length] = '\0';
  return find(name);
}

}  // extern "C"
