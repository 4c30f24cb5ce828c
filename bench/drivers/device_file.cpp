// The time of one read through a file: a hosted driver's, and the bare libfuse echo's, in turns.
//
//   bench_device_file DRIVER_FILE ECHO_FILE [Google Benchmark's options]
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <vector>

#include <benchmark/benchmark.h>

namespace {

void read_file(benchmark::State& state, const char* path) {
  const int file = open(path, O_RDONLY);
  if (file < 0) {
    state.SkipWithError("cannot be opened");
    return;
  }
  std::vector<char> buffer(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    if (pread(file, buffer.data(), buffer.size(), 0) != state.range(0)) {
      state.SkipWithError("a short read");
      break;
    }
  }
  close(file);
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) {
    std::fprintf(stderr, "usage: bench_device_file DRIVER_FILE ECHO_FILE [option]...\n");
    return 2;
  }
  const char* const driver = arguments[1];
  const char* const echo = arguments[2];
  for (int i = 3; i <= count; ++i) arguments[i - 2] = arguments[i];
  count -= 2;
  for (const auto& [name, path] : {std::pair{"driver", driver}, std::pair{"echo", echo}}) {
    benchmark::RegisterBenchmark(name,
                                 [path = path](benchmark::State& state) { read_file(state, path); })
        ->Arg(64)
        ->Arg(4096)
        ->Arg(65536)
        ->UseRealTime();
  }
  benchmark::Initialize(&count, arguments);
  benchmark::RunSpecifiedBenchmarks();
}
