// Requests of an io_uring: each answer of the kernel, each order of answer, result and request, on
// each kind of ring; and that every request is over exactly once.
#include "belay/uring_canceller.hpp"

#include <fcntl.h>
#include <liburing.h>
#include <poll.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "belay/event_fd.hpp"
#include "open_descriptors.hpp"
#include "threads.hpp"

namespace {

using belay::operation;
using belay::outcome;
using belay::reason_kind;
using belay::source;
using belay::uring_answer;
using belay::uring_canceller;
using belay::uring_end;
using belay::uring_request;
using edges_test::pipe_pair;
using edges_test::watchdog;

struct counted : uring_request {
  counted(uring_canceller& by, std::uint64_t number)
      : uring_request(by, number, &on_over), number(number) {}
  static void on_over(uring_request& self) noexcept {
    auto& me = static_cast<counted&>(self);
    ++me.overs;
    if (me.then) me.then();
  }
  const std::uint64_t number;
  int overs = 0;
  std::function<void()> then;
};

/// A ring of each kind; a test is skipped, with the reason, where the kernel refuses it.
class uring : public testing::TestWithParam<unsigned> {
 protected:
  static constexpr unsigned entries = 16;

  void SetUp() override {
    descriptors_before_ = edges_test::open_descriptors();
    const int error = io_uring_queue_init(entries, &ring, GetParam());
    if (error == 0) {
      is_open_ = true;
      canceller = std::make_unique<uring_canceller>(ring);
      ASSERT_TRUE(canceller->valid()) << canceller->error();
    } else if (error == -EPERM || error == -EACCES || error == -ENOSYS || error == -EINVAL) {
      GTEST_SKIP() << "io_uring_setup(2) is refused here, with error " << -error;
    } else {
      FAIL() << "io_uring_setup(2): error " << -error;
    }
  }
  void TearDown() override {
    canceller.reset();
    if (!is_open_) return;
    io_uring_queue_exit(&ring);
    EXPECT_EQ(edges_test::open_descriptors(), descriptors_before_);
  }

  io_uring_sqe* entry() {
    io_uring_sqe* it = io_uring_get_sqe(&ring);
    if (it == nullptr) {
      io_uring_submit(&ring);
      it = io_uring_get_sqe(&ring);
    }
    EXPECT_NE(it, nullptr);
    return it;
  }
  void submit_read(const counted& of, int from, char* to) {
    io_uring_sqe* const it = entry();
    io_uring_prep_read(it, from, to, 1, 0);
    io_uring_sqe_set_data64(it, of.number);
    io_uring_submit(&ring);
  }
  io_uring_cqe next() {
    io_uring_cqe* came = nullptr;
    while (io_uring_wait_cqe(&ring, &came) != 0) {
    }
    const io_uring_cqe copy = *came;
    io_uring_cqe_seen(&ring, came);
    return copy;
  }
  /// The loop of a program, until `it` is over.
  void run(counted& it) {
    const int before = it.overs;
    while (it.overs == before) {
      const io_uring_cqe came = next();
      if (canceller->take(came)) continue;
      ASSERT_EQ(came.user_data, it.number);
      it.finish(came.res);
    }
  }
  /// Handles the canceller's completions until one of the program's comes.
  io_uring_cqe next_of_program() {
    for (;;) {
      const io_uring_cqe came = next();
      if (!canceller->take(came)) return came;
    }
  }

  watchdog guard;
  io_uring ring{};
  std::unique_ptr<uring_canceller> canceller;
  char byte = 0;

