// Pool: what drivers allocate.
//
// Thread safety: the table of blocks changes under the executive's lock.
// Invariants: what a block is, is written down beside it, not in front of it: a driver that writes
// out of bounds spoils nothing of ours. The last few hundred freed blocks stay in the table, so
// that a second free can be told from a wild one. Native with the verifier, a fence follows each
// block, and is looked at when the block is freed; explored, the arena sees each access.
#include "kernel/pool.hpp"

#include <cstdio>

#include "kernel/api.hpp"
#include "kernel/parts.hpp"
#include "kernel/verifier.hpp"

#include <wdm.h>

namespace belay::inline BELAY_BUILD::kernel {

struct pool_header {
  pool_header* next = nullptr;
  pool_header* previous = nullptr;
  pool_header* next_freed = nullptr;
  void* address = nullptr;
  std::size_t size = 0;
  std::uint32_t tag = 0;
  bool freed = false;
  bool fenced = false;               // fence_bytes follow the block
  const void* site = nullptr;        // who allocated it
  const void* freed_site = nullptr;  // who freed it
};

namespace {

constexpr int fill_pattern = 0xcd;
constexpr std::size_t most_freed = 512;
constexpr std::size_t fence_bytes = 16;
constexpr int fence_pattern = 0xfb;
#if defined(BELAY_EXPLORED)
constexpr bool fences = false;
#else
constexpr bool fences = true;
#endif

pool_header*& bucket_of(const void* address) {
  const auto number = reinterpret_cast<std::uintptr_t>(address) >> 4;
  return the_executive().pool[(number ^ number >> 8) % executive::pool_buckets];
}

pool_header* find_locked(const void* address) {
  pool_header* each = bucket_of(address);
  while (each != nullptr && each->address != address) each = each->next;
  return each;
}

/// The live block that `address` points into, if any.
const pool_header* around_locked(const void* address) {
  for (const pool_header* bucket : the_executive().pool) {
    for (const pool_header* each = bucket; each != nullptr; each = each->next) {
      if (!each->freed && within(each->address, each->size, address)) return each;
    }
  }
  return nullptr;
}

void forget_oldest_locked(executive& root) {
  pool_header* const oldest = root.first_freed;
  root.first_freed = oldest->next_freed;
  if (root.first_freed == nullptr) root.last_freed = nullptr;
  --root.freed;
  unlink(bucket_of(oldest->address), oldest);
  discard(oldest);
}

void remember_freed_locked(executive& root, pool_header* header) {
  header->next_freed = nullptr;
  (root.last_freed != nullptr ? root.last_freed->next_freed : root.first_freed) = header;
  root.last_freed = header;
  if (++root.freed > most_freed) forget_oldest_locked(root);
}

/// A tag as it is written in source: its first character is the lowest byte.
const char* tag_text(std::uint32_t tag, char (&out)[5]) {
  for (int i = 0; i < 4; ++i) {
    const char c = static_cast<char>(tag >> (8 * i));
    out[i] = c >= ' ' && c <= '~' ? c : '.';
  }
  out[4] = '\0';
  return out;
}

[[noreturn]] void bad_free(std::uint64_t kind, const void* block, std::uint32_t tag,
                           const pool_header* known, const void* site, const char* text) {
  violation what;
  what.clause = "WDM-IRP-012";
  what.rule = "BAD_POOL_CALLER";
  what.bug_check = 0xC2;
  what.parameter[0] = kind;
  what.parameter[1] = known != nullptr ? known->tag : 0;
  what.parameter[2] = tag;
  what.parameter[3] = reinterpret_cast<std::uint64_t>(block);
  what.object = block;
  what.site = site;
  std::snprintf(what.text, sizeof what.text, "%s", text);
  report(what);
}

/// Contract: WDM-IRP-011
void check_fence(const pool_header& block, const char* what, const void* site) {
  if (!block.fenced) return;
  const auto* const fence = static_cast<const unsigned char*>(block.address) + block.size;
  std::size_t whole = 0;
  while (whole < fence_bytes && fence[whole] == fence_pattern) ++whole;
  if (whole == fence_bytes) return;
  char tag[5];
  violation found;
  found.clause = "WDM-IRP-011";
  found.rule = "SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION";
  found.bug_check = 0xC1;
  found.parameter[0] = reinterpret_cast<std::uint64_t>(block.address);
  found.parameter[1] = reinterpret_cast<std::uint64_t>(fence + whole);
  found.parameter[3] = 0x24;
  found.object = block.address;
  found.site = site;
  std::snprintf(found.text, sizeof found.text,
                "%s(%p) of %zu bytes with tag '%s': byte %zu was written, beyond its end", what,
                block.address, block.size, tag_text(block.tag, tag), block.size + whole);
  report(found);
}

}  // namespace

void* allocate_pool(std::size_t bytes, std::uint32_t tag, bool zeroed, const void* site) {
  if (bytes == 0) bytes = 1;
  const bool fenced = fences && verifier() && bytes < SIZE_MAX - fence_bytes;
  void* const block = sync::allocate(bytes + (fenced ? fence_bytes : 0), sync::memory_use::guest);
  if (block == nullptr) return nullptr;
  pool_header* const header = try_make<pool_header>();
  if (header == nullptr) {
    sync::deallocate(block);
    return nullptr;
  }
  if (!zeroed) fill_bytes(block, fill_pattern, bytes);
  if (fenced) fill_bytes(static_cast<char*>(block) + bytes, fence_pattern, fence_bytes);
  header->fenced = fenced;
  header->address = block;
  header->size = bytes;
  header->tag = tag;
  header->site = site;
  executive& root = the_executive();
  const guard hold(root.lock);
  push_front(bucket_of(block), header);
  ++root.allocations;
  return block;
}

void free_pool_block(void* block, std::uint32_t tag, const char* what, const void* site) {
  executive& root = the_executive();
  char text[200];
  char tags[2][5];
  pool_header* header = nullptr;
  {
    const guard hold(root.lock);
    header = find_locked(block);
  }
  if (header == nullptr) {
    const guard hold(root.lock);
    const pool_header* const around = around_locked(block);
    if (around != nullptr) {
      std::snprintf(text, sizeof text, "%s(%p): not the start of a block but %zu bytes into one",
                    what, block,
                    static_cast<std::size_t>(static_cast<char*>(block) -
                                             static_cast<char*>(around->address)));
    } else {
      std::snprintf(text, sizeof text, "%s(%p): not a block from pool", what, block);
    }
  } else if (header->freed) {
    std::snprintf(text, sizeof text, "%s(%p): this block has been freed before", what, block);
  } else {
    // Its last users and its end must be seen in either order.
    sync::point(sync::access_kind::write, block, header->size);
    text[0] = '\0';
    const guard hold(root.lock);
    header = find_locked(block);
    if (header == nullptr || header->freed) {
      std::snprintf(text, sizeof text, "%s(%p): this block has been freed before", what, block);
    }
  }
  if (header == nullptr) bad_free(0x46, block, tag, nullptr, site, text);
  if (header->freed) bad_free(0x7, block, tag, header, site, text);
  constexpr std::uint32_t no_tag = BELAY_NO_TAG_;
  if (tag != 0 && header->tag != tag && header->tag != no_tag) {
    std::snprintf(text, sizeof text, "%s(%p) with tag '%s'; it was allocated with '%s'", what,
                  block, tag_text(tag, tags[0]), tag_text(header->tag, tags[1]));
    bad_free(0xA, block, tag, header, site, text);
  }
  check_fence(*header, what, site);
  check_freed(block, header->size);
  sync::deallocate(block);
  const guard hold(root.lock);
  header->freed = true;
  header->freed_site = site;
  remember_freed_locked(root, header);
}

void pool_outstanding(bool (*visit)(void* context, const pool_block&), void* context) {
  for (const pool_header* bucket : the_executive().pool) {
    for (const pool_header* each = bucket; each != nullptr; each = each->next) {
      if (each->freed) continue;
      if (!visit(context, {each->address, each->size, each->tag, each->site})) return;
    }
  }
}

namespace {

struct leak_search {
  const void* code;
  std::size_t bytes;
  pool_block found;
  std::size_t blocks;
  std::size_t total;
};

bool note_leak(void* context, const pool_block& block) {
  auto& search = *static_cast<leak_search*>(context);
  if (search.bytes != 0 && !within(search.code, search.bytes, block.site)) return true;
  if (search.blocks++ == 0 || block.address < search.found.address) search.found = block;
  search.total += block.size;
  return true;
}

}  // namespace

void check_pool(const void* code, std::size_t bytes) {
  leak_search search{code, bytes, {}, 0, 0};
  pool_outstanding(&note_leak, &search);
  if (search.blocks == 0) return;
  char tag[5];
  violation what;
  what.clause = "WDM-IRP-009";
  what.rule = "DRIVER_VERIFIER_DETECTED_VIOLATION";
  what.bug_check = 0xC4;
  what.parameter[0] = 0x62;
  what.parameter[3] = search.blocks;
  what.object = search.found.address;
  what.site = search.found.site;
  std::snprintf(
      what.text, sizeof what.text,
      "the driver is unloaded with %zu block%s of pool (%zu bytes) not freed; the first has "
      "tag '%s', %zu bytes, and was allocated here",
      search.blocks, search.blocks == 1 ? "" : "s", search.total, tag_text(search.found.tag, tag),
      search.found.size);
  report(what);
}

void free_pool() {
  for (pool_header*& bucket : the_executive().pool) {
    while (pool_header* const each = bucket) {
      unlink(bucket, each);
      if (!each->freed) sync::deallocate(each->address);
      discard(each);
    }
  }
}

}  // namespace belay::inline BELAY_BUILD::kernel

