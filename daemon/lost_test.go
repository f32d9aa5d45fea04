package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// lostPause is that of daemon/mint.
const lostPause = time.Second

func TestLostAnswer(t *testing.T) {
	for _, tt := range []struct {
		name     string
		tolerant bool // takes the same refresh token again
		faults   []oauthtest.Fault
		want     api.Code // "" for a token
		requests int
	}{
		{"of a provider that takes the token again", true, []oauthtest.Fault{oauthtest.LoseAnswer()}, "", 2},
		{"cut off, of a provider that takes the token again", true, []oauthtest.Fault{oauthtest.CutOff()}, "", 2},
		{"of a provider that takes reuse for theft", false, []oauthtest.Fault{oauthtest.LoseAnswer()}, api.LoginRequired, 2},
		{"to a request that never arrived", false, []oauthtest.Fault{oauthtest.Reset()}, "", 2},
		{"twice", true, []oauthtest.Fault{oauthtest.LoseAnswer(), oauthtest.LoseAnswer()}, api.ProviderUnreachable, 2},
		{"then a definite refusal", true, []oauthtest.Fault{oauthtest.LoseAnswer(), oauthtest.Error(400, "invalid_grant")},
			api.LoginRequired, 2},
		{"then a passing failure", true, []oauthtest.Fault{oauthtest.LoseAnswer(), oauthtest.Status(503)}, api.ProviderUnreachable, 2},
		{"after a definite one nothing is asked", true, []oauthtest.Fault{oauthtest.Status(503)}, api.ProviderUnreachable, 1},
		{"hanging", true, []oauthtest.Fault{oauthtest.Hang()}, "", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, oauthtest.Config{KeepRefreshTokens: tt.tolerant})
				r.account("work")
				r.start()
				r.server.Script(oauthtest.Token, tt.faults...)
				started := time.Now()
				callers := make(chan error, 10)
				for range cap(callers) {
					go func() { _, err := r.ask(api.TokenRequest{Account: "work"}); callers <- err }()
				}
				for range cap(callers) {
					err := <-callers
					if tt.want != "" {
						r.wants(err, tt.want)
					} else if err != nil {
						t.Errorf("got %v, want a token", err)
					}
				}
				least, most := lostPause, 2*lostPause
				switch {
				case tt.requests == 1:
					least, most = 0, 0
				case tt.name == "hanging":
					least, most = least+30*time.Second, most+30*time.Second
				}
				if waited := time.Since(started); waited < least || waited > most {
					t.Errorf("answered after %v, want %v to %v", waited, least, most)
				}
				if n := len(r.posted()); n != tt.requests {
					t.Errorf("got %d requests for %d callers, want %d", n, cap(callers), tt.requests)
				}
				if dead := r.store.credential(t, "work").Dead; dead != (tt.want == api.LoginRequired) {
					t.Errorf("marked as ended: got %t", dead)
				}
			})
		})
	}
}

// brokenBehind processes the request and breaks the connection behind that member of the answer.
func brokenBehind(member string) oauthtest.Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, r)
			var fields map[string]json.RawMessage
			if json.Unmarshal(answer.Body.Bytes(), &fields) != nil {
				panic(http.ErrAbortHandler)
			}
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "1000")
			_, _ = fmt.Fprintf(w, `{%q:%s,"scope":"op`, member, fields[member])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})
	}
}

// The whole answer was lost but its first bytes, which have the new refresh token: that one is sent the second time.
func TestRefreshTokenOfABrokenAnswerIsSentNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.start()
		r.server.Script(oauthtest.Token, brokenBehind("refresh_token"))
		r.token()
		if c := r.store.credential(t, "work"); c.Dead || !r.server.Active(c.RefreshToken.Reveal()) || len(r.posted()) != 2 {
			t.Errorf("got dead %t after %d requests, want the login to live after 2", c.Dead, len(r.posted()))
		}
	})
}

func TestLostAnswerIsAskedForAgainWithoutCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{KeepRefreshTokens: true})
		r.account("work")
		r.start()
		r.server.Script(oauthtest.Token, oauthtest.LoseAnswer())
		ctx, cancel := context.WithTimeout(t.Context(), lostPause/2)
		defer cancel()
		_, err := r.d.Token(ctx, api.TokenRequest{Account: "work"})
		r.wants(err, api.Timeout)
		time.Sleep(2 * lostPause)
		if n := len(r.posted()); n != 2 {
			t.Errorf("got %d requests, want the second one although nobody waits", n)
		}
		if got := r.token(); got.AccessToken == "" || len(r.posted()) != 2 {
			t.Errorf("got %d requests, want its token served", len(r.posted()))
		}
	})
}
