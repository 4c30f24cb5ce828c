// Cancelling requests of an io_uring, and learning what became of them.
//
//   belay::uring_canceller canceller(ring);                      // one for a ring
//   belay::uring_request request(canceller, user_data, &over);   // one for each in flight
//
//   if (request.start(operation)) {                              // else it is cancelled already
//     io_uring_sqe* sqe = io_uring_get_sqe(&ring);
//     io_uring_prep_read(sqe, …);
//     io_uring_sqe_set_data64(sqe, user_data);
//   }
//   for each completion:
//     if (canceller.take(*cqe)) continue;                        // its own
//     if (cqe->user_data == user_data) request.finish(cqe->res);
//
// A ring belongs to one thread, so a request that comes elsewhere is handed to that thread: it
// makes an eventfd readable that the ring polls, and take() submits IORING_OP_ASYNC_CANCEL. That
// works for every ring; IORING_REGISTER_SYNC_CANCEL, which any thread may call, is refused (EEXIST)
// by rings of a single issuer, needs Linux 6.0, and never tells `running`.
//
// Two answers come back, in either order: the kernel's to the cancel, and the completion of the
// request itself. When all that will come has come, `over` is called, once, on the ring's thread.
// Whether a request counts as completed or as asked to stop is decided by its operation: finish()
// against cancel(). It is never both and never neither; and what it has done is reported even if
// somebody asked too late.
//
// Thread safety: all calls on the ring's thread, which made the uring_canceller. Cancelling the
// operation or source: any actor, at any time.
// Needs: liburing, and the library belay_uring; Linux 5.5.
#pragma once

#include <cstdint>

#include "belay/hook.hpp"

struct io_uring;
struct io_uring_cqe;
struct io_uring_sqe;

namespace belay::inline BELAY_BUILD {

/// What the kernel said to IORING_OP_ASYNC_CANCEL.
enum class uring_answer : std::uint8_t {
  none,       ///< it was not asked: nobody cancelled, or the completion was seen before
  cancelled,  ///< 0: found before it began; the completion says -ECANCELED
  not_found,  ///< -ENOENT: it had completed, or waits behind others that it is linked to
  running,    ///< -EALREADY: found while it was carried out; it was interrupted or it completes
  refused,    ///< another error: uring_request::error()
};

/// What became of the request.
enum class uring_end : std::uint8_t {
  none,       ///< it is not over
  completed,  ///< nobody asked before the result was there
  cancelled,  ///< somebody asked, the kernel found it, and it stopped for that: -ECANCELED, -EINTR,
              ///< or -512 to -516, the kernel's own codes for the latter
  raced,      ///< somebody asked, and it came to its own result all the same
};

class uring_request;

class uring_canceller {
 public:
  /// Opens the eventfd and submits a poll of it, together with whatever is prepared in `ring`. See
  /// valid(). Its completions, and those of its cancels, have addresses of this and of requests as
  /// their user_data; the program uses no such numbers.
  explicit uring_canceller(io_uring& ring) noexcept;

  /// Callers: when no request is in flight. The ring is left, or else stop() came to its end
  /// before.
  ~uring_canceller();
  uring_canceller(const uring_canceller&) = delete;
  uring_canceller& operator=(const uring_canceller&) = delete;

  bool valid() const noexcept { return event_ >= 0; }
  /// The error of eventfd(2) when it is not valid; else 0.
  int error() const noexcept { return error_; }

  /// To be asked about every completion, before it is marked as seen.
  ///
  /// Returns:  true if it is not for the program. May have submitted what is prepared in the ring,
  ///           and may have called the `over` of a request.
  bool take(const io_uring_cqe& completion) noexcept;

  /// Takes the poll back, for a ring that goes on without this.
  void stop() noexcept;
  /// Whether no completion is for take() any more. Never before stop().
  bool stopped() const noexcept { return own_ == 0; }

 private:
  friend class uring_request;

  void hand_over(uring_request& which) noexcept;
  void withdraw(uring_request& which) noexcept;
  bool take_answer(const io_uring_cqe& completion) noexcept;
  bool ask_for_waiting() noexcept;
  bool poll_event() noexcept;
  io_uring_sqe* next_entry() noexcept;
  void check_thread() const noexcept;

  io_uring& ring_;
  sync::actor_id thread_;
  int event_ = -1;
  int error_ = 0;
  int own_ = 0;        // completions to come for the poll, and for taking it back
  int in_flight_ = 0;  // requests
  bool polled_ = false;
  bool stopping_ = false;
  sync::brief_lock lock_;             // guards:
  uring_request* waiting_ = nullptr;  //   cancelled, and the kernel has not been asked
  uring_request* asked_ = nullptr;    // its answer is to come; the thread's own
};

class uring_request : private hook {
 public:
  /// Is called once for each start() that returned true. It may start this again, or destroy it.
  using function = void (*)(uring_request& self) noexcept;

  /// `user_data` is that of no other request in flight.
  uring_request(uring_canceller& by, std::uint64_t user_data, function over) noexcept
      : hook(&on_request), by_(by), user_data_(user_data), over_(over) {}
  /// Callers: not between a start() and its `over`.
  ~uring_request();

  /// Puts it under `to`: a request to that cancels it.
  ///
  /// Callers:  the owner of an operation, with nothing armed there; anybody for a source. `to`
  ///           stays until `over`. The submission entry is prepared before the next take().
  /// Returns:  false if a request came first: it is not to be submitted, and `over` is not called.
  bool start(operation& to) noexcept;
  bool start(source& to) noexcept;

  /// Its completion came, with this result. An operation gets its outcome, here or when the answer
  /// to the cancel has come: completed, failed if the result is an error, or canceled.
  void finish(std::int32_t result) noexcept;

  /// In `over` and from then on, until the next start():
  uring_end end() const noexcept { return end_; }
  std::int32_t result() const noexcept { return result_; }
  uring_answer answer() const noexcept { return answer_; }
  /// The negative error of an answer `refused`; else 0.
  std::int32_t error() const noexcept { return error_; }

 private:
  friend class uring_canceller;
  enum class place : std::uint8_t { nowhere, waiting, asked };

  static void on_request(hook& self, belay::reason why) noexcept;
  void begin() noexcept;
  bool take_back() noexcept;
  void set_answer(std::int32_t result) noexcept;
  void settle(bool won) noexcept;
  outcome how_it_ended() const noexcept;
  void link(uring_request*& list, place where) noexcept;
  void unlink() noexcept;

  uring_canceller& by_;
  const std::uint64_t user_data_;
  const function over_;
  operation* operation_ = nullptr;  // while it has no outcome
  uring_request* next_ = nullptr;
  uring_request** previous_ = nullptr;
  std::int32_t result_ = 0;
  std::int32_t error_ = 0;
  place place_ = place::nowhere;
  bool is_started_ = false;
  bool has_result_ = false;
  uring_end end_ = uring_end::none;
  uring_answer answer_ = uring_answer::none;
};

}  // namespace belay::inline BELAY_BUILD
