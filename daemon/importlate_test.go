package daemon

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// TestImportThatIsOvertaken is about an import whose refresh token the provider has rotated already: the new one is the
// only one that works, so that a newer login or import of the same name must not lose it.
func TestImportThatIsOvertaken(t *testing.T) {
	// spent starts an import, and returns when its refresh token is spent and the answer still under way.
	spent := func(r *rig, request api.ImportRequest) (ended chan error, hold *oauthtest.Hold) {
		hold = r.server.HoldAnswer(oauthtest.Token)
		ended = make(chan error, 1)
		go func() { ended <- r.d.Import(context.Background(), request, func(e api.ImportEvent) { r.tell(e) }) }()
		<-hold.Arrived
		return ended, hold
	}
	t.Run("by another import", func(t *testing.T) {
		r := newRealRig(t, oauthtest.Config{})
		r.start()
		request := r.saved()
		first, hold := spent(r, request)
		second := make(chan error, 1)
		go func() { second <- r.d.Import(context.Background(), request, func(e api.ImportEvent) { r.tell(e) }) }()
		r.overtaken(1)
		hold.Release()
		if err := <-first; err != nil {
			t.Errorf("the first import: got %v, want it carried through", err)
		}
		r.wants(<-second, api.BadRequest) // it is there already
		r.token()
		if n := r.refreshes(); n != 1 {
			t.Errorf("got %d refreshes, want the first import's alone", n)
		}
	})
	t.Run("by a login that is given up", func(t *testing.T) {
		r := newRealRig(t, oauthtest.Config{})
		r.start()
		first, hold := spent(r, r.saved())
		l := r.begin("work", r.definition("openid"))
		r.overtaken(1)
		hold.Release()
		if err := <-first; err != nil {
			t.Errorf("the import: got %v, want it carried through", err)
		}
		l.url()
		l.cancel()
		<-l.ended
		r.token()
	})
	t.Run("by a logout", func(t *testing.T) {
		r := newRealRig(t, oauthtest.Config{})
		r.start()
		first, hold := spent(r, r.saved())
		l := r.begin("work", r.definition("openid"))
		r.overtaken(1)
		r.d.logins.Supersede("work")
		hold.Release()
		r.wants(<-first, api.LoginSuperseded)
		r.wants(<-l.ended, api.LoginSuperseded)
		r.nothingLeft("work")
	})
}

// overtaken waits until logins have been overtaken that many times.
func (r *rig) overtaken(times int) {
	r.t.Helper()
	await(r.t, "the login to be overtaken", func() <-chan struct{} {
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			for r.t.Context().Err() == nil && r.logged("a newer login has taken over") < times {
				runtime.Gosched()
			}
		}()
		return gone
	}())
}

// logged returns how often the log has that message.
func (r *rig) logged(message string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Count(r.out.String(), message)
}
