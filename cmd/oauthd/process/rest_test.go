package process

import (
	"context"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"
)

func TestRestBegins(t *testing.T) {
	for _, test := range []struct {
		name      string
		disturbed time.Duration // for how long something happens every second
		want      time.Duration // when rest begins
	}{
		{"after the start", 0, RestAfter},
		{"after a burst", 4*RestAfter + RestAfter/2, 6 * RestAfter},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := NewRest()
				began := time.Now()
				var rested time.Duration
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					if r.quiet(t.Context()) {
						rested = time.Since(began)
					}
				}()
				for time.Since(began) < test.disturbed {
					r.Disturb()
					time.Sleep(time.Second)
				}
				<-ended
				if rested != test.want {
					t.Errorf("got rest after %v, want %v", rested, test.want)
				}
			})
		})
	}
}

func TestRestEnds(t *testing.T) {
	percent, limit := debug.SetGCPercent(50), debug.SetMemoryLimit(1<<40)
	t.Cleanup(func() { debug.SetGCPercent(percent); debug.SetMemoryLimit(limit) })
	look := func() (percent int, limit int64) {
		percent = debug.SetGCPercent(-1)
		debug.SetGCPercent(percent)
		return percent, debug.SetMemoryLimit(-1)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r := NewRest()
		ended := make(chan struct{})
		go func() { defer close(ended); r.Run(ctx, func() {}) }()
		for _, end := range []struct {
			name string
			do   func()
		}{{"a request", r.Disturb}, {"another one", r.Disturb}, {"the end", cancel}} {
			time.Sleep(3 * RestAfter)
			synctest.Wait()
			if percent, limit := look(); percent != -1 || limit >= 1<<40 {
				t.Errorf("before %s: got collection at %d %% and a limit of %d bytes, want none and a low one", end.name, percent, limit)
			}
			end.do()
			synctest.Wait()
			if percent, limit := look(); percent != 50 || limit != 1<<40 {
				t.Errorf("after %s: got collection at %d %% and a limit of %d bytes, want 50 and %d", end.name, percent, limit, int64(1<<40))
			}
		}
		<-ended
	})
}
