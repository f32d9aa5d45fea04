package daemon

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// cutOff answers with the beginning of a body, and processes nothing.
func cutOff() oauthtest.Fault {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"access_token":"x`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})
	}
}

// header adds a header to an answer.
func header(name, value string, fault oauthtest.Fault) oauthtest.Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(name, value)
			fault(next).ServeHTTP(w, r)
		})
	}
}

func TestFailuresThatEndNoLogin(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault oauthtest.Fault
		want  api.Code
		retry int // least retry_after
		state api.State
	}{
		{"503", oauthtest.Status(503), api.ProviderUnreachable, 1, api.StateError},
		{"500 with invalid words", oauthtest.Respond(500, nil, "invalid_grant"), api.ProviderUnreachable, 1, api.StateError},
		{"503 with Retry-After", oauthtest.RetryAfter(503, "90"), api.ProviderUnreachable, 90, api.StateError},
		{"429", oauthtest.RetryAfter(429, "90"), api.ProviderUnreachable, 90, api.StateError},
		{"408", oauthtest.Status(408), api.ProviderUnreachable, 1, api.StateError},
		{"connection reset", oauthtest.Reset(), api.ProviderUnreachable, 1, api.StateError},
		{"cut off", cutOff(), api.ProviderUnreachable, 1, api.StateError},
		{"no answer", oauthtest.Hang(), api.ProviderUnreachable, 1, api.StateError},
		{"too slow", oauthtest.Slow(40 * time.Second), api.ProviderUnreachable, 1, api.StateError},
		{"no token response", oauthtest.Respond(200, nil, `{"status":"maintenance"}`), api.ProviderUnreachable, 1, api.StateError},
		{"JSON cut off", oauthtest.Respond(200, nil, `{"access_token": `), api.ProviderUnreachable, 1, api.StateError},
		{"temporarily_unavailable", oauthtest.Error(400, "temporarily_unavailable"), api.ProviderUnreachable, 1, api.StateError},
		{"HTML", oauthtest.HTML(200), api.ProviderUnreachable, 1, api.StateError},
		{"HTML of a gateway", oauthtest.HTML(502), api.ProviderUnreachable, 1, api.StateError},
		{"nothing", oauthtest.Empty(), api.ProviderUnreachable, 1, api.StateError},
		{"10 MB", oauthtest.Huge(10 << 20), api.ProviderUnreachable, 1, api.StateError},
		{"307", header("Location", "http://127.0.0.1/elsewhere", oauthtest.Status(307)), api.ProviderRejected, 0, api.StateError},
		{"308", header("Location", "http://127.0.0.1/elsewhere", oauthtest.Status(308)), api.ProviderRejected, 0, api.StateError},
		{"401", oauthtest.Status(401), api.ProviderRejected, 0, api.StateError},
		{"404", oauthtest.Status(404), api.ProviderRejected, 0, api.StateError},
		{"invalid_client", oauthtest.Error(401, "invalid_client"), api.ProviderRejected, 0, api.StateError},
		{"invalid_scope", oauthtest.Error(400, "invalid_scope"), api.ProviderRejected, 0, api.StateError},
		{"unauthorized_client", oauthtest.Error(400, "unauthorized_client"), api.ProviderRejected, 0, api.StateError},
		{"a code nobody knows", oauthtest.Error(400, "who_knows"), api.ProviderRejected, 0, api.StateError},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, oauthtest.Config{KeepRefreshTokens: true})
				r.account("work")
				before := r.store.raw(t, "work")
				r.start()
				r.server.Script(oauthtest.Token, tt.fault)
				want := []string{r.server.Issuer() + "/token"}
				if slices.Contains([]string{"connection reset", "cut off", "no answer", "too slow", "nothing", "JSON cut off"}, tt.name) {
					// It is not known what became of the request: it is made once more, and here meets the same.
					r.server.Script(oauthtest.Token, tt.fault)
					want = append(want, want[0])
				}
				e := r.refused(tt.want)
				if e.RetryAfter < tt.retry || tt.retry == 0 && e.RetryAfter != 0 {
					t.Errorf("got retry_after %d, want at least %d, or none", e.RetryAfter, tt.retry)
				}
				if !slices.Equal(r.posted(), want) {
					t.Errorf("got requests to %q, want %q", r.posted(), want)
				}
				if a := r.shown("work"); a.State != tt.state || a.LastError == nil || a.LastError.Code != tt.want {
					t.Errorf("got state %s, last error %v; want %s and %s", a.State, a.LastError, tt.state, tt.want)
				}
				if r.store.raw(t, "work") != before {
					t.Error("the record was changed, want it as it was")
				}
				time.Sleep(2 * time.Minute)
				r.token()
				if a := r.shown("work"); a.State != api.StateReady || a.LastError != nil {
					t.Errorf("got state %s, last error %v; want ready", a.State, a.LastError)
				}
			})
		})
	}
}

