package machine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestWatchClock(t *testing.T) {
	for _, test := range []struct {
		name          string
		wall, running time.Duration // that pass until the next look
		want          bool
	}{
		{"nothing happens", clockPoll, clockPoll, false},
		{"slewed", clockPoll + time.Second, clockPoll, false},
		{"asleep", 3 * time.Hour, time.Second, true},
		{"set forward", clockPoll + time.Hour, clockPoll, true},
		{"set back", clockPoll - time.Hour, clockPoll, true},
	} {
		for _, told := range []bool{true, false} {
			name := test.name + ", polled"
			if told {
				name = test.name + ", told"
			}
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancel(t.Context())
					var changes chan struct{}
					if told {
						changes = make(chan struct{})
					}
					began, look := time.Now(), 0
					clocks := func() (time.Time, time.Duration) {
						defer func() { look++ }()
						rest := time.Duration(max(look-1, 0)) * clockPoll
						wall, running := test.wall+rest, test.running+rest
						if look == 0 {
							wall, running = 0, 0
						}
						return began.Add(wall), running
					}
					jumps := 0
					ended := make(chan struct{})
					go func() {
						defer close(ended)
						watchClock(ctx, changes, clocks, func() { jumps++ })
					}()
					for range 2 {
						if told {
							changes <- struct{}{}
						} else {
							time.Sleep(clockPoll)
						}
						synctest.Wait()
					}
					cancel()
					<-ended
					want := 0
					if test.want {
						want = 1
					}
					if jumps != want || look != 3 {
						t.Errorf("got %d jumps in %d looks, want %d in 3", jumps, look, want)
					}
				})
			})
		}
	}
}

// Nobody sets the clock in a test; this is that the watch lives and ends.
func TestClockChangesEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		WatchClock(ctx, func() { t.Error("a jump was told, and the clock was not set") })
	}()
	cancel()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Fatal("WatchClock has not returned")
	}
}
