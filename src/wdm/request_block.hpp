// The part of a user's request that completion and cancellation share with the issuing actor.
#pragma once

#include "wdm/io_state.hpp"

namespace belay::inline BELAY_BUILD::wdm {

/// Arbitrates completion against cancellation of one request.
///
/// Invariants: at most one cancel is let in, and none after completion; wait() is over when the
/// request is completed and no cancel is inside.
class request_gate {
 public:
  /// Returns: true if the caller may call IoCancelIrp, and then must call end_cancel().
  bool begin_cancel(cancel_reason reason) {
    std::uint32_t none = 0;
    const std::uint32_t wanted = requested | inside | static_cast<std::uint32_t>(reason) << 8;
    return word_.compare_exchange_strong(none, wanted);
  }
  void end_cancel() {
    word_.fetch_and(~inside);
    sync::wake_all(&word_);
  }
  void complete() {
    __atomic_store_n(&completed_, true, __ATOMIC_RELEASE);
    word_.fetch_or(done);
    sync::wake_all(&word_);
  }
  /// Returns: false if `deadline` passed first.
  bool wait(sync::nanoseconds deadline) {
    for (;;) {
      const std::uint32_t now = word_.load();
      if ((now & done) != 0 && (now & inside) == 0) return true;
      if (!sync::wait_on(&word_, now, deadline)) return false;
    }
  }
  /// No point.
  bool completed() const { return __atomic_load_n(&completed_, __ATOMIC_ACQUIRE); }

 private:
  static constexpr std::uint32_t requested = 1;
  static constexpr std::uint32_t inside = 2;  ///< IoCancelIrp runs
  static constexpr std::uint32_t done = 4;
  sync::atomic<std::uint32_t> word_;
  bool completed_ = false;
};

struct request_block {
  const request* owner = nullptr;
  irp_record* record = nullptr;  ///< until wait() has returned true
  PIRP irp = nullptr;
  PFILE_OBJECT file = nullptr;
  NTSTATUS status = 0;
  std::uint64_t information = 0;
  std::size_t output_size = 0;
  void* user_input = nullptr;
  void* user_output = nullptr;
  bool cancel_delivered = false;
  bool rundown = false;  ///< its thread ends and has asked it to cancel
  request_gate gate;
};

}  // namespace belay::inline BELAY_BUILD::wdm
