// Lists that several processors share: with a spin lock of their own, and without.
#include "kernel/api.hpp"

#include <wdm.h>

using namespace belay;
using namespace belay::kernel;

namespace {

const lock_terms list_lock_terms{"WDM-LOCK-001", "list spin lock"};

/// Holds the list's lock; what happens meanwhile is one step.
class list_lock {
 public:
  list_lock(PKSPIN_LOCK lock, const void* site)
      : word_(reinterpret_cast<volatile std::uint64_t*>(lock)),
        site_(site),
        old_irql_(take_spin_lock(word_, HIGH_LEVEL, lock_flavour::plain, nullptr, list_lock_terms,
                                 site)) {}
  ~list_lock() {
    const sync::sealed seal;
    give_spin_lock(word_, old_irql_, lock_flavour::plain, nullptr, list_lock_terms, site_);
  }
  list_lock(const list_lock&) = delete;
  list_lock& operator=(const list_lock&) = delete;

 private:
  volatile std::uint64_t* word_;
  const void* site_;
  KIRQL old_irql_;
};

void touch(const void* at, std::size_t bytes) {
  const sync::sealed seal;
  sync::touch(at, bytes, sync::access_kind::update);
}

/// Contract: WDM-IRP-013
void check_linked(PLIST_ENTRY head, PLIST_ENTRY neighbour) {
  touch(head, sizeof *head);
  touch(neighbour, sizeof *neighbour);
}

/// The S-list's words: depth, and the first entry.
std::uint64_t depth_of(const SLIST_HEADER* head) { return head->Alignment; }

}  // namespace

#define BELAY_SITE __builtin_return_address(0)

