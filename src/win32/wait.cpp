// Waiting for handles, sleeping, APCs.
//
// Thread safety: any thread.
// Contract: WIN32-WAIT-001, WIN32-WAIT-002
#include "kernel/api.hpp"
#include "kernel/parts.hpp"
#include "win32/error_codes.hpp"
#include "win32/transfer.hpp"

// clang-format off: last, because they define much.
#include <windows.h>
// clang-format on

namespace belay::inline BELAY_BUILD::win32 {

namespace {

// What is waited for when a handle is: the object, or the event of a file.
void* waitable_of(void* object) {
  void* const at = kernel::header_of(object)->type == &win32::file_type
                       ? static_cast<file_object*>(object)->event
                       : object;
  return kernel::is_waitable(at) ? at : nullptr;
}

// The objects of up to 64 handles.
class held_many {
 public:
  held_many(const HANDLE* handles, DWORD count) {
    for (; count_ < count; ++count_) {
      held object = hold(handles[count_]);
      if (!object) return;
      waitables_[count_] = waitable_of(object.get());
      if (waitables_[count_] == nullptr) {
        fail(ERROR_INVALID_HANDLE);
        return;
      }
      kernel::reference_object(objects_[count_] = object.get());
    }
    good_ = true;
  }
  ~held_many() {
    for (DWORD i = 0; i < count_; ++i) kernel::dereference_object(objects_[i]);
  }
  held_many(const held_many&) = delete;
  held_many& operator=(const held_many&) = delete;
  explicit operator bool() const { return good_; }
  void* const* get() const { return waitables_; }

 private:
  void* objects_[MAXIMUM_WAIT_OBJECTS];
  void* waitables_[MAXIMUM_WAIT_OBJECTS];
  DWORD count_ = 0;
  bool good_ = false;
};

// A wait's status as the calls return it, after the APCs that ended it.
DWORD outcome(std::int32_t status) {
  if (status == kernel::wait_user_apc || status == kernel::wait_alerted) {
    kernel::run_user_apcs();
    return WAIT_IO_COMPLETION;
  }
  if (status < 0) {
    fail_status(status);
    return WAIT_FAILED;
  }
  return static_cast<DWORD>(status);
}

DWORD wait(const HANDLE* handles, DWORD count, bool all, DWORD milliseconds, bool alertable) {
  if (count == 0 || count > MAXIMUM_WAIT_OBJECTS) {
    fail(ERROR_INVALID_PARAMETER);
    return WAIT_FAILED;
  }
  const held_many objects(handles, count);
  if (!objects) return WAIT_FAILED;
  const sync::nanoseconds deadline = deadline_in(milliseconds);
  return outcome(in_user_mode(
      [&] { return kernel::wait_for_many(objects.get(), count, all, alertable, deadline); }));
}

DWORD sleep_for(DWORD milliseconds, bool alertable) {
  if (milliseconds == 0 && !alertable) {
    const sync::unsealed open;
    sync::yield();
    return 0;
  }
  const sync::nanoseconds deadline = deadline_in(milliseconds);
  const std::int32_t status = in_user_mode([&] { return kernel::delay(deadline, alertable); });
  return status == kernel::wait_timeout ? 0 : outcome(status);
}

struct user_call {
  PAPCFUNC routine;
  ULONG_PTR data;
};

void call_user(void* context) {
  auto* const call = static_cast<user_call*>(context);
  const user_call told = *call;
  kernel::discard(call);
  const sync::unsealed open;
  told.routine(told.data);
}

}  // namespace

}  // namespace belay::inline BELAY_BUILD::win32

using namespace belay;
using namespace belay::win32;

extern "C" {

/// Callers:  any thread.
/// Returns:  WAIT_OBJECT_0 + index, WAIT_ABANDONED_0 + index, WAIT_TIMEOUT, WAIT_IO_COMPLETION
///           (alertable, after APCs ran), or WAIT_FAILED with ERROR_INVALID_HANDLE or
///           ERROR_INVALID_PARAMETER (no handle, or more than MAXIMUM_WAIT_OBJECTS).
/// Ordering: what the signaller did happens before the return.
/// Contract: WIN32-WAIT-001
DWORD WINAPI WaitForSingleObject(HANDLE hHandle, DWORD dwMilliseconds) {
  BELAY_CALL(WaitForSingleObject, hHandle);
  return win32::wait(&hHandle, 1, false, dwMilliseconds, false);
}
DWORD WINAPI WaitForSingleObjectEx(HANDLE hHandle, DWORD dwMilliseconds, BOOL bAlertable) {
  BELAY_CALL(WaitForSingleObjectEx, hHandle);
  return win32::wait(&hHandle, 1, false, dwMilliseconds, bAlertable);
}
DWORD WINAPI WaitForMultipleObjects(DWORD nCount, const HANDLE* lpHandles, BOOL bWaitAll,
                                    DWORD dwMilliseconds) {
  BELAY_CALL(WaitForMultipleObjects, nCount != 0 ? lpHandles[0] : nullptr);
  return win32::wait(lpHandles, nCount, bWaitAll, dwMilliseconds, false);
}
DWORD WINAPI WaitForMultipleObjectsEx(DWORD nCount, const HANDLE* lpHandles, BOOL bWaitAll,
                                      DWORD dwMilliseconds, BOOL bAlertable) {
  BELAY_CALL(WaitForMultipleObjectsEx, nCount != 0 ? lpHandles[0] : nullptr);
  return win32::wait(lpHandles, nCount, bWaitAll, dwMilliseconds, bAlertable);
}
DWORD WINAPI SignalObjectAndWait(HANDLE hObjectToSignal, HANDLE hObjectToWaitOn,
                                 DWORD dwMilliseconds, BOOL bAlertable) {
  BELAY_CALL(SignalObjectAndWait, hObjectToSignal);
  const held signal = hold(hObjectToSignal);
  if (!signal) return WAIT_FAILED;
  const held_many object(&hObjectToWaitOn, 1);
  if (!object) return WAIT_FAILED;
  const sync::nanoseconds deadline = deadline_in(dwMilliseconds);
  return outcome(in_user_mode([&] {
    return kernel::signal_and_wait(signal.get(), object.get()[0], bAlertable != FALSE, deadline);
  }));
}

VOID WINAPI Sleep(DWORD dwMilliseconds) {
  BELAY_CALL(Sleep, nullptr);
  sleep_for(dwMilliseconds, false);
}
/// Returns: 0, or WAIT_IO_COMPLETION after APCs ran. Contract: WIN32-WAIT-001
DWORD WINAPI SleepEx(DWORD dwMilliseconds, BOOL bAlertable) {
  BELAY_CALL(SleepEx, nullptr);
  return sleep_for(dwMilliseconds, bAlertable != FALSE);
}
BOOL WINAPI SwitchToThread(VOID) {
  enter("SwitchToThread", nullptr, __builtin_return_address(0));
  sync::yield();
  return TRUE;
}

/// Runs in an alertable wait of that thread. Returns: 0 with ERROR_GEN_FAILURE when it has ended.
DWORD WINAPI QueueUserAPC(PAPCFUNC pfnAPC, HANDLE hThread, ULONG_PTR dwData) {
  BELAY_CALL(QueueUserAPC, hThread);
  const held thread = hold(hThread, &kernel::thread_type);
  if (!thread) return 0;
  auto* const call = kernel::make<user_call>();
  *call = {pfnAPC, dwData};
  if (kernel::queue_user_apc(thread.get(), &call_user, call)) return 1;
  kernel::discard(call);
  return fail(ERROR_GEN_FAILURE);
}

}  // extern "C"
