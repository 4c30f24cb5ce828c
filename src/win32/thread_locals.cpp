// Thread-local storage by index.
//
// Thread safety: any thread; which indices are taken is under the process's lock.
// Contract: WIN32-THREAD-002
#include "kernel/api.hpp"
#include "kernel/parts.hpp"
#include "win32/process.hpp"

// clang-format off: last, because they define much.
#include <windows.h>
// clang-format on

namespace belay::inline BELAY_BUILD::win32 {

namespace {

bool taken(std::uint32_t index) {
  if (index >= most_tls) return false;
  const kernel::guard hold_lock(the_process().lock);
  return (the_process().tls_used[index / 64] >> index % 64 & 1) != 0;
}

std::uint32_t take_index() {
  process& root = the_process();
  kernel::order(sync::access_kind::update, root.tls_used);
  const kernel::guard hold_lock(root.lock);
  for (std::uint32_t i = 0; i < most_tls; ++i) {
    std::uint64_t& word = root.tls_used[i / 64];
    if ((word >> i % 64 & 1) != 0) continue;
    word |= std::uint64_t{1} << i % 64;
    return i;
  }
  return TLS_OUT_OF_INDEXES;
}

// Its value is NULL again in every thread.
void give_back(std::uint32_t index) {
  process& root = the_process();
  kernel::order(sync::access_kind::update, root.tls_used);
  const kernel::guard hold_lock(root.lock);
  root.tls_used[index / 64] &= ~(std::uint64_t{1} << index % 64);
  for (thread_state* who = root.threads; who != nullptr; who = who->next) {
    if (who->tls != nullptr) who->tls[index] = nullptr;
  }
}

}  // namespace

}  // namespace belay::inline BELAY_BUILD::win32

using namespace belay;
using namespace belay::win32;

extern "C" {

/// Returns: TLS_OUT_OF_INDEXES with ERROR_NO_MORE_ITEMS when all 1088 are taken.
DWORD WINAPI TlsAlloc(VOID) {
  BELAY_CALL(TlsAlloc, nullptr);
  const std::uint32_t index = take_index();
  if (index == TLS_OUT_OF_INDEXES) fail(ERROR_NO_MORE_ITEMS);
  return index;
}

/// Returns: NULL with ERROR_SUCCESS for a value never set, with ERROR_INVALID_PARAMETER for an
///          index that nobody took.
LPVOID WINAPI TlsGetValue(DWORD dwTlsIndex) {
  thread_state& who = self();
  if (dwTlsIndex >= most_tls) {
    fail(ERROR_INVALID_PARAMETER);
    return nullptr;
  }
  who.last_error = ERROR_SUCCESS;
  return who.tls == nullptr ? nullptr : who.tls[dwTlsIndex];
}

BOOL WINAPI TlsSetValue(DWORD dwTlsIndex, LPVOID lpTlsValue) {
  thread_state& who = self();
  if (!taken(dwTlsIndex)) return fail(ERROR_INVALID_PARAMETER);
  if (who.tls == nullptr) {
    void* const memory = sync::allocate(most_tls * sizeof(void*), sync::memory_use::internal);
    if (memory == nullptr) return fail(ERROR_NOT_ENOUGH_MEMORY);
    who.tls = static_cast<void**>(memory);
  }
  who.tls[dwTlsIndex] = lpTlsValue;
  return TRUE;
}

BOOL WINAPI TlsFree(DWORD dwTlsIndex) {
  BELAY_CALL(TlsFree, nullptr);
  if (!taken(dwTlsIndex)) return fail(ERROR_INVALID_PARAMETER);
  give_back(dwTlsIndex);
  return TRUE;
}

// Fiber-local storage is thread-local here: there are no fibers. With a callback it is refused.

DWORD WINAPI FlsAlloc(PFLS_CALLBACK_FUNCTION lpCallback) {
  if (lpCallback != nullptr) {
    fail(ERROR_CALL_NOT_IMPLEMENTED);
    return FLS_OUT_OF_INDEXES;
  }
  return TlsAlloc();
}
PVOID WINAPI FlsGetValue(DWORD dwFlsIndex) { return TlsGetValue(dwFlsIndex); }
BOOL WINAPI FlsSetValue(DWORD dwFlsIndex, PVOID lpFlsData) {
  return TlsSetValue(dwFlsIndex, lpFlsData);
}
BOOL WINAPI FlsFree(DWORD dwFlsIndex) { return TlsFree(dwFlsIndex); }

}  // extern "C"
