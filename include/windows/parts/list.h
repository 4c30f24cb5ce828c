// Belay's own text. Doubly and singly linked lists: inline, on the guest's memory.
//
// A link whose neighbours do not point back at it stops the guest with RtlFailFast(3), as Windows
// does (bug check 0x139): a list entry removed twice is found here.

#ifndef BELAY_WINDOWS_PARTS_LIST_H_
#define BELAY_WINDOWS_PARTS_LIST_H_

#include "../ntdef.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FAST_FAIL_LEGACY_GS_VIOLATION 0
#define FAST_FAIL_STACK_COOKIE_CHECK_FAILURE 2
#define FAST_FAIL_CORRUPT_LIST_ENTRY 3
#define FAST_FAIL_INCORRECT_STACK 4
#define FAST_FAIL_INVALID_ARG 5
#define FAST_FAIL_FATAL_APP_EXIT 7
#define FAST_FAIL_INVALID_REFERENCE_COUNT 14

NTSYSAPI DECLSPEC_NORETURN VOID NTAPI RtlFailFast(ULONG Code);
#undef __fastfail
#define __fastfail(code) RtlFailFast(code)

static FORCEINLINE VOID InitializeListHead(PLIST_ENTRY ListHead) {
  ListHead->Flink = ListHead;
  ListHead->Blink = ListHead;
}

static FORCEINLINE BOOLEAN IsListEmpty(const LIST_ENTRY* ListHead) {
  return (BOOLEAN)(ListHead->Flink == ListHead);
}

static FORCEINLINE VOID RtlpCheckListEntry(PLIST_ENTRY Entry) {
  if (Entry->Flink->Blink != Entry || Entry->Blink->Flink != Entry) {
    RtlFailFast(FAST_FAIL_CORRUPT_LIST_ENTRY);
  }
}

/// Returns TRUE if the list is empty now.
static FORCEINLINE BOOLEAN RemoveEntryList(PLIST_ENTRY Entry) {
  PLIST_ENTRY next = Entry->Flink;
  PLIST_ENTRY previous = Entry->Blink;
  if (next->Blink != Entry || previous->Flink != Entry) RtlFailFast(FAST_FAIL_CORRUPT_LIST_ENTRY);
  previous->Flink = next;
  next->Blink = previous;
  return (BOOLEAN)(next == previous);
}

/// Returns the first entry, or the head itself if the list was empty.
static FORCEINLINE PLIST_ENTRY RemoveHeadList(PLIST_ENTRY ListHead) {
  PLIST_ENTRY entry = ListHead->Flink;
  PLIST_ENTRY next = entry->Flink;
  if (entry->Blink != ListHead || next->Blink != entry) RtlFailFast(FAST_FAIL_CORRUPT_LIST_ENTRY);
  ListHead->Flink = next;
  next->Blink = ListHead;
  return entry;
}

static FORCEINLINE PLIST_ENTRY RemoveTailList(PLIST_ENTRY ListHead) {
  PLIST_ENTRY entry = ListHead->Blink;
  PLIST_ENTRY previous = entry->Blink;
  if (entry->Flink != ListHead || previous->Flink != entry) {
    RtlFailFast(FAST_FAIL_CORRUPT_LIST_ENTRY);
  }
  ListHead->Blink = previous;
  previous->Flink = ListHead;
  return entry;
}

static FORCEINLINE VOID InsertTailList(PLIST_ENTRY ListHead, PLIST_ENTRY Entry) {
  PLIST_ENTRY last = ListHead->Blink;
  if (last->Flink != ListHead) RtlFailFast(FAST_FAIL_CORRUPT_LIST_ENTRY);
  Entry->Flink = ListHead;
  Entry->Blink = last;
  last->Flink = Entry;
  ListHead->Blink = Entry;
}

static FORCEINLINE VOID InsertHeadList(PLIST_ENTRY ListHead, PLIST_ENTRY Entry) {
  PLIST_ENTRY first = ListHead->Flink;
  if (first->Blink != ListHead) RtlFailFast(FAST_FAIL_CORRUPT_LIST_ENTRY);
  Entry->Flink = first;
  Entry->Blink = ListHead;
  first->Blink = Entry;
  ListHead->Flink = Entry;
}

/// Joins the ring of entries at ListToAppend, which has no head of its own, to the end of ListHead.
static FORCEINLINE VOID AppendTailList(PLIST_ENTRY ListHead, PLIST_ENTRY ListToAppend) {
  PLIST_ENTRY last = ListHead->Blink;
  RtlpCheckListEntry(ListHead);
  RtlpCheckListEntry(ListToAppend);
  ListHead->Blink->Flink = ListToAppend;
  ListHead->Blink = ListToAppend->Blink;
  ListToAppend->Blink->Flink = ListHead;
  ListToAppend->Blink = last;
}

