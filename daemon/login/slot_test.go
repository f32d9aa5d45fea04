package login

import (
	"testing"
	"testing/synctest"

	"oauthd/ipc/api"
)

// TestEndsInOrder checks that no login counts as ended before those that it took over from have let go of their port.
func TestEndsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Logins{slots: slots{byAccount: map[string]*Slot{}}}
		var three [3]*Slot
		for i := range three {
			three[i] = &Slot{all: &l.slots, name: "work", ended: make(chan struct{}), cancel: func(error) {}}
			if _, err := l.slots.begin(three[i]); err != nil {
				t.Fatal(err)
			}
		}
		go three[1].End()
		synctest.Wait()
		select {
		case <-three[2].last:
			t.Error("the third was let on before the first had ended")
		default:
		}
		three[0].End()
		<-three[2].last
		if !three[2].current() {
			t.Error("the end of the others ended the third")
		}
		three[2].End()
		if n := len(l.slots.byAccount); n != 0 {
			t.Errorf("got %d logins under way once all have ended, want none", n)
		}
		l.Drain()
	})
}

// TestBeginBehindALock checks that a login which slips in behind a lock does not stay.
func TestBeginBehindALock(t *testing.T) {
	l := (&witness{t: t}).logins()
	l.vault.Gate().Shut()
	if _, _, err := l.Begin(t.Context(), "work"); err == nil || api.AsError(err).Code != api.Locked {
		t.Errorf("got %v, want locked", err)
	}
	if n := len(l.slots.byAccount); n != 0 {
		t.Errorf("got %d logins under way, want none", n)
	}
	l.Drain()
}