using namespace belay;
using namespace belay::kernel;

namespace {

/// A pool that may be paged is allocated at IRQL <= APC_LEVEL. Contract: WDM-IRP-017
void check_paged(bool paged, const char* what, const void* site) {
  if (!paged || irql() <= apc_level) return;
  violation found;
  found.clause = "WDM-IRP-017";
  found.rule = "IrqlExAllocatePool";
  found.bug_check = 0xC4;
  found.parameter[0] = 0x20004;
  found.parameter[1] = irql();
  found.site = site;
  std::snprintf(found.text, sizeof found.text,
                "%s from paged pool at %s; it needs IRQL <= APC_LEVEL", what, irql_name(irql()));
  report(found);
}

[[noreturn]] void raise_no_memory(std::size_t bytes) {
  fail("WDM-IRP-025", "STATUS_INSUFFICIENT_RESOURCES", 0x7E, {0xC000009A, 0, 0, 0}, nullptr,
       "an allocation of %zu bytes that raises when it fails has failed", bytes);
}

void* allocate_by_type(std::uint32_t type, std::size_t bytes, std::uint32_t tag, bool raises,
                       const char* what, const void* site) {
  check_paged((type & 1) != 0, what, site);
  void* const block = allocate_pool(bytes, tag, (type & POOL_ZERO_ALLOCATION) != 0, site);
  if (block == nullptr && raises) raise_no_memory(bytes);
  return block;
}

void* allocate_by_flags(POOL_FLAGS flags, std::size_t bytes, std::uint32_t tag, const char* what,
                        const void* site) {
  check_paged((flags & POOL_FLAG_PAGED) != 0, what, site);
  constexpr POOL_FLAGS kinds = POOL_FLAG_NON_PAGED | POOL_FLAG_NON_PAGED_EXECUTE | POOL_FLAG_PAGED;
  void* const block = (flags & kinds) == 0 || tag == 0
                          ? nullptr
                          : allocate_pool(bytes, tag, (flags & POOL_FLAG_UNINITIALIZED) == 0, site);
  if (block == nullptr && (flags & POOL_FLAG_RAISE_ON_FAILURE) != 0) raise_no_memory(bytes);
  return block;
}

}  // namespace