static FORCEINLINE PSINGLE_LIST_ENTRY PopEntryList(PSINGLE_LIST_ENTRY ListHead) {
  PSINGLE_LIST_ENTRY first = ListHead->Next;
  if (first != NULL) ListHead->Next = first->Next;
  return first;
}

static FORCEINLINE VOID PushEntryList(PSINGLE_LIST_ENTRY ListHead, PSINGLE_LIST_ENTRY Entry) {
  Entry->Next = ListHead->Next;
  ListHead->Next = Entry;
}

// Interlocked singly linked lists. The runtime owns the header's contents.
typedef struct DECLSPEC_ALIGN(16) _SLIST_ENTRY {
  struct _SLIST_ENTRY* Next;
} SLIST_ENTRY, *PSLIST_ENTRY;

typedef union DECLSPEC_ALIGN(16) _SLIST_HEADER {
  struct {
    ULONGLONG Alignment;
    ULONGLONG Region;
  };
  struct {
    ULONGLONG Depth : 16;
    ULONGLONG Sequence : 48;
    ULONGLONG Reserved : 4;
    ULONGLONG NextEntry : 60;
  } HeaderX64;
} SLIST_HEADER, *PSLIST_HEADER;

static FORCEINLINE VOID InitializeSListHead(PSLIST_HEADER SListHead) {
  SListHead->Alignment = 0;
  SListHead->Region = 0;
}
#define ExInitializeSListHead InitializeSListHead

NTKERNELAPI PSLIST_ENTRY NTAPI ExpInterlockedPushEntrySList(PSLIST_HEADER ListHead,
                                                            PSLIST_ENTRY ListEntry);
NTKERNELAPI PSLIST_ENTRY NTAPI ExpInterlockedPopEntrySList(PSLIST_HEADER ListHead);
NTKERNELAPI PSLIST_ENTRY NTAPI ExpInterlockedFlushSList(PSLIST_HEADER ListHead);
NTKERNELAPI USHORT NTAPI ExQueryDepthSList(PSLIST_HEADER SListHead);
#define InterlockedPushEntrySList(head, entry) ExpInterlockedPushEntrySList(head, entry)
#define InterlockedPopEntrySList(head) ExpInterlockedPopEntrySList(head)
#define InterlockedFlushSList(head) ExpInterlockedFlushSList(head)
#define QueryDepthSList(head) ExQueryDepthSList(head)
#define ExInterlockedPushEntrySList(head, entry, lock) ExpInterlockedPushEntrySList(head, entry)
#define ExInterlockedPopEntrySList(head, lock) ExpInterlockedPopEntrySList(head)
#define ExInterlockedFlushSList(head) ExpInterlockedFlushSList(head)

// Lists with a lock of their own. The lock serves these functions alone: they may run at any IRQL.
NTKERNELAPI PLIST_ENTRY NTAPI ExInterlockedInsertHeadList(PLIST_ENTRY ListHead,
                                                          PLIST_ENTRY ListEntry, PKSPIN_LOCK Lock);
NTKERNELAPI PLIST_ENTRY NTAPI ExInterlockedInsertTailList(PLIST_ENTRY ListHead,
                                                          PLIST_ENTRY ListEntry, PKSPIN_LOCK Lock);
NTKERNELAPI PLIST_ENTRY NTAPI ExInterlockedRemoveHeadList(PLIST_ENTRY ListHead, PKSPIN_LOCK Lock);
NTKERNELAPI PSINGLE_LIST_ENTRY NTAPI ExInterlockedPopEntryList(PSINGLE_LIST_ENTRY ListHead,
                                                               PKSPIN_LOCK Lock);
NTKERNELAPI PSINGLE_LIST_ENTRY NTAPI ExInterlockedPushEntryList(PSINGLE_LIST_ENTRY ListHead,
                                                                PSINGLE_LIST_ENTRY ListEntry,
                                                                PKSPIN_LOCK Lock);
NTKERNELAPI ULONG NTAPI ExInterlockedAddUlong(PULONG Addend, ULONG Increment, PKSPIN_LOCK Lock);
NTKERNELAPI LARGE_INTEGER NTAPI ExInterlockedAddLargeInteger(PLARGE_INTEGER Addend,
                                                             LARGE_INTEGER Increment,
                                                             PKSPIN_LOCK Lock);
#define ExInterlockedIncrementLong(addend, lock) InterlockedIncrement(addend)
#define ExInterlockedDecrementLong(addend, lock) InterlockedDecrement(addend)
#define ExInterlockedExchangeUlong(target, value, lock) \
  ((ULONG)InterlockedExchange((PLONG)(target), (LONG)(value)))
#define ExInterlockedCompareExchange64(destination, exchange, comparand, lock) \
  InterlockedCompareExchange64(destination, *(exchange), *(comparand))
#define ExInterlockedAddLargeStatistic(addend, increment) \
  ((void)InterlockedExchangeAdd64(&(addend)->QuadPart, (increment)))

#ifdef __cplusplus
}
#endif

#endif
