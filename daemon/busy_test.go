package daemon

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/attend"
	"oauthd/daemon/oauthtest"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

func (r *rig) busy(want string) {
	r.t.Helper()
	if got := r.d.Busy(r.t.Context()); got != want {
		r.t.Errorf("busy: got %q, want %q", got, want)
	}
}

// away is a person who does not answer.
type away struct{ *person }

func (away) Ask(ctx context.Context, _ words.Question) (attend.Answer, error) {
	<-ctx.Done()
	return attend.Answer{}, ctx.Err()
}

func TestBusyWithALogin(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	r.busy("")
	l := r.begin("work", r.definition())
	url := l.url()
	r.busy("a login is under way")
	if err := l.decide(url, oauthtest.Allow); err != nil {
		t.Fatal(err)
	}
	r.busy("")
}

func TestBusyWithATokenOrALock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.person = away{&person{}}
		r.account("work")
		r.start()
		r.token()
		r.busy("")

		held := make(chan struct{})
		r.server.Script(oauthtest.Token, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				<-held
				next.ServeHTTP(w, q)
			})
		})
		r.store.failing("put", errFault)
		served := make(chan error, 1)
		go func() {
			_, err := r.ask(api.TokenRequest{Account: "work", Force: true})
			served <- err
		}()
		synctest.Wait()
		r.busy("a refresh of work is under way")
		close(held)
		if err := <-served; err != nil {
			t.Fatal(err)
		}
		r.busy("the credential of work is not in the store yet")
		r.store.script(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		r.busy("")

		r.lock()
		r.busy("oauthd is locked, and a new daemon would not be")
		r.unlock("")
		r.busy("")

		// A question that no caller waits for is asked again by the next daemon.
		r.server.RevokeAll()
		_, err := r.ask(api.TokenRequest{Account: "work", Force: true})
		r.wants(err, api.LoginRequired)
		time.Sleep(time.Second)
		r.busy("")
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			_, err := r.d.Token(ctx, api.TokenRequest{Account: "work", Force: true, Interactive: true})
			served <- err
		}()
		synctest.Wait()
		r.busy("callers wait for a login to work")
		cancel()
		r.wants(<-served, api.LoginRequired)
		r.busy("")
	})
}
