package main

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Two goroutines, each locked to a thread, do the same for a window of time.
type pair struct {
	name string
	make func() func(times int)
}

func pairs() []pair {
	return []pair{
		{"pair/T5/go", func() func(int) {
			parent, _ := context.WithCancel(context.Background())
			return func(times int) {
				for i := 0; i < times; i++ {
					_, cancel := context.WithCancel(parent)
					cancel()
				}
			}
		}},
		{"pair/floor/xadd_pair", func() func(int) {
			var shared struct {
				_    [128]byte
				word uint64
				_    [128]byte
			}
			return func(times int) {
				for i := 0; i < times; i++ {
					atomic.AddUint64(&shared.word, 1)
					atomic.AddUint64(&shared.word, ^uint64(0))
				}
			}
		}},
	}
}

const window = 10 * time.Millisecond

// CPU time of the calling thread.
func threadTime() time.Duration {
	const rusageThread = 1
	var usage syscall.Rusage
	if err := syscall.Getrusage(rusageThread, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func measurePair(what pair) string {
	body := what.make()
	var rate, busy [2]float64
	var ready int32
	var done sync.WaitGroup
	for who := 0; who < 2; who++ {
		who := who
		done.Add(1)
		go func() {
			defer done.Done()
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			body(1000)
			atomic.AddInt32(&ready, 1)
			for atomic.LoadInt32(&ready) < 2 {
			}
			used, start, did := threadTime(), time.Now(), 0
			for time.Since(start) < window {
				body(200)
				did += 200
			}
			lasted := float64(time.Since(start))
			rate[who] = float64(did) / lasted
			busy[who] = float64(threadTime()-used) / lasted
		}()
	}
	done.Wait()
	return fmt.Sprintf(`{"name": %q, "run_type": "iteration", "ns": %g, "busy": %g, "fairness": %g}`,
		what.name, 1/(rate[0]+rate[1]), math.Min(busy[0], busy[1]),
		math.Min(rate[0], rate[1])/math.Max(rate[0], rate[1]))
}
