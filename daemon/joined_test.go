package daemon

import (
	"context"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// join starts n logins at once that share one. opened gets where one that leads sends its person, waits an element for each
// that waits for another.
func (r *rig) join(ctx context.Context, n int) (opened chan string, waits chan struct{}, ended chan error) {
	opened, waits, ended = make(chan string, n), make(chan struct{}, n), make(chan error, n)
	def := r.definition("openid")
	def.Join = true
	for range n {
		go func() {
			ended <- r.d.Login(ctx, "work", def, func(e api.LoginEvent) {
				switch e.Event {
				case api.EventAuthorize:
					opened <- e.URL
				case api.EventNotice:
					waits <- struct{}{}
				}
			})
		}()
	}
	return opened, waits, ended
}

func TestTwentyLoginsThatShareOne(t *testing.T) {
	for _, tt := range []struct {
		decision string
		want     api.Code
	}{{oauthtest.Allow, ""}, {oauthtest.Deny, api.LoginDenied}} {
		t.Run(tt.decision, func(t *testing.T) {
			r := newRealRig(t, oauthtest.Config{})
			r.start()
			opened, waits, ended := r.join(t.Context(), 20)
			first := <-opened
			for range 19 {
				<-waits
			}
			if tt.want != "" {
				r.server.DenyNext()
			}
			if _, err := oauthtest.Follow(t.Context(), nil, first, tt.decision); err != nil {
				t.Fatal(err)
			}
			for range 20 {
				if err := <-ended; (err == nil) != (tt.want == "") || err != nil && api.AsError(err).Code != tt.want {
					t.Errorf("got %v, want %q", err, tt.want)
				}
			}
			if len(opened) != 0 {
				t.Errorf("%d persons more were sent to a page", len(opened))
			}
			_, err := r.d.Token(t.Context(), api.TokenRequest{Account: "work"})
			if (err == nil) != (tt.want == "") {
				t.Errorf("a token: got %v", err)
			}
			if tt.want == "" { // and one that comes later needs no login
				_, _, ended := r.join(t.Context(), 1)
				if err := <-ended; err != nil {
					t.Errorf("later: got %v", err)
				}
			}
		})
	}
}

// If the program that began the login goes away, another one takes it on.
func TestSharedLoginIsTakenOn(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	ctx, cancel := context.WithCancel(t.Context())
	opened, _, ended := r.join(ctx, 1)
	<-opened
	more, waits, endedToo := r.join(t.Context(), 5)
	for range 5 {
		<-waits
	}
	cancel()
	if err := <-ended; err == nil {
		t.Error("got no error, want that the first has given up")
	}
	select {
	case page := <-more:
		if _, err := oauthtest.Follow(t.Context(), nil, page, oauthtest.Allow); err != nil {
			t.Fatal(err)
		}
	case err := <-endedToo:
		t.Fatalf("got %v, want that another one begins", err)
	}
	for range 5 {
		if err := <-endedToo; err != nil {
			t.Errorf("got %v", err)
		}
	}
	if len(opened)+len(more) != 0 {
		t.Error("a third person was sent to a page")
	}
}
