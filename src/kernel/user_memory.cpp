// Probing of a user's pointers. All memory is one process's: a user's is what lies below
// MmUserProbeAddress, and what is mapped there is the system's to say.
#include "kernel/api.hpp"
#include "kernel/exception.hpp"

#include <ntifs.h>

namespace belay::inline BELAY_BUILD::kernel {

bool is_users(const volatile void* address, std::size_t bytes) {
  const auto first = reinterpret_cast<std::uintptr_t>(address);
  return first < user_probe_address && bytes <= user_probe_address - first;
}

namespace {

/// Contract: WDM-EX-002
void probe(const volatile void* address, std::size_t bytes, ULONG alignment, bool write,
           const void* site) {
  if (bytes == 0) return;
  if ((reinterpret_cast<std::uintptr_t>(address) & (alignment - 1)) != 0)
    raise_exception(status_datatype_misalignment, site);
  if (!is_users(address, bytes) || (write && !sync::is_accessible(address, bytes, true)))
    raise_exception(status_access_violation, site);
}

}  // namespace

}  // namespace belay::inline BELAY_BUILD::kernel

using namespace belay::kernel;

extern "C" {

/// Checks that a buffer is a user's. Reads nothing, as on Windows: an address that is not mapped
/// raises when it is read, so every access stands in a guarded block.
///
/// Callers:  IRQL <= APC_LEVEL, in a guarded block.
/// Raises:   STATUS_DATATYPE_MISALIGNMENT; STATUS_ACCESS_VIOLATION when the range wraps round or
///           reaches beyond MmUserProbeAddress. Nothing for a length of 0.
/// Contract: WDM-EX-002
VOID ProbeForRead(const volatile VOID* Address, SIZE_T Length, ULONG Alignment) {
  BELAY_EXPORT(ProbeForRead, const_cast<const void*>(Address));
  probe(Address, Length, Alignment, false, __builtin_return_address(0));
}
/// The same, and each page is tried for writing: one that is not mapped or read-only raises
/// STATUS_ACCESS_VIOLATION. Contract: WDM-EX-002
VOID ProbeForWrite(volatile VOID* Address, SIZE_T Length, ULONG Alignment) {
  BELAY_EXPORT(ProbeForWrite, const_cast<const void*>(Address));
  probe(Address, Length, Alignment, true, __builtin_return_address(0));
}

}  // extern "C"
