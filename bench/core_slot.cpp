// What an operation that nobody cancels costs, beside the floor (bare compare-and-swaps on one
// word) and beside libstdc++'s std::stop_token, all in one run.
//
//   bench_core_slot [--enforce] [Google Benchmark's options]
//
// Ends with a table of ratios of medians. With --enforce, exits 1 when a target is missed.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "belay/operation.hpp"

namespace {

struct no_claim : belay::claim_routine {
  no_claim() : claim_routine([](routine&, belay::reason) noexcept {}) {}
};
struct no_notify : belay::notify_routine {
  no_notify() : notify_routine([](routine&, belay::reason) noexcept {}) {}
};

// The routine's address is laundered in every loop: without it the compiler may keep constants that
// a program, which gets its routine from somewhere, would not have.
template <class T>
T& unknown(T& object) {
  T* at = &object;
  asm volatile("" : "+r"(at));
  return *at;
}

void raw_cas(benchmark::State& state) {
  std::atomic<std::uint64_t> word{0};
  no_claim routine;
  std::uint64_t from = 0, to = reinterpret_cast<std::uintptr_t>(&unknown(routine));
  for (auto _ : state) {
    std::uint64_t was = from;
    benchmark::DoNotOptimize(word.compare_exchange_strong(was, to, std::memory_order_acq_rel));
    std::swap(from, to);
  }
}
BENCHMARK(raw_cas);

void raw_cas_pair(benchmark::State& state) {
  std::atomic<std::uint64_t> word{0};
  no_claim routine;
  for (auto _ : state) {
    const std::uint64_t armed = reinterpret_cast<std::uintptr_t>(&unknown(routine));
    std::uint64_t was = 0;
    benchmark::DoNotOptimize(word.compare_exchange_strong(was, armed, std::memory_order_release));
    was = armed;
    benchmark::DoNotOptimize(word.compare_exchange_strong(was, 0, std::memory_order_acquire));
  }
}
BENCHMARK(raw_cas_pair);

template <class Routine>
void arm_disarm(benchmark::State& state) {
  belay::operation operation;
  Routine routine;
  for (auto _ : state) {
    Routine& armed = unknown(routine);
    benchmark::DoNotOptimize(operation.arm(armed));
    benchmark::DoNotOptimize(operation.disarm(armed));
  }
}
BENCHMARK_TEMPLATE(arm_disarm, no_claim)->Name("arm_disarm_claim");
BENCHMARK_TEMPLATE(arm_disarm, no_notify)->Name("arm_disarm_notify");

template <class Routine>
void life(benchmark::State& state) {
  Routine routine;
  for (auto _ : state) {
    Routine& armed = unknown(routine);
    belay::operation operation(armed);
    benchmark::DoNotOptimize(&operation);  // published
    benchmark::DoNotOptimize(operation.complete(armed, belay::outcome::completed));
  }
}
BENCHMARK_TEMPLATE(life, no_claim)->Name("life_claim");
BENCHMARK_TEMPLATE(life, no_notify)->Name("life_notify");

void stop_token_register(benchmark::State& state) {
  std::stop_source source;
  const std::stop_token token = source.get_token();
  for (auto _ : state) {
    std::stop_callback callback(token, [] {});
    benchmark::DoNotOptimize(&callback);
  }
}
BENCHMARK(stop_token_register);

void cancel_claim(benchmark::State& state) {
  no_claim routine;
  for (auto _ : state) {
    belay::operation operation(unknown(routine));
    benchmark::DoNotOptimize(&operation);
    benchmark::DoNotOptimize(operation.cancel(belay::reason_kind::user));
  }
}
BENCHMARK(cancel_claim);

void cancel_notify(benchmark::State& state) {
  no_notify routine;
  for (auto _ : state) {
    belay::operation operation(unknown(routine));
    benchmark::DoNotOptimize(&operation);
    benchmark::DoNotOptimize(operation.cancel(belay::reason_kind::user));
  }
}
BENCHMARK(cancel_notify);

void poll(benchmark::State& state) {
  belay::operation operation;
  for (auto _ : state) benchmark::DoNotOptimize(operation.cancelled());
}
BENCHMARK(poll);

/// Keeps each benchmark's repetitions and prints nothing of its own.
class keeper : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type == Run::RT_Iteration)
        times_[run.run_name.function_name].push_back(run.GetAdjustedCPUTime());
    }
  }

  const std::map<std::string, std::vector<double>>& times() const { return times_; }
  double median(const std::string& name) const {
    const auto found = times_.find(name);
    if (found == times_.end()) return 0;
    std::vector<double> sorted = found->second;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }

 private:
  std::map<std::string, std::vector<double>> times_;
};

struct target {
  const char* what;
  const char* numerator;
  const char* denominator;
  double limit;
  bool at_most;
};

constexpr target targets[] = {
    {"arm + disarm (claim) / two raw CAS", "arm_disarm_claim", "raw_cas_pair", 1.15, true},
    {"arm + disarm (notify) / two raw CAS", "arm_disarm_notify", "raw_cas_pair", 1.15, true},
    {"armed constructor + complete (claim) / one raw CAS", "life_claim", "raw_cas", 1.20, true},
    {"armed constructor + complete (notify) / one raw CAS", "life_notify", "raw_cas", 1.20, true},
    {"std::stop_token register + deregister / arm + disarm", "stop_token_register",
     "arm_disarm_notify", 2.5, false},
};

bool print_ratios(const keeper& measured) {
  bool all_met = true;
  for (const auto& [name, times] : measured.times())
    std::printf("%-24s %8.2f ns, median of %zu\n", name.c_str(), measured.median(name),
                times.size());
  std::printf("\n%-56s %8s %8s %7s  %s\n", "ratio of medians", "ns", "ns", "ratio", "target");
  for (const target& each : targets) {
    const double over = measured.median(each.numerator);
    const double under = measured.median(each.denominator);
    if (over == 0 || under == 0) continue;  // filtered out
    const double ratio = over / under;
    const bool met = each.at_most ? ratio <= each.limit : ratio >= each.limit;
    all_met = all_met && met;
    std::printf("%-56s %8.2f %8.2f %7.2f  %s %.2f %s\n", each.what, over, under, ratio,
                each.at_most ? "<=" : ">=", each.limit, met ? "met" : "MISSED");
  }
  return all_met;
}

}  // namespace

int main(int argc, char** argv) {
  // Repetitions take turns, so that a slow moment of the machine hits all alike.
  std::vector<char*> arguments = {argv[0]};
  std::string defaults[] = {"--benchmark_repetitions=9", "--benchmark_min_time=0.1",
                            "--benchmark_enable_random_interleaving=true"};
  for (std::string& each : defaults) arguments.push_back(each.data());
  bool enforce = false;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--enforce") == 0) {
      enforce = true;
    } else {
      arguments.push_back(argv[i]);
    }
  }
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;
  keeper measured;
  benchmark::RunSpecifiedBenchmarks(&measured);
  benchmark::Shutdown();
  return print_ratios(measured) || !enforce ? 0 : 1;
}