 private:
  bool is_open_ = false;
  int descriptors_before_ = 0;
};

TEST_P(uring, nobody_cancels) {
  pipe_pair line;
  operation it;
  counted request(*canceller, 7);
  ASSERT_TRUE(request.start(it));
  submit_read(request, line.out(), &byte);
  line.put();
  run(request);
  EXPECT_EQ(request.end(), uring_end::completed);
  EXPECT_EQ(request.answer(), uring_answer::none);
  EXPECT_EQ(request.result(), 1);
  EXPECT_EQ(it.outcome(), outcome::completed);
  EXPECT_EQ(it.cancel(reason_kind::user), belay::cancel_result::too_late);

  operation fails;
  ASSERT_TRUE(request.start(fails));
  submit_read(request, -1, &byte);
  run(request);
  EXPECT_EQ(request.end(), uring_end::completed);
  EXPECT_EQ(request.result(), -EBADF);
  EXPECT_EQ(fails.outcome(), outcome::failed);
}

TEST_P(uring, cancelled_before_it_starts) {
  operation it;
  source all;
  it.cancel(reason_kind::user);
  all.cancel(reason_kind::user);
  counted request(*canceller, 7);
  EXPECT_FALSE(request.start(it));
  EXPECT_FALSE(request.start(all));
  EXPECT_EQ(request.overs, 0);
}

TEST_P(uring, cancelled_while_it_waits) {
  pipe_pair line;
  for (const bool elsewhere : {false, true}) {
    operation it;
    counted request(*canceller, 7);
    ASSERT_TRUE(request.start(it));
    submit_read(request, line.out(), &byte);
    std::thread other([&] {
      if (elsewhere) it.cancel(reason_kind::user);
    });
    if (!elsewhere) it.cancel(reason_kind::user);
    run(request);
    other.join();
    EXPECT_EQ(request.overs, 1);
    EXPECT_EQ(request.end(), uring_end::cancelled);
    EXPECT_EQ(request.answer(), uring_answer::cancelled);
    EXPECT_EQ(request.result(), -ECANCELED);
    EXPECT_EQ(it.outcome(), outcome::canceled);
  }
}

// A cancel between start() and the submission is asked for after it.
TEST_P(uring, cancelled_before_it_is_submitted) {
  pipe_pair line;
  operation it;
  counted request(*canceller, 7);
  ASSERT_TRUE(request.start(it));
  it.cancel(reason_kind::user);
  submit_read(request, line.out(), &byte);
  run(request);
  EXPECT_EQ(request.end(), uring_end::cancelled);
}

// The result lies in the ring, nobody has looked at it, and somebody cancels.
TEST_P(uring, cancelled_too_late_and_the_result_is_seen_first) {
  pipe_pair line;
  operation it;
  counted request(*canceller, 7);
  ASSERT_TRUE(request.start(it));
  line.put();
  submit_read(request, line.out(), &byte);
  const io_uring_cqe result = next_of_program();
  it.cancel(reason_kind::user);
  request.finish(result.res);
  EXPECT_EQ(request.overs, 1) << "the kernel was not asked, so nothing more will come";
  EXPECT_EQ(request.end(), uring_end::raced);
  EXPECT_EQ(request.answer(), uring_answer::none);
  EXPECT_EQ(request.result(), 1);
  EXPECT_EQ(it.outcome(), outcome::completed) << "cancelled, and completed all the same";
  EXPECT_TRUE(canceller->take(next())) << "what the request to cancel had set off";
}

TEST_P(uring, cancelled_too_late_and_the_answer_is_not_found) {
  pipe_pair line;
  for (const bool answer_first : {true, false}) {
    operation it;
    counted request(*canceller, 7);
    ASSERT_TRUE(request.start(it));
    line.put();
    submit_read(request, line.out(), &byte);
    const io_uring_cqe result = next_of_program();
    it.cancel(reason_kind::user);
    EXPECT_TRUE(canceller->take(next())) << "asks the kernel";
    if (!answer_first) request.finish(result.res);
    EXPECT_EQ(request.overs, 0);
    EXPECT_TRUE(canceller->take(next())) << "the answer";
    if (answer_first) {
      EXPECT_EQ(request.overs, 0);
      request.finish(result.res);
    }
    EXPECT_EQ(request.overs, 1);
    EXPECT_EQ(request.end(), uring_end::raced);
    EXPECT_EQ(request.answer(), uring_answer::not_found);
    EXPECT_EQ(request.result(), 1);
    EXPECT_EQ(it.outcome(), outcome::completed);
  }
}

// splice(2) from an empty pipe blocks a worker of the kernel. Asked before the worker begins, the
// answer is `cancelled`; so it is tried later and later, until the worker has begun. Now and then
// the kernel interrupts its worker by itself before that.
TEST_P(uring, cancelled_while_it_is_carried_out) {
  pipe_pair from, to;
  uring_answer answer = uring_answer::none;
  for (int turn = 0; answer != uring_answer::running; ++turn) {
    operation it;
    counted request(*canceller, 7);
    ASSERT_TRUE(request.start(it));
    io_uring_sqe* const splice = entry();
    io_uring_prep_splice(splice, from.out(), -1, to.in(), -1, 1, 0);
    io_uring_sqe_set_data64(splice, request.number);
    io_uring_sqe_set_flags(splice, IOSQE_ASYNC);
    io_uring_submit(&ring);
    for (int yields = turn * 10; yields != 0; --yields) std::this_thread::yield();
    it.cancel(reason_kind::user);
    run(request);
    answer = request.answer();
    if (answer == uring_answer::running) {
      const int result = request.result();
      EXPECT_TRUE(result == -EINTR || result == -512 || result == -ECANCELED) << result;
    } else if (answer == uring_answer::cancelled) {
      EXPECT_EQ(request.result(), -ECANCELED);
    } else {
      EXPECT_EQ(answer, uring_answer::not_found);
      EXPECT_LT(request.result(), 0);
      EXPECT_EQ(request.end(), uring_end::raced);
      EXPECT_EQ(it.outcome(), outcome::failed);
      continue;
    }
    EXPECT_EQ(request.end(), uring_end::cancelled);
    EXPECT_EQ(it.outcome(), outcome::canceled);
  }
}

// More cancels at once than the ring has entries.
TEST_P(uring, one_request_cancels_many) {
  constexpr std::uint64_t many = 100;
  pipe_pair line;
  source all;
  std::vector<std::unique_ptr<counted>> requests;
  for (std::uint64_t number = 0; number < many; ++number) {
    requests.push_back(std::make_unique<counted>(*canceller, number));
    ASSERT_TRUE(requests.back()->start(all));
    submit_read(*requests.back(), line.out(), &byte);
  }
  std::thread other([&] { all.cancel(reason_kind::shutdown); });
  int over = 0;
  while (over < static_cast<int>(many)) {
    const io_uring_cqe came = next();
    if (!canceller->take(came)) {
      ASSERT_LT(came.user_data, many);
      requests[came.user_data]->finish(came.res);
    }
    over = 0;
    for (const auto& each : requests) over += each->overs;
  }
  other.join();
  for (const auto& each : requests) {
    EXPECT_EQ(each->overs, 1);
    EXPECT_EQ(each->end(), uring_end::cancelled);
    EXPECT_EQ(each->answer(), uring_answer::cancelled);
  }
}

// One byte comes, before, with or after a request to cancel: it was read, or it is still there.
TEST_P(uring, each_race_has_one_end) {
  constexpr int turns = 10'000;
  pipe_pair line;
  operation* current = nullptr;
  std::atomic<int> begun{0}, done{0};
  std::thread other([&] {
    for (int turn = 1; turn <= turns; ++turn) {
      while (begun.load() != turn) std::this_thread::yield();
      if (turn % 4 == 0) line.put();
      for (int spins = turn % 64; spins != 0; --spins) belay::sync::relax();
      current->cancel(reason_kind::user);
      if (turn % 4 == 1) line.put();
      done.store(turn);
    }
  });
  int completed = 0, cancelled = 0, raced = 0;
  for (int turn = 1; turn <= turns; ++turn) {
    operation it;
    counted request(*canceller, 7);
    EXPECT_TRUE(request.start(it));
    current = &it;
    submit_read(request, line.out(), &byte);
    begun.store(turn);
    run(request);
    while (done.load() != turn) std::this_thread::yield();
    if (turn % 4 > 1) line.put();
    EXPECT_EQ(request.overs, 1);
    EXPECT_EQ(it.cancelled(), request.end() != uring_end::completed);
    completed += request.end() == uring_end::completed ? 1 : 0;
    cancelled += request.end() == uring_end::cancelled ? 1 : 0;
    raced += request.end() == uring_end::raced ? 1 : 0;
    if (request.end() == uring_end::cancelled) {
      EXPECT_EQ(read(line.out(), &byte, 1), 1);
    } else {
      EXPECT_EQ(request.result(), 1);
    }
    pollfd rest{line.out(), POLLIN, 0};
    EXPECT_EQ(poll(&rest, 1, 0), 0) << "one byte came, one byte was read";
  }
  other.join();
  EXPECT_EQ(completed + cancelled + raced, turns);
  EXPECT_GE(cancelled, turns / 2) << "when the byte comes last there is nothing else";
  RecordProperty("completed", completed);
  RecordProperty("cancelled", cancelled);
  RecordProperty("raced", raced);
}

TEST_P(uring, a_ring_goes_on_without) {
  canceller->stop();
  while (!canceller->stopped()) EXPECT_TRUE(canceller->take(next()));
  canceller.reset();
  io_uring_sqe* const it = io_uring_get_sqe(&ring);
  io_uring_prep_nop(it);
  io_uring_sqe_set_data64(it, 7);
  io_uring_submit(&ring);
  EXPECT_EQ(next().user_data, 7u);
  EXPECT_EQ(io_uring_cq_ready(&ring), 0u);
}

TEST_P(uring, starts_again_when_it_is_over) {
  pipe_pair line;
  source all;
  counted request(*canceller, 7);
  const auto begin = [&] {
    EXPECT_TRUE(request.start(all));
    submit_read(request, line.out(), &byte);
    line.put();
  };
  request.then = [&] {
    if (request.overs < 100) begin();
  };
  begin();
  while (request.overs < 100) run(request);
  EXPECT_EQ(request.overs, 100);
}

TEST_P(uring, an_event_fd_is_polled_like_any_other) {
  operation it;
  belay::event_fd stop(it);
  io_uring_sqe* const entry = io_uring_get_sqe(&ring);
  io_uring_prep_poll_add(entry, stop.descriptor(), POLLIN);
  io_uring_sqe_set_data64(entry, 7);
  io_uring_submit(&ring);
  std::thread other([&] { it.cancel(reason_kind::user); });
  const io_uring_cqe came = next_of_program();
  EXPECT_EQ(came.user_data, 7u);
  EXPECT_EQ(came.res & POLLIN, POLLIN);
  other.join();
}

void take_elsewhere(uring_canceller& from) {
  std::thread([&] { from.take(io_uring_cqe{}); }).join();
}
void leave_in_flight(uring_canceller& on) {
  source all;
  counted request(on, 7);
  request.start(all);
}
TEST_P(uring, is_for_the_rings_thread_and_outlives_what_is_in_flight) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(take_elsewhere(*canceller), "");
  EXPECT_DEATH(leave_in_flight(*canceller), "");
}

INSTANTIATE_TEST_SUITE_P(plain, uring, testing::Values(0u));
INSTANTIATE_TEST_SUITE_P(single_issuer, uring, testing::Values(IORING_SETUP_SINGLE_ISSUER));
INSTANTIATE_TEST_SUITE_P(deferred, uring,
                         testing::Values(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN));

}  // namespace
