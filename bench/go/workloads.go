package main

import (
	"context"
	"math/rand"
	"sync/atomic"
	"testing"
	"time"
)

var word uint64

func casPair(b *testing.B) {
	for i := 0; i < b.N; i++ {
		atomic.CompareAndSwapUint64(&word, 0, 64)
		atomic.CompareAndSwapUint64(&word, 64, 0)
	}
}

// T1, T3, T12: a child comes and goes.
func addRemove(b *testing.B) {
	parent, stop := context.WithCancel(context.Background())
	defer stop()
	for i := 0; i < b.N; i++ {
		_, cancel := context.WithCancel(parent)
		cancel()
	}
}

// T2: and a flag decides who finishes.
func life(b *testing.B) {
	parent, stop := context.WithCancel(context.Background())
	defer stop()
	for i := 0; i < b.N; i++ {
		var finished uint32
		_, cancel := context.WithCancel(parent)
		atomic.CompareAndSwapUint32(&finished, 0, 1)
		cancel()
	}
}

// T4: with many others present, a random one goes and comes back.
func amongMany(present int) func(b *testing.B) {
	return func(b *testing.B) {
		parent, stop := context.WithCancel(context.Background())
		defer stop()
		cancels := make([]context.CancelFunc, present)
		for i := range cancels {
			_, cancels[i] = context.WithCancel(parent)
		}
		random := rand.New(rand.NewSource(1))
		order := make([]int, 4096)
		for i := range order {
			order[i] = random.Intn(present)
		}
		b.ResetTimer()
		for i := 0; i < b.N; i++ {
			at := order[i%len(order)]
			cancels[at]()
			_, cancels[at] = context.WithCancel(parent)
		}
	}
}

// T7, T8, T9: a cancel with many children.
func fanOut(children int) func(b *testing.B) {
	return func(b *testing.B) {
		b.StopTimer()
		for i := 0; i < b.N; i++ {
			parent, stop := context.WithCancel(context.Background())
			for j := 0; j < children; j++ {
				_, cancel := context.WithCancel(parent)
				_ = cancel
			}
			b.StartTimer()
			stop()
			b.StopTimer()
		}
	}
}

// T7: 256 parents with a child each, so that the clock is read seldom.
const batch = 256

func cancelOne(b *testing.B) {
	b.StopTimer()
	for i := 0; i < b.N; i++ {
		var stops [batch]context.CancelFunc
		for j := range stops {
			var parent context.Context
			parent, stops[j] = context.WithCancel(context.Background())
			_, cancel := context.WithCancel(parent)
			_ = cancel
		}
		b.StartTimer()
		for _, stop := range stops {
			stop()
		}
		b.StopTimer()
	}
}

// T11: from nothing to nothing, cancelled.
func whole(b *testing.B) {
	for i := 0; i < b.N; i++ {
		parent, stop := context.WithCancel(context.Background())
		_, cancel := context.WithCancel(parent)
		_ = cancel
		stop()
	}
}

// T13: a timer an hour away is set and stopped.
func timers(pending int) func(b *testing.B) {
	return func(b *testing.B) {
		others := make([]*time.Timer, pending)
		for i := range others {
			others[i] = time.AfterFunc(time.Hour+time.Duration((i+1)*7919%pending)*time.Millisecond, func() {})
		}
		b.ResetTimer()
		for i := 0; i < b.N; i++ {
			time.AfterFunc(time.Hour, func() {}).Stop()
		}
		b.StopTimer()
		for _, each := range others {
			each.Stop()
		}
	}
}

var polled error

func poll(b *testing.B) {
	parent, stop := context.WithCancel(context.Background())
	defer stop()
	for i := 0; i < b.N; i++ {
		polled = parent.Err()
	}
}

func single() []workload {
	return []workload{
		{"loop/floor/cas_pair", casPair, 1},
		{"loop/T1/go", addRemove, 1},
		{"loop/T2/go", life, 1},
		{"loop/T3/go", addRemove, 1},
		{"loop/T4_1k/go", amongMany(1000), 1},
		{"loop/T4_10k/go", amongMany(10000), 1},
		{"batch/T7/go", cancelOne, batch},
		{"batch/T8/go", fanOut(1000), 1000},
		{"batch/T9_100k/go", fanOut(100000), 100000},
		{"loop/T11/go", whole, 1},
		{"loop/T12/go", addRemove, 1},
		{"loop/T13_0/go", timers(0), 1},
		{"loop/T13_1m/go", timers(1000000), 1},
		{"loop/poll/go", poll, 1},
	}
}