func TestDefiniteAnswersEndTheLogin(t *testing.T) {
	described, err := json.Marshal(map[string]string{"error": "invalid_grant", "error_description": "Token has been expired or revoked."})
	if err != nil {
		t.Fatal(err)
	}
	for name, fault := range map[string]oauthtest.Fault{
		"invalid_grant":                oauthtest.Error(400, "invalid_grant"),
		"invalid_grant, described":     oauthtest.Respond(400, nil, string(described)),
		"invalid_grant with 200":       oauthtest.Error(200, "invalid_grant"),
		"interaction_required":         oauthtest.Error(400, "interaction_required"),
		"bad_refresh_token, as GitHub": oauthtest.Error(200, "bad_refresh_token"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, oauthtest.Config{})
				r.account("work")
				r.start()
				r.server.Script(oauthtest.Token, fault)
				before := r.store.credential(t, "work")
				r.refused(api.LoginRequired)
				after := r.store.credential(t, "work")
				if !after.Dead || !after.RefreshToken.Equal(before.RefreshToken) {
					t.Errorf("got dead %t, want it marked and nothing deleted", after.Dead)
				}
				for range 2 {
					r.refused(api.LoginRequired)
					if a := r.shown("work"); a.State != api.StateLoginRequired || a.LastError == nil || a.LastError.Code != api.LoginRequired {
						t.Errorf("got state %s, last error %v; want login_required", a.State, a.LastError)
					}
					r.restart()
				}
				time.Sleep(48 * time.Hour)
				if _, err := r.ask(api.TokenRequest{Account: "work", Scope: "openid"}); err == nil {
					t.Error("got a token with a scope, want login_required")
				}
				if n := r.refreshes(); n != 1 {
					t.Errorf("got %d refresh requests, want no more than the refused one", n)
				}
			})
		})
	}
}

func TestDeadCredentialIsRememberedWhenTheStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.start()
		r.server.RevokeAll()
		r.store.failing("put", errFault)
		r.refused(api.LoginRequired)
		r.refused(api.LoginRequired)
		if n := r.refreshes(); n != 1 {
			t.Errorf("got %d refresh requests, want 1", n)
		}
		r.store.script(nil)
		time.Sleep(2 * time.Minute)
		if !r.store.credential(t, "work").Dead {
			t.Error("the mark was not saved once the store took it")
		}
	})
}

// What a provider quotes of the request reaches no message and no log, which the rig searches.
func TestEchoedCredentials(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{KeepRefreshTokens: true})
	r.start()
	def := r.definition("email", "offline_access")
	def.ClientID, def.ClientSecret = "web", clientSecret
	r.loggedIn("work", def)
	said := "no client for Authorization: Basic " + basicPair() + " and " + r.store.credential(t, "work").RefreshToken.Reveal()
	body, err := json.Marshal(map[string]string{"error": "invalid_client", "error_description": said})
	if err != nil {
		t.Fatal(err)
	}
	r.server.Always(oauthtest.Token, oauthtest.Respond(401, nil, string(body)))
	_, err = r.ask(api.TokenRequest{Account: "work", Force: true})
	r.wants(err, api.ProviderRejected)
	if err == nil || !strings.Contains(err.Error(), "no client for Authorization: [redacted] and [redacted]") {
		t.Errorf("got %v, want the provider's words without what it quotes", err)
	}
	if got := r.shown("work").LastError; got == nil || strings.Contains(got.Message, basicPair()) {
		t.Errorf("got last error %v, want it without what the provider quotes", got)
	}
}