extern "C" {

/// Returns the former first entry, or nullptr if the list was empty. Any IRQL; the lock serves
/// these functions alone. Contract: WDM-LOCK-001, WDM-IRP-013
PLIST_ENTRY ExInterlockedInsertHeadList(PLIST_ENTRY ListHead, PLIST_ENTRY ListEntry,
                                        PKSPIN_LOCK Lock) {
  BELAY_EXPORT(ExInterlockedInsertHeadList, ListHead);
  const list_lock hold(Lock, BELAY_SITE);
  PLIST_ENTRY const first = ListHead->Flink;
  check_linked(ListHead, first);
  touch(ListEntry, sizeof *ListEntry);
  if (first->Blink != ListHead) RtlFailFast(FAST_FAIL_CORRUPT_LIST_ENTRY);
  ListEntry->Flink = first;
  ListEntry->Blink = ListHead;
  first->Blink = ListEntry;
  ListHead->Flink = ListEntry;
  return first == ListHead ? nullptr : first;
}
/// Returns the former last entry, or nullptr if the list was empty.
PLIST_ENTRY ExInterlockedInsertTailList(PLIST_ENTRY ListHead, PLIST_ENTRY ListEntry,
                                        PKSPIN_LOCK Lock) {
  BELAY_EXPORT(ExInterlockedInsertTailList, ListHead);
  const list_lock hold(Lock, BELAY_SITE);
  PLIST_ENTRY const last = ListHead->Blink;
  check_linked(ListHead, last);
  touch(ListEntry, sizeof *ListEntry);
  if (last->Flink != ListHead) RtlFailFast(FAST_FAIL_CORRUPT_LIST_ENTRY);
  ListEntry->Flink = ListHead;
  ListEntry->Blink = last;
  last->Flink = ListEntry;
  ListHead->Blink = ListEntry;
  return last == ListHead ? nullptr : last;
}
/// Returns the entry removed, or nullptr if the list was empty.
PLIST_ENTRY ExInterlockedRemoveHeadList(PLIST_ENTRY ListHead, PKSPIN_LOCK Lock) {
  BELAY_EXPORT(ExInterlockedRemoveHeadList, ListHead);
  const list_lock hold(Lock, BELAY_SITE);
  PLIST_ENTRY const first = ListHead->Flink;
  check_linked(ListHead, first);
  if (first == ListHead) return nullptr;
  PLIST_ENTRY const next = first->Flink;
  if (first->Blink != ListHead || next->Blink != first) RtlFailFast(FAST_FAIL_CORRUPT_LIST_ENTRY);
  ListHead->Flink = next;
  next->Blink = ListHead;
  return first;
}
PSINGLE_LIST_ENTRY ExInterlockedPushEntryList(PSINGLE_LIST_ENTRY ListHead,
                                              PSINGLE_LIST_ENTRY ListEntry, PKSPIN_LOCK Lock) {
  BELAY_EXPORT(ExInterlockedPushEntryList, ListHead);
  const list_lock hold(Lock, BELAY_SITE);
  touch(ListHead, sizeof *ListHead);
  touch(ListEntry, sizeof *ListEntry);
  PSINGLE_LIST_ENTRY const first = ListHead->Next;
  ListEntry->Next = first;
  ListHead->Next = ListEntry;
  return first;
}
PSINGLE_LIST_ENTRY ExInterlockedPopEntryList(PSINGLE_LIST_ENTRY ListHead, PKSPIN_LOCK Lock) {
  BELAY_EXPORT(ExInterlockedPopEntryList, ListHead);
  const list_lock hold(Lock, BELAY_SITE);
  touch(ListHead, sizeof *ListHead);
  PSINGLE_LIST_ENTRY const first = ListHead->Next;
  if (first == nullptr) return nullptr;
  touch(first, sizeof *first);
  ListHead->Next = first->Next;
  return first;
}
/// Returns the value before.
ULONG ExInterlockedAddUlong(PULONG Addend, ULONG Increment, PKSPIN_LOCK Lock) {
  BELAY_EXPORT(ExInterlockedAddUlong, Addend);
  const list_lock hold(Lock, BELAY_SITE);
  touch(Addend, sizeof *Addend);
  const ULONG before = *Addend;
  *Addend = before + Increment;
  return before;
}
/// Returns the value before.
LARGE_INTEGER ExInterlockedAddLargeInteger(PLARGE_INTEGER Addend, LARGE_INTEGER Increment,
                                           PKSPIN_LOCK Lock) {
  BELAY_EXPORT(ExInterlockedAddLargeInteger, Addend);
  const list_lock hold(Lock, BELAY_SITE);
  touch(Addend, sizeof *Addend);
  const LARGE_INTEGER before = *Addend;
  Addend->QuadPart += Increment.QuadPart;
  return before;
}

// ---- sequenced lists: no lock of the driver's
// ----------------------------------------------------

/// Returns the former first entry.
PSLIST_ENTRY ExpInterlockedPushEntrySList(PSLIST_HEADER ListHead, PSLIST_ENTRY ListEntry) {
  BELAY_EXPORT(ExpInterlockedPushEntrySList, ListHead);
  use(ListHead, sizeof *ListHead);
  touch(ListEntry, sizeof *ListEntry);
  const guard hold(the_executive().lock);
  auto* const first = reinterpret_cast<PSLIST_ENTRY>(ListHead->Region);
  ListEntry->Next = first;
  ListHead->Region = reinterpret_cast<ULONGLONG>(ListEntry);
  ++ListHead->Alignment;
  return first;
}
PSLIST_ENTRY ExpInterlockedPopEntrySList(PSLIST_HEADER ListHead) {
  BELAY_EXPORT(ExpInterlockedPopEntrySList, ListHead);
  use(ListHead, sizeof *ListHead);
  if (auto* const entry = reinterpret_cast<PSLIST_ENTRY>(ListHead->Region))
    touch(entry, sizeof(void*));
  const guard hold(the_executive().lock);
  auto* const first = reinterpret_cast<PSLIST_ENTRY>(ListHead->Region);
  if (first == nullptr) return nullptr;
  ListHead->Region = reinterpret_cast<ULONGLONG>(first->Next);
  --ListHead->Alignment;
  return first;
}
/// Takes all entries. Returns the first.
PSLIST_ENTRY ExpInterlockedFlushSList(PSLIST_HEADER ListHead) {
  BELAY_EXPORT(ExpInterlockedFlushSList, ListHead);
  use(ListHead, sizeof *ListHead);
  const guard hold(the_executive().lock);
  auto* const first = reinterpret_cast<PSLIST_ENTRY>(ListHead->Region);
  ListHead->Region = 0;
  ListHead->Alignment = 0;
  return first;
}
USHORT ExQueryDepthSList(PSLIST_HEADER SListHead) {
  BELAY_EXPORT(ExQueryDepthSList, SListHead);
  use(SListHead, sizeof *SListHead, sync::access_kind::read);
  return static_cast<USHORT>(depth_of(SListHead));
}

}  // extern "C"
