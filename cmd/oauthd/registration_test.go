package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/ipc/api"
)

// authorizing is an authorize event of a login that a provider may refuse on a page of its own.
func authorizing() api.LoginEvent {
	return api.LoginEvent{
		Event: api.EventAuthorize, URL: "https://as.example.com/authorize?client_id=c&state=s", ShortURL: "http://127.0.0.1:43123/go/ABC",
		RedirectURI: "http://127.0.0.1:43123/callback",
		Registration: &api.Registration{
			Provider: "corp", ClientID: "client-1", RedirectURI: "http://127.0.0.1/callback", URL: "https://as.example.com/apps",
			DocsURL: "https://as.example.com/docs",
			Steps:   []string{"Create it", "Set the redirect URI http://127.0.0.1/callback, which any login of this account will use from then on"},
		},
	}
}

func TestReminder(t *testing.T) {
	const want = `Still waiting for corp to send the browser back. If it shows an error instead,
compare what was sent with the client's registration:

  redirect URI   http://127.0.0.1:43123/callback
  to register    http://127.0.0.1/callback
  client id      client-1
  registered at  https://as.example.com/apps
  explained at   https://as.example.com/docs

  1. Create it
  2. Set the redirect URI http://127.0.0.1/callback, which any login of this
     account will use from then on

`
	synctest.Test(t, func(t *testing.T) {
		var out lockedBuffer
		v := &loginView{std: stdio{err: &out}, name: "work", noBrowser: true, deadline: time.Now().Add(time.Minute)}
		_ = v.show(authorizing())
		time.Sleep(reminderDelay - time.Second)
		synctest.Wait()
		before := out.String()
		if strings.Contains(before, "Still waiting") {
			t.Errorf("too early: got %q", before)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := strings.TrimPrefix(out.String(), before); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		for line := range strings.Lines(want) {
			if len(line) > 81 {
				t.Errorf("wider than 80 columns: %q", line)
			}
		}
		// It is said once, whatever happens after it.
		_ = v.show(api.LoginEvent{Event: api.EventNotice, Message: "something happened"})
		time.Sleep(time.Minute)
		v.rest()
		if n := strings.Count(out.String(), "Still waiting"); n != 1 {
			t.Errorf("the reminder came %d times, want once", n)
		}
	})
}

func TestNoReminder(t *testing.T) {
	for name, change := range map[string]func(*api.LoginEvent){
		"of a login that ends in time":              func(*api.LoginEvent) {},
		"about a client that the issuer registered": func(e *api.LoginEvent) { e.Registration = nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out lockedBuffer
				v := &loginView{std: stdio{err: &out}, name: "work", noBrowser: true, deadline: time.Now().Add(time.Minute)}
				e := authorizing()
				change(&e)
				_ = v.show(e)
				if e.Registration == nil {
					time.Sleep(2 * reminderDelay)
				}
				_ = v.show(api.LoginEvent{Event: api.EventDone, Grant: "authorization_code"})
				time.Sleep(2 * reminderDelay)
				if strings.Contains(out.String(), "Still waiting") {
					t.Errorf("got %q", out.String())
				}
			})
		})
	}
}

// What another user may read of a login's command line is short, and works once and for this user only.
func TestAddressForTheBrowser(t *testing.T) {
	for _, tt := range []struct {
		name         string
		view         loginView
		want, absent string
	}{
		{"no browser wanted", loginView{noBrowser: true}, "https://as.example.com/authorize?", "/go/"},
		{"no browser here", loginView{headless: "there is no display"}, "https://as.example.com/authorize?", "/go/"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out lockedBuffer
			v := tt.view
			v.std, v.name, v.deadline = stdio{err: &out}, "work", time.Now().Add(time.Minute)
			_ = v.show(authorizing())
			v.rest()
			if got := out.String(); !strings.Contains(got, tt.want) || strings.Contains(got, tt.absent) {
				t.Errorf("got %q, want %q and no %q", got, tt.want, tt.absent)
			}
		})
	}
}
