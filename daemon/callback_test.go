package daemon

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
	"oauthd/redirect"
)

// paste gives the login a pasted response.
func (r *rig) paste(id, text string) error {
	err := r.d.Callback(r.t.Context(), id, text)
	if err != nil {
		r.tell(err)
	}
	return err
}

func TestCallback(t *testing.T) {
	for _, by := range []string{"id", "name"} {
		t.Run("by "+by, func(t *testing.T) {
			r := newRealRig(t, oauthtest.Config{})
			r.start()
			l := r.begin("work", r.definition("openid"))
			other := r.begin("home", r.definition("openid"))
			e := l.event(api.EventAuthorize)
			other.event(api.EventAuthorize)
			id := e.LoginID
			if by == "name" {
				id = "work"
			}
			if err := r.paste(id, r.response(e.URL)); err != nil {
				t.Fatalf("got %v, want it taken", err)
			}
			if err := <-l.ended; err != nil {
				t.Fatalf("got %v, want done", err)
			}
			r.token()
			r.wants(r.paste(id, r.response(e.URL)), api.UnknownLogin)
			other.cancel()
			r.wants(<-other.ended, api.LoginFailed)
		})
	}
	t.Run("denied", func(t *testing.T) {
		r := newRealRig(t, oauthtest.Config{})
		r.start()
		l := r.begin("work", r.definition("openid"))
		r.server.DenyNext()
		if err := r.paste("work", r.response(l.url())); err != nil {
			t.Errorf("got %v, want it taken", err)
		}
		r.wants(<-l.ended, api.LoginDenied)
		r.nothingLeft("work")
	})
}

func TestCallbackOfNoLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, deviceConfig)
		r.start()
		for _, id := range []string{"work", "", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"} {
			r.wants(r.paste(id, "code=x&state=y"), api.UnknownLogin)
		}
		def := r.definition("openid")
		def.Headless = true
		l := r.begin("work", def)
		e := l.event(api.EventDevice)
		for _, id := range []string{"work", e.LoginID} {
			r.wants(r.paste(id, "code=x&state=y"), api.UnknownLogin) // a device waits for no response
		}
		if err := r.server.ApproveDevice(e.UserCode); err != nil {
			t.Fatal(err)
		}
		if err := <-l.ended; err != nil {
			t.Errorf("got %v, want done", err)
		}
	})
}

func TestWrongPasteKeepsWaiting(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	l := r.begin("work", r.definition("openid"))
	at := l.url()
	right := r.response(at)
	without := func(name string) string {
		u, err := url.Parse(right)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		q.Del(name)
		u.RawQuery = q.Encode()
		return u.String()
	}
	for _, tt := range []struct {
		name, text string
		want       redirect.Mistake
	}{
		{"nothing", " ", redirect.ErrNoResponse},
		{"the address alone", strings.SplitN(right, "?", 2)[0], redirect.ErrNoResponse},
		{"no code", without("code"), redirect.ErrNoResponse},
		{"no state", without("state"), redirect.ErrNoState},
		{"no iss", without("iss"), redirect.ErrNoIssuer},
		{"cut off", right[:len(right)-9], redirect.ErrWrongState},
		{"the code alone", "ac-x", redirect.ErrNoState},
		{"another login", strings.Replace(right, "state=", "state=A", 1), redirect.ErrWrongState},
		{"where it starts", at, redirect.ErrAuthorizationURL},
		{"another address", strings.Replace(right, "127.0.0.1", "app.example.com", 1), redirect.ErrWrongAddress},
		{"damaged", strings.Replace(right, "?", "?%zz=1&", 1), redirect.ErrMalformed},
		{"very long", strings.Repeat("x", 1<<20), redirect.ErrTooLong},
	} {
		err := r.paste("work", tt.text)
		r.wants(err, api.BadRequest)
		if err != nil && err.Error() != tt.want.Error() {
			t.Errorf("%s: got %q, want %q", tt.name, err, tt.want)
		}
		if len(l.ended) != 0 {
			t.Fatalf("%s: the login ended with %v, want it to wait", tt.name, <-l.ended)
		}
	}
	if n := r.server.Requests(oauthtest.Token); n != 0 {
		t.Errorf("got %d token requests, want none", n)
	}
	if err := r.paste("work", right); err != nil {
		t.Fatalf("got %v, want the right one taken", err)
	}
	if err := <-l.ended; err != nil {
		t.Errorf("got %v, want done", err)
	}
}

func TestPasteAfterTheResponse(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	l := r.begin("work", r.definition("openid"))
	at := l.url()
	hold := r.server.Hold(oauthtest.Token)
	l.visit(at)
	await(t, "the exchange", hold.Arrived)
	err := r.paste("work", r.response(at))
	r.wants(err, api.UnknownLogin)
	if err != nil && strings.Contains(err.Error(), "redirect:") {
		t.Errorf("got %q, want words for a person", err)
	}
	hold.Release()
	if err := <-l.ended; err != nil {
		t.Errorf("got %v, want done", err)
	}
}

func TestPasteAndBrowserAtOnce(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	for i := range 5 {
		l := r.begin("work", r.definition("openid"))
		at := l.url()
		texts := []string{r.response(at), r.response(at), r.response(at)}
		start := make(chan struct{})
		var group sync.WaitGroup
		for _, text := range texts {
			group.Go(func() { <-start; _ = r.paste("work", text) })
		}
		group.Go(func() { <-start; <-l.visit(at) })
		close(start)
		group.Wait()
		if err := <-l.ended; err != nil {
			t.Errorf("got %v, want done", err)
		}
		if n := r.server.TokenRequests("authorization_code"); n != i+1 {
			t.Fatalf("got %d exchanges after %d logins, want one each", n, i+1)
		}
	}
}

func TestFixedPortIsHandedOn(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	def := r.definition("openid")
	def.RedirectURI = fmt.Sprintf("http://%s/callback", free.Addr())
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	// The first keeps its port for as long as its exchange takes, which nobody can cancel.
	first := r.begin("work", def)
	hold := r.server.Hold(oauthtest.Token)
	first.visit(first.url())
	await(t, "the exchange", hold.Arrived)
	second := r.begin("work", def)
	r.overtaken(1)
	third := r.begin("work", def)
	r.overtaken(2)
	if len(second.told)+len(third.told) != 0 {
		t.Error("a login was told to go on while another held its port")
	}
	hold.Release()
	r.wants(<-first.ended, api.LoginSuperseded)
	r.wants(<-second.ended, api.LoginSuperseded)
	e := third.event(api.EventAuthorize)
	if e.RedirectURI != def.RedirectURI {
		t.Errorf("got redirect URI %s, want %s", e.RedirectURI, def.RedirectURI)
	}
	if err := third.decide(e.URL, oauthtest.Allow); err != nil {
		t.Errorf("the third: got %v, want done", err)
	}
	if len(second.told) != 0 {
		t.Error("the second was told to go on after the third had begun")
	}
	r.token()
}
