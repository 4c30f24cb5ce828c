// Lookaside lists. Ours keep nothing: each allocation is a pool block, so that the checks of pool
// hold for every entry.
#include "kernel/api.hpp"
#include "kernel/pool.hpp"

#include <wdm.h>

using namespace belay;
using namespace belay::kernel;

namespace {

template <class List>
void initialize(List& list, POOL_TYPE type, std::size_t size, ULONG tag) {
  fill_bytes(&list, 0, sizeof list);
  list.Type = type;
  list.Size = static_cast<ULONG>(size);
  list.Tag = tag;
  list.MaximumDepth = 256;
  list.ListEntry.Flink = list.ListEntry.Blink = &list.ListEntry;
}

template <class List>
List& ready(List& list, const char* what) {
  use(&list, sizeof list);
  BELAY_CONTRACT(list.ListEntry.Flink == &list.ListEntry, "WDM-IRP-026", "IRQL_NOT_LESS_OR_EQUAL",
                 0xA, (0, irql(), 0, 0), &list, "%s on a lookaside list that is not initialised",
                 what);
  return list;
}

template <class List>
void* allocate(List& list, const char* what, const void* site) {
  ready(list, what);
  ++list.TotalAllocates;
  if (list.Allocate != nullptr) return list.Allocate(list.Type, list.Size, list.Tag);
  return allocate_pool(list.Size, list.Tag, false, site);
}

template <class List>
void free_entry(List& list, void* entry, const char* what, const void* site) {
  ready(list, what);
  ++list.TotalFrees;
  if (list.Free != nullptr) return list.Free(entry);
  free_pool_block(entry, list.Tag, what, site);
}

template <class List>
void forget(List& list, const char* what) {
  ready(list, what).ListEntry = {};
}

}  // namespace

#define BELAY_SITE __builtin_return_address(0)

extern "C" {

VOID ExInitializeNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside, PALLOCATE_FUNCTION Allocate,
                                     PFREE_FUNCTION Free, ULONG, SIZE_T Size, ULONG Tag, USHORT) {
  BELAY_EXPORT(ExInitializeNPagedLookasideList, Lookaside);
  format(Lookaside, sizeof *Lookaside);
  initialize(Lookaside->L, NonPagedPool, Size, Tag);
  Lookaside->L.Allocate = Allocate;
  Lookaside->L.Free = Free;
}
VOID ExDeleteNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside) {
  BELAY_EXPORT(ExDeleteNPagedLookasideList, Lookaside);
  forget(Lookaside->L, "ExDeleteNPagedLookasideList");
}
PVOID ExAllocateFromNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside) {
  BELAY_EXPORT(ExAllocateFromNPagedLookasideList, Lookaside);
  return allocate(Lookaside->L, "ExAllocateFromNPagedLookasideList", BELAY_SITE);
}
VOID ExFreeToNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside, PVOID Entry) {
  BELAY_EXPORT(ExFreeToNPagedLookasideList, Lookaside);
  free_entry(Lookaside->L, Entry, "ExFreeToNPagedLookasideList", BELAY_SITE);
}

VOID ExInitializePagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside, PALLOCATE_FUNCTION Allocate,
                                    PFREE_FUNCTION Free, ULONG, SIZE_T Size, ULONG Tag, USHORT) {
  BELAY_EXPORT(ExInitializePagedLookasideList, Lookaside);
  format(Lookaside, sizeof *Lookaside);
  initialize(Lookaside->L, PagedPool, Size, Tag);
  Lookaside->L.Allocate = Allocate;
  Lookaside->L.Free = Free;
}
VOID ExDeletePagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside) {
  BELAY_EXPORT(ExDeletePagedLookasideList, Lookaside);
  forget(Lookaside->L, "ExDeletePagedLookasideList");
}
PVOID ExAllocateFromPagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside) {
  BELAY_EXPORT(ExAllocateFromPagedLookasideList, Lookaside);
  return allocate(Lookaside->L, "ExAllocateFromPagedLookasideList", BELAY_SITE);
}
VOID ExFreeToPagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside, PVOID Entry) {
  BELAY_EXPORT(ExFreeToPagedLookasideList, Lookaside);
  free_entry(Lookaside->L, Entry, "ExFreeToPagedLookasideList", BELAY_SITE);
}

NTSTATUS ExInitializeLookasideListEx(PLOOKASIDE_LIST_EX Lookaside, PALLOCATE_FUNCTION_EX Allocate,
                                     PFREE_FUNCTION_EX Free, POOL_TYPE PoolType, ULONG, SIZE_T Size,
                                     ULONG Tag, USHORT) {
  BELAY_EXPORT(ExInitializeLookasideListEx, Lookaside);
  format(Lookaside, sizeof *Lookaside);
  initialize(Lookaside->L, PoolType, Size, Tag);
  Lookaside->L.AllocateEx = Allocate;
  Lookaside->L.FreeEx = Free;
  return STATUS_SUCCESS;
}
VOID ExDeleteLookasideListEx(PLOOKASIDE_LIST_EX Lookaside) {
  BELAY_EXPORT(ExDeleteLookasideListEx, Lookaside);
  forget(Lookaside->L, "ExDeleteLookasideListEx");
}
VOID ExFlushLookasideListEx(PLOOKASIDE_LIST_EX Lookaside) {
  BELAY_EXPORT(ExFlushLookasideListEx, Lookaside);
  ready(Lookaside->L, "ExFlushLookasideListEx");
}
PVOID ExAllocateFromLookasideListEx(PLOOKASIDE_LIST_EX Lookaside) {
  BELAY_EXPORT(ExAllocateFromLookasideListEx, Lookaside);
  auto& list = ready(Lookaside->L, "ExAllocateFromLookasideListEx");
  ++list.TotalAllocates;
  if (list.AllocateEx != nullptr) return list.AllocateEx(list.Type, list.Size, list.Tag, Lookaside);
  return allocate_pool(list.Size, list.Tag, false, BELAY_SITE);
}
VOID ExFreeToLookasideListEx(PLOOKASIDE_LIST_EX Lookaside, PVOID Entry) {
  BELAY_EXPORT(ExFreeToLookasideListEx, Lookaside);
  auto& list = ready(Lookaside->L, "ExFreeToLookasideListEx");
  ++list.TotalFrees;
  if (list.FreeEx != nullptr) return list.FreeEx(Entry, Lookaside);
  free_pool_block(Entry, list.Tag, "ExFreeToLookasideListEx", BELAY_SITE);
}

}  // extern "C"
