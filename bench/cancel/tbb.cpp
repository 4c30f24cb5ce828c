// oneTBB's task_group_context: a flag that tasks poll, and a tree. It has no callbacks, so it takes
// part in the rows about requests, trees and polling only, and does less there: a cancelled context
// sets flags.
//
// A context is bound to its parent when the first task runs in it inside a task of the parent; so
// that is how a child is attached here.
#include <deque>
#include <memory>

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_group.h>

#include "workload.hpp"

namespace bench {
namespace {

using tbb::task_group;
using tbb::task_group_context;

/// One thread is enough for what is measured, and no worker disturbs it.
struct alone {
  tbb::global_control limit{tbb::global_control::max_allowed_parallelism, 1};
};

void bind(task_group_context& context) {
  task_group tasks(context);
  tasks.run_and_wait([] {});
}

/// T7: a request meets a context that nobody is bound to.
struct cancel_one : alone {
  explicit cancel_one(std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) all_.emplace_back(task_group_context::isolated);
  }
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) keep(unknown(all_[i]).cancel_group_execution());
  }
  std::deque<task_group_context> all_;
};
const offer<cancel_one> t7("batch/T7/tbb", shape::batch, 256);

/// T8: a request reaches every context that is bound.
struct fan_out : alone {
  explicit fan_out(std::size_t size) : all_(size) {
    task_group tasks(parent_);
    tasks.run_and_wait([this] {
      for (task_group_context& each : all_) bind(each);
    });
  }
  void run(int, std::size_t) { keep(parent_.cancel_group_execution()); }
  double tally() {
    double reached = 0;
    for (task_group_context& each : all_) reached += each.is_group_execution_cancelled() ? 1 : 0;
    return reached;
  }
  task_group_context parent_{task_group_context::isolated};
  std::deque<task_group_context> all_;
};
const offer<fan_out> t8("batch/T8/tbb", shape::batch, 1000);

/// T11: from nothing to nothing, cancelled.
struct whole : alone {
  explicit whole(std::size_t) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      task_group_context context(task_group_context::isolated);
      publish(context);
      keep(context.cancel_group_execution());
    }
  }
};
const offer<whole> t11("loop/T11/tbb", shape::loop);

/// T12: a child is bound and goes. It runs one empty task, without which nothing is bound.
struct child : alone {
  explicit child(std::size_t) {}
  void run(int, std::size_t times) {
    task_group tasks(parent_);
    tasks.run_and_wait([times] {
      for (std::size_t i = 0; i < times; ++i) {
        task_group_context context;
        bind(context);
      }
    });
  }
  task_group_context parent_{task_group_context::isolated};
};
const offer<child> t12("loop/T12/tbb", shape::loop);

struct poll : alone {
  explicit poll(std::size_t) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) keep(unknown(context_).is_group_execution_cancelled());
  }
  task_group_context context_{task_group_context::isolated};
};
const offer<poll> poll_context("loop/poll/tbb", shape::loop);

}  // namespace
}  // namespace bench
