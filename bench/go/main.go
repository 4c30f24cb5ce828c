// Go's context and timers, under testing.Benchmark; prints JSON as Google Benchmark does.
//
// Go 1.19 has no context.AfterFunc, so the nearest to a callback is a child context, which the
// parent's cancel reaches; it does more (it has an error and a Done channel of its own) and less (it
// runs nothing). Times are testing.Benchmark's, wall time with the collector's share in other
// threads left out, which favours Go.
//
//	bench_go -time 100ms -repetitions 3 -windows 14
package main

import (
	"flag"
	"fmt"
	"math/rand"
	"runtime"
	"strings"
	"testing"
)

type workload struct {
	name string
	run  func(b *testing.B)
	// How many operations one iteration of run is.
	each float64
}

func main() {
	testing.Init()
	span := flag.String("time", "100ms", "how long one repetition takes")
	repetitions := flag.Int("repetitions", 3, "of each benchmark")
	windows := flag.Int("windows", 14, "of each benchmark with two threads")
	flag.Parse()
	if err := flag.Set("test.benchtime", *span); err != nil {
		panic(err)
	}
	runtime.GOMAXPROCS(2)

	var turns []workload
	for i := 0; i < *repetitions; i++ {
		turns = append(turns, single()...)
	}
	// A fixed seed: repetitions take turns, the same way in every run.
	rand.New(rand.NewSource(1)).Shuffle(len(turns), func(i, j int) { turns[i], turns[j] = turns[j], turns[i] })
	var lines []string
	for _, each := range turns {
		result := testing.Benchmark(each.run)
		ns := float64(result.T.Nanoseconds()) / float64(result.N) / each.each
		lines = append(lines, fmt.Sprintf(`{"name": %q, "run_type": "iteration", "ns": %g}`, each.name, ns))
	}
	for i := 0; i < *windows; i++ {
		for _, each := range pairs() {
			lines = append(lines, measurePair(each))
		}
	}
	fmt.Println(`{"benchmarks": [`)
	fmt.Println("  " + strings.Join(lines, ",\n  "))
	fmt.Println("]}")
}
