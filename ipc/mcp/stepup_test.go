package mcp

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"oauthd/ipc/api"
)

// asked is a daemon that notes what it is asked, and what a person says to that.
type asked struct {
	requests []api.TokenRequest
	err      error
}

// Token implements [Tokens].
func (a *asked) Token(_ context.Context, r api.TokenRequest) (api.Token, error) {
	a.requests = append(a.requests, r)
	return api.Token{}, a.err
}

func TestStepUp(t *testing.T) {
	zero := int64(0)
	scopes := api.TokenRequest{Account: "work", Interactive: true, Scope: "files:write notes"}
	for _, test := range []struct {
		name      string
		method    string
		status    int
		challenge string
		refusal   error
		want      *api.TokenRequest // nil if nobody is to be asked
		sent      int
		got       int // the status
	}{
		{"scopes", "POST", 403, `Bearer error="insufficient_scope", scope="files:write notes"`, nil, &scopes, 2, 200},
		{"scopes that nobody grants", "POST", 403, `Bearer error="insufficient_scope", scope="files:write notes"`, &api.Error{Code: api.ScopeNotGranted}, &scopes, 1, 403},
		{"scopes that are not named", "POST", 403, `Bearer error="insufficient_scope"`, nil, nil, 1, 403},
		{"another error", "POST", 403, `Bearer error="invalid_request", scope="x"`, nil, nil, 1, 403},
		{"forbidden", "POST", 403, "", nil, nil, 1, 403},
		{"no token", "POST", 401, `Bearer error="invalid_token", scope="x"`, nil, nil, 1, 401},
		{"a stronger login", "POST", 401, `Bearer error="insufficient_user_authentication", acr_values="phr", max_age="0"`, nil,
			&api.TokenRequest{Account: "work", Interactive: true, ACRValues: "phr", MaxAge: &zero}, 2, 200},
		{"an age that is none", "POST", 401, `Bearer error="insufficient_user_authentication", max_age=soon`, nil, nil, 1, 401},
		{"a stream", "GET", 403, `Bearer error="insufficient_scope", scope="files:write"`, nil, nil, 1, 403},
	} {
		t.Run(test.name, func(t *testing.T) {
			sent := 0
			url := answering(t, func(w http.ResponseWriter, r *http.Request) {
				sent++
				if body, _ := io.ReadAll(r.Body); r.Method == http.MethodPost && string(body) != "message" {
					t.Errorf("got %q, want the whole message", body)
				}
				if sent == 1 {
					w.Header().Set("WWW-Authenticate", test.challenge)
					w.WriteHeader(test.status)
				}
			})
			daemon := &asked{err: test.refusal}
			req, err := http.NewRequestWithContext(t.Context(), test.method, url, strings.NewReader("message"))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := StepUp(daemon, api.TokenRequest{Account: "work"}, http.DefaultTransport).RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != test.got || sent != test.sent {
				t.Errorf("got status %d after %d requests, want %d after %d", resp.StatusCode, sent, test.got, test.sent)
			}
			switch {
			case test.want == nil && len(daemon.requests) == 0:
			case test.want == nil || len(daemon.requests) != 1 || !same(daemon.requests[0], *test.want):
				t.Errorf("the daemon was asked %+v, want %+v", daemon.requests, test.want)
			}
		})
	}
}

func same(a, b api.TokenRequest) bool {
	if (a.MaxAge == nil) != (b.MaxAge == nil) || a.MaxAge != nil && *a.MaxAge != *b.MaxAge {
		return false
	}
	a.MaxAge, b.MaxAge = nil, nil
	return a == b
}

// A server that is never satisfied costs one question a message.
func TestStepUpInVain(t *testing.T) {
	sent := 0
	url := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		sent++
		w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="more"`)
		w.WriteHeader(http.StatusForbidden)
	})
	daemon := &asked{}
	c := newClient(t, url, StepUp(daemon, api.TokenRequest{Account: "work"}, http.DefaultTransport))
	c.send(`{"jsonrpc":"2.0","id":1,"method":"x"}`)
	c.refused("1", api.ScopeNotGranted, "was granted: more")
	c.end()
	if len(daemon.requests) != 1 || sent != 2 {
		t.Errorf("got %d questions and %d requests, want one and two", len(daemon.requests), sent)
	}
}
