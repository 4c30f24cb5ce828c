// How fast the explorer runs the IRP-cancel model, beside a bare hand-off between OS threads.
//
// Both run "executions" of the same model; the hand-off runs none of it: three threads pass a token
// once a scheduling point over futexes, which is the least that a scheduler of OS threads can do.
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>
#include <linux/futex.h>
#include <sys/syscall.h>

#include "explore/execution.hpp"
#include "irp_model.hpp"

namespace {

using namespace belay::explore;
namespace sync = belay::sync;

template <class Start, class Chooser>
void run_model(benchmark::State& state, const model& which, Chooser& by, Start start,
               bool every_access) {
  sync::guest().forget();
  sync::guest().set_every_access(every_access);
  irp_model program(which);
  std::uint64_t steps = 0, seed = 0;
  for (auto _ : state) {
    start(by, ++seed);
    const execution it = execute(program, by);
    if (it.found) state.SkipWithError(it.found->text.c_str());
    steps += it.steps;
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["points"] =
      benchmark::Counter(static_cast<double>(steps) / static_cast<double>(state.iterations()));
}

void random_model(benchmark::State& state, const model& which, bool every_access) {
  random_walk walk;
  walk.start(1);
  run_model(
      state, which, walk, [](random_walk&, std::uint64_t) {}, every_access);
}

void pct_model(benchmark::State& state, const model& which, std::uint64_t steps) {
  priority_walk walk;
  run_model(
      state, which, walk,
      [steps](priority_walk& w, std::uint64_t seed) { w.start(seed, 3, steps); }, true);
}

// One "execution" is `points` hand-overs of a token among three OS threads.
void thread_hand_off(benchmark::State& state) {
  const int points = static_cast<int>(state.range(0));
  alignas(64) static std::atomic<std::uint32_t> turn[3];
  static std::atomic<bool> stop;
  stop = false;
  for (auto& each : turn) each = 0;
  const auto wait = [](std::atomic<std::uint32_t>& at) {
    while (at.load(std::memory_order_acquire) == 0) {
      syscall(SYS_futex, &at, FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
    }
    at.store(0, std::memory_order_relaxed);
  };
  const auto pass = [](std::atomic<std::uint32_t>& at) {
    at.store(1, std::memory_order_release);
    syscall(SYS_futex, &at, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  };
  std::vector<std::thread> threads;
  for (int i = 1; i < 3; ++i) {
    threads.emplace_back([&, i] {
      for (;;) {
        wait(turn[i]);
        if (stop) return;
        pass(turn[(i + 1) % 3]);
      }
    });
  }
  for (auto _ : state) {
    for (int done = 0; done < points; done += 3) {
      pass(turn[1]);
      wait(turn[0]);
    }
  }
  stop = true;
  pass(turn[1]);
  pass(turn[2]);
  for (auto& each : threads) each.join();
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK_CAPTURE(random_model, tiny, model_bug0_padding0, true);
BENCHMARK_CAPTURE(random_model, tiny_learned, model_bug0_padding0, false);
BENCHMARK_CAPTURE(pct_model, tiny, model_bug0_padding0, 60);
BENCHMARK_CAPTURE(random_model, 3x50, model_bug0_padding40, true);
BENCHMARK_CAPTURE(random_model, 3x50_learned, model_bug0_padding40, false);
BENCHMARK_CAPTURE(pct_model, 3x50, model_bug0_padding40, 200);
BENCHMARK(thread_hand_off)->Name("thread_hand_off/tiny")->Arg(27)->UseRealTime();
BENCHMARK(thread_hand_off)->Name("thread_hand_off/3x50")->Arg(150)->UseRealTime();

/// Prints the ratios once all has run.
class ratios final : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type == Run::RT_Aggregate ? run.aggregate_name == "median"
                                            : run.repetitions <= 1) {
        const auto rate = run.counters.find("items_per_second");
        if (rate != run.counters.end()) rates_.emplace_back(run.run_name.str(), rate->second);
      }
    }
    ConsoleReporter::ReportRuns(runs);
  }
  void Finalize() override {
    for (const char* const size : {"tiny", "3x50"}) {
      const double threads = rate_of(std::string("thread_hand_off/") + size);
      if (threads <= 0) continue;
      for (const auto& [name, rate] : rates_) {
        if (name.find(size) != std::string::npos && name.find("model") != std::string::npos) {
          std::printf("%-28s %12.0f executions/s  %8.1f x a bare hand-off between OS threads\n",
                      name.c_str(), rate, rate / threads);
        }
      }
    }
  }

 private:
  double rate_of(const std::string& name) const {
    for (const auto& [each, rate] : rates_) {
      if (each.rfind(name, 0) == 0) return rate;
    }
    return 0;
  }
  std::vector<std::pair<std::string, double>> rates_;
};

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  ratios reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  return 0;
}
