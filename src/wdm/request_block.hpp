// The part of a user's request that completion and cancellation share with the issuing actor.
#pragma once

#include "belay/operation.hpp"
#include "wdm/io_state.hpp"

namespace belay::inline BELAY_BUILD::wdm {

/// Invariants: `operation` is armed with `canceller` from before the packet is sent until it is
/// completed; what it reports is the packet's outcome.
struct request_block {
  /// What a cancel request runs: IoCancelIrp. Completion does not wait for it, wait() does.
  struct irp_canceller : notify_routine {
    explicit irp_canceller(request_block* block) : notify_routine(&run), in(block) {}
    static void run(routine& self, belay::reason why) noexcept;
    request_block* in;
  };

  const request* owner = nullptr;
  irp_record* record = nullptr;  ///< until wait() has returned true
  PIRP irp = nullptr;
  PFILE_OBJECT file = nullptr;
  NTSTATUS status = 0;
  std::uint64_t information = 0;
  std::size_t output_size = 0;
  void* user_input = nullptr;
  void* user_output = nullptr;
  bool own_input = false;  ///< ours to free
  bool own_output = false;
  bool completed = false;    ///< for questions that must not be points
  bool cancel_delivered = false;
  bool pended = false;             ///< Irp->PendingReturned at its completion
  bool rundown = false;            ///< its thread ends and has asked it to cancel
  bool over_after_cancel = false;  ///< completed by the cancel routine itself: the canceller tells
  void (*over)(request& self, void* context) = nullptr;  ///< nullptr: the issuing actor waits
  void* context = nullptr;
  irp_canceller canceller{this};
  belay::operation operation{canceller};
};

/// Reports WDM-CANCEL-013 if the packet was cancelled, is pending, and had its cancel routine armed
/// afterwards, and neither changes within `patience`.
///
/// `site`: for the report; nullptr: where the current actor called from last.
void check_lost_cancel(irp_record* record, sync::nanoseconds patience, const void* site);
/// Reports that the packet of a thread that has ended is still there: WDM-CANCEL-013 if its cancel
/// was lost, else WDM-FILE-003. `site` as above.
[[noreturn]] void report_stuck(const irp_record* record, const void* site);
/// Gives a block and the user's buffers back. `block` may be nullptr.
void free_block(request_block* block);

}  // namespace belay::inline BELAY_BUILD::wdm
