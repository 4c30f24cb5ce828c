// Turns workloads into Google Benchmark's benchmarks. See workload.hpp for the shapes.
#pragma once

#include <benchmark/benchmark.h>

#include "workload.hpp"

namespace bench {

/// Measures one repetition. Besides Google Benchmark's own times it sets the counter `ns`, except
/// for loops, whose CPU time Google Benchmark has; for two threads also
///   busy      of the time, how much the thread that got less of a processor was running
///   fairness  what the slower thread did, of what the faster did
void measure(benchmark::State& state, const workload& what);

}  // namespace bench
