// The main program of each C++ contestant: everything that was offered, under Google Benchmark.
//
// bench/run.py starts it; by hand, --benchmark_filter='T1/' shows one row.
//
// A second thread sleeps for as long as the program lives. Without one, libstdc++, malloc and
// glibc's mutex notice that nobody else is there and leave out what cancellation is about:
// std::stop_source then skips a system call for each callback.
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "runner.hpp"

namespace {

std::vector<const bench::workload*>& offered() {
  static std::vector<const bench::workload*> all;
  return all;
}

/// Somebody else, who does nothing.
class bystander {
 public:
  ~bystander() {
    {
      std::lock_guard guard(lock_);
      over_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

 private:
  std::mutex lock_;
  std::condition_variable wake_;
  bool over_ = false;
  std::thread thread_{[this] {
    std::unique_lock guard(lock_);
    wake_.wait(guard, [this] { return over_; });
  }};
};

}  // namespace

extern "C" void bench_offer(const bench::workload* what) { offered().push_back(what); }

int main(int argc, char** argv) {
  const bystander somebody;
  for (const bench::workload* what : offered()) {
    auto* const it = benchmark::RegisterBenchmark(
        what->name, [what](benchmark::State& state) { bench::measure(state, *what); });
    it->Unit(benchmark::kNanosecond);
    if (what->how != bench::shape::loop) it->UseManualTime();
    if (what->how > bench::shape::batch) it->Iterations(1);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
