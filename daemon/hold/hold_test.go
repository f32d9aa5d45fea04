package hold

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func over(h Hold) bool {
	select {
	case <-h.Over():
		return true
	default:
		return false
	}
}

func TestChanged(t *testing.T) {
	var d Desk
	work, again, home := d.Begin("work"), d.Begin("work"), d.Begin("home")
	d.Changed("work", "nobody")
	if !over(work) || !over(again) || over(home) {
		t.Errorf("got %t %t %t, want the holds of work over", over(work), over(again), over(home))
	}
	next := d.Begin("work")
	if over(next) {
		t.Error("a hold that begins after the change is over, want it to last")
	}
	d.ChangedAll()
	if !over(next) || !over(home) {
		t.Error("got a hold that lasts, want none")
	}
	for _, h := range []Hold{work, again, home, next} {
		h.End()
	}
	if len(d.rounds) != 0 || d.untold != 0 || d.quiet != nil {
		t.Errorf("got %+v, want nothing left", &d)
	}
}

// What ends before any change leaves nothing behind.
func TestEnd(t *testing.T) {
	var d Desk
	one, two := d.Begin("work"), d.Begin("work")
	one.End()
	if len(d.rounds) != 1 {
		t.Error("the other hold is forgotten")
	}
	two.End()
	if len(d.rounds) != 0 {
		t.Errorf("got %v, want nothing left", d.rounds)
	}
	d.ChangedAll()
	d.Settle(t.Context())
}

func TestSettle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d Desk
		d.Settle(t.Context())
		began := time.Now()
		told, deaf := d.Begin("work"), d.Begin("home")
		d.Changed("work")
		go func() {
			<-told.Over()
			time.Sleep(time.Millisecond)
			told.End()
		}()
		d.Settle(t.Context())
		if took := time.Since(began); took != time.Millisecond {
			t.Errorf("got on after %v, want it when the holder was told, and not to wait for one of another account", took)
		}
		d.ChangedAll()
		d.Settle(t.Context())
		if took := time.Since(began); took != time.Millisecond+patience {
			t.Errorf("one who does not listen: got on after %v, want %v", took, time.Millisecond+patience)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		d.Settle(ctx)
		if took := time.Since(began); took != time.Millisecond+patience {
			t.Errorf("nobody waits any more: got on after %v", took)
		}
		deaf.End()
	})
}

func TestAtOnce(t *testing.T) {
	var d Desk
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				h := d.Begin("work")
				d.Changed("work")
				<-h.Over()
				h.End()
				d.Settle(t.Context())
			}
		})
	}
	all.Wait()
	if len(d.rounds) != 0 || d.untold != 0 {
		t.Errorf("got %+v, want nothing left", &d)
	}
}
