package daemon

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

const devicePolls = "urn:ietf:params:oauth:grant-type:device_code"

var deviceConfig = oauthtest.Config{Device: true, DeviceInterval: time.Second, DeviceLifetime: 20 * time.Second}

func TestDeviceLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, deviceConfig)
		r.start()
		def := r.definition("openid", "email")
		def.Grant = "device_code"
		l := r.begin("work", def)
		e := l.event(api.EventDevice)
		uri := r.server.Issuer() + "/device"
		if e.LoginID == "" || e.VerificationURI != uri || e.URL != "" || e.RedirectURI != "" ||
			query(t, e.VerificationURIComplete).Get("user_code") != e.UserCode {
			t.Errorf("got %+v, want a login id, %s and its complete form", e, uri)
		}
		if codes := r.server.WaitingDevices(); !slices.Equal(codes, []string{e.UserCode}) {
			t.Errorf("got user code %q, want one of %q", e.UserCode, codes)
		}
		if left := e.ExpiresAt.Sub(r.now()); left < 19*time.Second || left > 20*time.Second {
			t.Errorf("the event is good for %v, want 20 s", left)
		}
		time.Sleep(3500 * time.Millisecond)
		if n := r.server.TokenRequests(devicePolls); n != 3 {
			t.Errorf("got %d polls, want one a second", n)
		}
		if r.store.raw(t, "work") != "" || r.snapshot("work").file != "" {
			t.Error("something was kept before anybody had agreed")
		}
		if err := r.server.ApproveDevice(e.UserCode); err != nil {
			t.Fatal(err)
		}
		done := l.event(api.EventDone)
		if err := <-l.ended; err != nil {
			t.Fatalf("got %v, want done", err)
		}
		if done.Email != "ada@example.com" || done.Subject != "ada" || done.Warnings != nil ||
			!slices.Equal(done.ScopesGranted, []string{"openid", "email", "offline_access"}) {
			t.Errorf("got %+v, want ada and what she granted", done)
		}
		if a := r.shown("work"); a.Grant != "device_code" || !strings.Contains(r.snapshot("work").file, `grant = 'device_code'`) {
			t.Errorf("got grant %q, file %q; want the chosen one kept", a.Grant, r.snapshot("work").file)
		}
		first := r.token()
		r.restart()
		if r.token().AccessToken == first.AccessToken || r.refreshes() != 1 {
			t.Errorf("got %d refreshes after a restart, want 1", r.refreshes())
		}

		again := r.begin("work", api.AccountDefinition{})
		if err := r.server.ApproveDevice(again.event(api.EventDevice).UserCode); err != nil {
			t.Fatal(err)
		}
		again.event(api.EventDone)
		if err := <-again.ended; err != nil {
			t.Errorf("again: got %v, want done", err)
		}
	})
}

func TestHeadlessTakesTheDeviceGrantOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, deviceConfig)
		r.start()
		def := r.definition("openid")
		def.Headless = true
		l := r.begin("work", def)
		if err := r.server.ApproveDevice(l.event(api.EventDevice).UserCode); err != nil {
			t.Fatal(err)
		}
		l.event(api.EventDone)
		if err := <-l.ended; err != nil {
			t.Fatalf("got %v, want done", err)
		}
		if file := r.snapshot("work").file; r.shown("work").Grant != "authorization_code" || strings.Contains(file, "device") ||
			strings.Contains(file, "headless") {
			t.Errorf("got file %q, want nothing of the device grant, which nobody chose", file)
		}
	})
}

func TestDeviceLoginThatFailsLeavesNothing(t *testing.T) {
	for _, tt := range []struct {
		name string
		act  func(r *rig, l *attempted, userCode string)
		want api.Code
		word string
	}{
		{"denied", func(r *rig, _ *attempted, code string) { _ = r.server.DenyDevice(code) }, api.LoginDenied, "denied"},
		{"expired", func(*rig, *attempted, string) {}, api.LoginTimeout, "expired"},
		{"time is over", func(*rig, *attempted, string) {}, api.LoginTimeout, "nobody finished the login within 2s"},
		{"caller goes away", func(_ *rig, l *attempted, _ string) { l.cancel() }, api.LoginFailed, "cancelled"},
		{"daemon stops", func(r *rig, _ *attempted, _ string) { _ = r.d.Shutdown(r.t.Context()) }, api.LoginFailed, "stopping"},
		{"logout", func(r *rig, _ *attempted, _ string) { r.d.logins.Supersede("work") }, api.LoginSuperseded, "took over"},
		{"another person", func(r *rig, _ *attempted, code string) {
			r.server.SetUser(oauthtest.User{Subject: "bob", Email: "bob@example.com"})
			_ = r.server.ApproveDevice(code)
		}, api.SubjectMismatch, "bob@example.com"},
		{"refused for good", func(r *rig, _ *attempted, _ string) {
			r.server.Script(oauthtest.Token, oauthtest.Error(400, "invalid_grant"))
		}, api.LoginFailed, "invalid_grant"},
		{"client refused", func(r *rig, _ *attempted, _ string) {
			r.server.Script(oauthtest.Token, oauthtest.Error(401, "invalid_client"))
		}, api.ProviderRejected, "invalid_client"},
		{"ID token for another client", func(r *rig, _ *attempted, code string) {
			r.server.Always(oauthtest.Token, r.server.SetClaim("aud", "web"))
			_ = r.server.ApproveDevice(code)
		}, api.LoginFailed, "another client"},
		{"store", func(r *rig, _ *attempted, code string) {
			r.store.failing("put", errFault)
			_ = r.server.ApproveDevice(code)
		}, api.KeystoreUnavailable, "keychain"},
	} {
		for _, known := range []bool{false, true} {
			name := tt.name + ", new account"
			if known {
				name = tt.name + ", known account"
			}
			if tt.want == api.SubjectMismatch && !known {
				continue
			}
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t, deviceConfig)
					def := api.AccountDefinition{Headless: true}
					if known {
						r.account("work")
					}
					r.start()
					if !known {
						def = r.definition("openid")
						def.Headless = true
					}
					if strings.HasPrefix(name, "time is over") {
						def.Timeout = 2
					}
					before := r.snapshot("work")
					l := r.begin("work", def)
					tt.act(r, l, l.event(api.EventDevice).UserCode)
					err := <-l.ended
					r.wants(err, tt.want)
					if err != nil && !strings.Contains(err.Error(), tt.word) {
						t.Errorf("got %q, want %q in it", err, tt.word)
					}
					r.store.script(nil)
					r.server.Reset(oauthtest.Token)
					if len(l.told) != 0 {
						t.Errorf("got event %q, want none: the error is Login's", (<-l.told).Event)
					}
					if err := r.d.Callback(t.Context(), "work", "x"); err == nil {
						t.Error("the login still takes a response")
					}
					if tt.word == "stopping" {
						r.restart()
					}
					if known {
						if tt.want != api.KeystoreUnavailable { // the undo counts the record's generation on
							r.unchanged("work", before)
						}
						r.token()
						return
					}
					r.nothingLeft("work")
				})
			})
		}
	}
}

func TestSecondDeviceLoginEndsTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, deviceConfig)
		r.start()
		def := r.definition("openid")
		def.Headless = true
		first := r.begin("work", def)
		one := first.event(api.EventDevice)
		second := r.begin("work", def)
		r.wants(<-first.ended, api.LoginSuperseded)
		two := second.event(api.EventDevice)
		if one.UserCode == two.UserCode || one.LoginID == two.LoginID {
			t.Error("both have the same code or id")
		}
		// Whoever enters the first code now gives nothing to anybody.
		if err := r.server.ApproveDevice(one.UserCode); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		if r.store.raw(t, "work") != "" {
			t.Error("the first login was completed")
		}
		if err := r.server.ApproveDevice(two.UserCode); err != nil {
			t.Fatal(err)
		}
		if err := <-second.ended; err != nil {
			t.Errorf("the second: got %v, want done", err)
		}
		r.token()
	})
}

func TestDeviceLoginGoesOnOverTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{Device: true, DeviceInterval: time.Second})
		r.start()
		def := r.definition("openid")
		def.Headless = true
		r.server.Script(oauthtest.Token, oauthtest.Status(503), oauthtest.Reset(), oauthtest.Error(400, "slow_down"))
		l := r.begin("work", def)
		if err := r.server.ApproveDevice(l.event(api.EventDevice).UserCode); err != nil {
			t.Fatal(err)
		}
		if err := <-l.ended; err != nil || r.server.TokenRequests(devicePolls) != 4 {
			t.Errorf("got %v after %d polls, want done after 4", err, r.server.TokenRequests(devicePolls))
		}
	})
}

func TestDeviceGrantRefused(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault oauthtest.Fault
		// back is true if the redirect is tried instead, when nobody chose the device grant; else code is the error.
		back   bool
		code   api.Code
		chosen api.Code
	}{
		{"not for this client", oauthtest.Error(400, "unauthorized_client"), true, "", api.ProviderRejected},
		{"not for these scopes", oauthtest.Error(400, "invalid_scope"), true, "", api.ProviderRejected},
		{"another kind of client", oauthtest.Error(401, "invalid_client"), true, "", api.ProviderRejected},
		{"switched off, as GitHub says", oauthtest.Error(400, "device_flow_disabled"), true, "", api.ProviderRejected},
		{"gone", oauthtest.Status(404), true, "", api.LoginFailed},
		{"a page", oauthtest.HTML(200), true, "", api.LoginFailed},
		{"out of order", oauthtest.Status(503), false, api.ProviderUnreachable, api.ProviderUnreachable},
		{"out of reach", oauthtest.Reset(), false, api.ProviderUnreachable, api.ProviderUnreachable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRealRig(t, deviceConfig)
			r.start()
			r.server.Always(oauthtest.DeviceAuthorization, tt.fault)
			def := r.definition("openid")
			def.Grant = "device_code"
			l := r.begin("work", def)
			if url := l.url(); url != "" {
				t.Error("chosen: got an authorization URL, want the refusal told")
			}
			r.wants(<-l.ended, tt.chosen)
			r.nothingLeft("work")

			def.Grant, def.Headless = "", true
			l = r.begin("work", def)
			url := l.url()
			if (url != "") != tt.back {
				t.Errorf("headless: got the redirect %t, want %t", url != "", tt.back)
			}
			err := l.decide(url, oauthtest.Allow)
			if tt.back {
				if err != nil {
					t.Errorf("headless: got %v, want done", err)
				}
				r.token()
				return
			}
			r.wants(err, tt.code)
			r.nothingLeft("work")
		})
	}
}

func TestProviderWithoutTheDeviceGrant(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	def := r.definition("openid")
	def.Grant = "device_code"
	l := r.begin("work", def)
	l.url()
	r.wants(<-l.ended, api.Unsupported)
	r.nothingLeft("work")
	def.Grant, def.Headless = "", true
	r.loggedIn("work", def)
}
