package daemon

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

func TestCancelledLogin(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	r.wants(r.d.CancelLogin(t.Context(), "work"), api.UnknownLogin)
	l := r.begin("work", r.definition("openid"))
	address := l.url()
	r.wants(r.d.CancelLogin(t.Context(), "other"), api.UnknownLogin)
	if err := r.d.CancelLogin(t.Context(), "work"); err != nil {
		t.Fatal(err)
	}
	err := <-l.ended
	r.wants(err, api.LoginFailed)
	if err != nil && !strings.Contains(err.Error(), "oauthd login --cancel work") {
		t.Errorf("got %v, want what cancelled it", err)
	}
	page, err := oauthtest.Follow(t.Context(), nil, address, oauthtest.Allow)
	if err != nil || !strings.Contains(page.Body, "The login was cancelled") {
		t.Errorf("agreeing all the same: got %v, want a page that says it was cancelled", err)
	}
	r.nothingLeft("work")
	r.wants(r.d.CancelLogin(t.Context(), "work"), api.UnknownLogin)
}

func TestLoginWhoseCodeIsSpentIsNotCancelled(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	hold := r.server.Hold(oauthtest.Token)
	l := r.begin("work", r.definition("openid"))
	ended := make(chan error, 1)
	address := l.url()
	go func() { ended <- l.decide(address, oauthtest.Allow) }()
	await(t, "the exchange", hold.Arrived)
	r.wants(r.d.CancelLogin(t.Context(), "work"), api.UnknownLogin)
	hold.Release()
	if err := <-ended; err != nil {
		t.Errorf("got %v, want the login carried through", err)
	}
}

func TestCancelledDeviceLogin(t *testing.T) {
	r := newRealRig(t, deviceConfig)
	r.start()
	def := r.definition("openid")
	def.Grant = "device_code"
	l := r.begin("work", def)
	l.event(api.EventDevice)
	if err := r.d.CancelLogin(t.Context(), "work"); err != nil {
		t.Fatal(err)
	}
	r.wants(<-l.ended, api.LoginFailed)
	r.nothingLeft("work")
}

// What a provider may refuse without sending the browser back is in the event, and in the time-out.
func TestLoginSaysWhatItSent(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	def := r.definition("openid")
	def.Timeout = 1
	l := r.begin("work", def)
	e := l.event(api.EventAuthorize)
	want := api.Registration{Provider: e.Registration.Provider, ClientID: def.ClientID, RedirectURI: "http://127.0.0.1/callback"}
	if got := *e.Registration; got.ClientID != want.ClientID || got.RedirectURI != want.RedirectURI || got.Provider == "" {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if !strings.Contains(e.ShortURL, "/go/") || strings.Contains(e.ShortURL, "?") || len(e.ShortURL) > 60 {
		t.Errorf("got the short address %q", e.ShortURL)
	}
	err := <-l.ended
	r.wants(err, api.LoginTimeout)
	for _, want := range []string{def.ClientID, "http://127.0.0.1/callback", "if the browser showed an error", "--timeout gives more time"} {
		if hint := api.AsError(err).Hint; !strings.Contains(hint, want) {
			t.Errorf("the time-out's hint: got %q, want %q in it", hint, want)
		}
	}

	def.Headless = true
	l = r.begin("work", def)
	if e := l.event(api.EventAuthorize); e.ShortURL != "" || e.URL == "" {
		t.Errorf("headless: got the short address %q, want the provider's alone", e.ShortURL)
	}
	l.cancel()
	<-l.ended
}

// The port of a login that has ended is the next one's, whatever its account.
func TestPortOfAnEndedLogin(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	def := r.definition("openid")
	first := r.begin("work", def)
	e := first.event(api.EventAuthorize)
	first.cancel()
	<-first.ended

	def.RedirectURI = e.RedirectURI
	second := r.begin("home", def)
	url := second.url()
	page, err := oauthtest.Follow(t.Context(), nil, e.URL, oauthtest.Allow)
	if err != nil || !strings.Contains(page.Body, "The login was cancelled") {
		t.Errorf("agreeing to the first login: got %v, want a page that says it was cancelled", err)
	}
	if err := second.decide(url, oauthtest.Allow); err != nil {
		t.Errorf("the second login at the same port: got %v", err)
	}
}

func TestNoServerOutlives(t *testing.T) {
	for name, end := range map[string]func(*rig) error{
		"the daemon": func(r *rig) error { return r.stop() },
		"a lock":     func(r *rig) error { return r.d.Lock(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRealRig(t, oauthtest.Config{})
			r.start()
			l := r.begin("work", r.definition("openid"))
			e := l.event(api.EventAuthorize)
			if err := l.decide(e.URL, oauthtest.Allow); err != nil {
				t.Fatal(err)
			}
			wantClosed(t, e.RedirectURI, false)
			if err := end(r); err != nil {
				t.Fatal(err)
			}
			wantClosed(t, e.RedirectURI, true)
		})
	}
}

// wantClosed checks whether nobody listens at an address.
func wantClosed(t *testing.T, address string, want bool) {
	t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(request)
	if err == nil {
		_ = resp.Body.Close()
	}
	if closed := err != nil; closed != want {
		t.Errorf("the redirect server is closed: got %t, want %t", closed, want)
	}
}
