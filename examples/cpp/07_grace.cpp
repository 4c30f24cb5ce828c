// Grace: cancel, give it time, then do something about it.
//
// A request asks; nothing makes a worker heed it. cancel_within() waits for the end, and when the
// deadline passes first it calls what was given to it, once. The deadlines here are "for ever" and
// "by now", so that nothing depends on a clock.
#include <unistd.h>

#include <thread>

#include <belay/grace.hpp>
#include <belay/operation.hpp>

#include "check.hpp"

namespace {

using belay::outcome;
using belay::reason_kind;

/// Looks between two pieces of work.
void polite_worker(belay::operation& job) {
  while (!job.cancelled()) std::this_thread::yield();
  job.complete(outcome::canceled);
}

/// Sits in read(2) and hears nothing.
void deaf_worker(belay::operation& job, int from) {
  char byte = 0;
  const bool came = read(from, &byte, 1) == 1;
  job.complete(came ? outcome::completed : outcome::failed);
}

}  // namespace

int main() {
  using example::check;
  {
    belay::operation job;
    std::thread worker([&] { polite_worker(job); });
    bool hard = false;
    const auto how = belay::cancel_within(job, {reason_kind::shutdown, 1}, belay::sync::forever,
                                          [&] { hard = true; });
    check(how == belay::grace::ended_in_time && !hard, "who looks ends in time");
    check(job.outcome() == outcome::canceled, "and says that it was cancelled");
    worker.join();
  }
  {
    int ends[2];
    check(pipe(ends) == 0, "a pipe");
    belay::operation job;
    std::thread worker([&] { deaf_worker(job, ends[0]); });
    int escalations = 0;
    const auto how = belay::cancel_within(job, {reason_kind::shutdown, 2}, belay::sync::now(), [&] {
      ++escalations;
      close(ends[1]);  // the read returns
    });
    check(how == belay::grace::escalated && escalations == 1, "who does not is dealt with, once");
    check(job.wait() && job.outcome() == outcome::failed, "and then it ends");
    check(job.reason() == belay::reason(reason_kind::shutdown, 2), "why is on record");
    worker.join();
    close(ends[0]);
  }
  {
    belay::operation job;
    job.complete(outcome::completed);
    bool hard = false;
    const auto how = belay::cancel_within(job, reason_kind::user, 0, [&] { hard = true; });
    check(how == belay::grace::ended_before && !hard, "what had ended before is left alone");
  }
  return example::result();
}
