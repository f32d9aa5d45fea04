package login

import (
	"testing"
	"testing/synctest"
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
		l.Drain()
	})
}