#undef ExAllocatePool
#undef ExAllocatePoolWithQuota
#undef ExFreePool

extern "C" {

/// Allocates; the memory is not zeroed. Contract: WDM-IRP-017, WDM-IRP-009
PVOID ExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag) {
  BELAY_EXPORT(ExAllocatePoolWithTag, nullptr);
  return allocate_by_type(PoolType, NumberOfBytes, Tag,
                          (PoolType & POOL_RAISE_IF_ALLOCATION_FAILURE) != 0,
                          "ExAllocatePoolWithTag", __builtin_return_address(0));
}
PVOID ExAllocatePool(POOL_TYPE PoolType, SIZE_T NumberOfBytes) {
  BELAY_EXPORT(ExAllocatePool, nullptr);
  return allocate_by_type(PoolType, NumberOfBytes, BELAY_NO_TAG_, false, "ExAllocatePool",
                          __builtin_return_address(0));
}
/// Raises when it fails, unless told POOL_QUOTA_FAIL_INSTEAD_OF_RAISE.
PVOID ExAllocatePoolWithQuotaTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag) {
  BELAY_EXPORT(ExAllocatePoolWithQuotaTag, nullptr);
  return allocate_by_type(PoolType, NumberOfBytes, Tag,
                          (PoolType & POOL_QUOTA_FAIL_INSTEAD_OF_RAISE) == 0,
                          "ExAllocatePoolWithQuotaTag", __builtin_return_address(0));
}
PVOID ExAllocatePoolWithQuota(POOL_TYPE PoolType, SIZE_T NumberOfBytes) {
  BELAY_EXPORT(ExAllocatePoolWithQuota, nullptr);
  return allocate_by_type(PoolType, NumberOfBytes, BELAY_NO_TAG_,
                          (PoolType & POOL_QUOTA_FAIL_INSTEAD_OF_RAISE) == 0,
                          "ExAllocatePoolWithQuota", __builtin_return_address(0));
}
PVOID ExAllocatePoolWithTagPriority(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag,
                                    EX_POOL_PRIORITY) {
  BELAY_EXPORT(ExAllocatePoolWithTagPriority, nullptr);
  return allocate_by_type(PoolType, NumberOfBytes, Tag, false, "ExAllocatePoolWithTagPriority",
                          __builtin_return_address(0));
}
/// Allocates zeroed memory unless told POOL_FLAG_UNINITIALIZED. Returns nullptr for bad flags too.
PVOID ExAllocatePool2(POOL_FLAGS Flags, SIZE_T NumberOfBytes, ULONG Tag) {
  BELAY_EXPORT(ExAllocatePool2, nullptr);
  return allocate_by_flags(Flags, NumberOfBytes, Tag, "ExAllocatePool2",
                           __builtin_return_address(0));
}
PVOID ExAllocatePool3(POOL_FLAGS Flags, SIZE_T NumberOfBytes, ULONG Tag, PCPOOL_EXTENDED_PARAMETER,
                      ULONG) {
  BELAY_EXPORT(ExAllocatePool3, nullptr);
  return allocate_by_flags(Flags, NumberOfBytes, Tag, "ExAllocatePool3",
                           __builtin_return_address(0));
}

/// Frees a block. Contract: WDM-IRP-012, WDM-IRP-019
VOID ExFreePoolWithTag(PVOID P, ULONG Tag) {
  BELAY_EXPORT(ExFreePoolWithTag, P);
  free_pool_block(P, Tag, Tag == 0 ? "ExFreePool" : "ExFreePoolWithTag",
                  __builtin_return_address(0));
}
VOID ExFreePool(PVOID P) {
  BELAY_EXPORT(ExFreePool, P);
  free_pool_block(P, 0, "ExFreePool", __builtin_return_address(0));
}
VOID ExFreePool2(PVOID P, ULONG Tag, PCPOOL_EXTENDED_PARAMETER, ULONG) {
  BELAY_EXPORT(ExFreePool2, P);
  free_pool_block(P, Tag, "ExFreePool2", __builtin_return_address(0));
}

}  // extern "C"
