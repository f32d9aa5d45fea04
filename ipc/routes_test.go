package ipc

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"testing"

	"oauthd/ipc/api"
)

// oneOf returns a request that the route takes.
func oneOf(rt route) string {
	path := strings.NewReplacer("{name}", "work", "{id}", "google").Replace(rt.path)
	body := ""
	switch rt.path {
	case api.PathToken:
		if body = `{"account":"work"}`; rt.query {
			path, body = path+"?account=work", ""
		}
	case api.PathHold:
		body = `{"account":"work"}`
	case api.PathProof:
		body = `{"account":"work","method":"GET","url":"https://api.example.com/"}`
	case api.PathCallback:
		path, body = "/v1/logins/work/callback", `{"url":"http://127.0.0.1:8400/callback?code=c&state=s"}`
	case api.PathFiles:
		if rt.method == "POST" {
			body = `{"account":"work","path":"/x"}`
		} else if rt.query {
			path += "?path=/a%20b"
		}
	case api.PathSockets:
		if rt.method == "POST" {
			body = `{"account":"work","path":"/x"}`
		} else if rt.query {
			path += "?path=/a%20b"
		}
	case api.PathPolicy:
		body = `{"account":"work"}`
	case api.PathProxied:
		body = `{"requests":[]}`
	case api.PathConsent:
		body = `{"answer":"once"}`
	case api.PathAudit:
		if rt.method == "POST" {
			body = "{}"
		}
	case api.PathMatch:
		path += "?url=git.example.com"
	case api.PathStore:
		body = `{"backend":"file"}`
	case api.PathImport:
		body = `{"data":"x"}`
	}
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: oauthd\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", rt.method, path, len(body), body)
}

func routesOf(b Backend) []route { return (&serving{Server: New(Config{Backend: b})}).routes() }

// full is a fake with something to do for every route.
func full() *fake {
	return &fake{
		stopped: make(chan struct{}),
		login:   func(context.Context, string, api.AccountDefinition, func(api.LoginEvent)) error { return nil },
		imports: func(context.Context, api.ImportRequest, func(api.ImportEvent)) error { return nil },
		watch: func(context.Context, string) iter.Seq2[api.WatchEvent, error] {
			return func(func(api.WatchEvent, error) bool) {}
		},
	}
}

func TestEachGroupHasItsRoutes(t *testing.T) {
	f := full()
	all := routesOf(backendOf(f))
	r := start(t, f, nil)
	for _, rt := range all {
		if resp, body := exchange(t, r.path, oneOf(rt)); resp.StatusCode != http.StatusOK {
			t.Errorf("%s %s: got %d %s, want 200", rt.method, rt.path, resp.StatusCode, body)
		}
	}
	if got := routesOf(Backend{}); len(got) != 0 {
		t.Errorf("got %d routes of a backend that does nothing, want none", len(got))
	}
	total := 0
	for name, b := range map[string]Backend{
		"Tokens": {Tokens: f}, "Proofs": {Proofs: f}, "Holds": {Holds: f}, "Accounts": {Accounts: f}, "Logins": {Logins: f}, "Imports": {Imports: f},
		"Providers": {Providers: f}, "Matches": {Matches: f}, "Policies": {Policies: f}, "Sockets": {Sockets: f}, "Proxied": {Proxied: f},
		"Watches": {Watches: f}, "Files": {Files: f}, "Locks": {Locks: f}, "Stores": {Stores: f}, "Control": {Control: f},
	} {
		n := len(routesOf(b))
		if total += n; n == 0 {
			t.Errorf("%s has no routes", name)
		}
	}
	if total != len(all) {
		t.Errorf("got %d routes one group at a time, want all %d", total, len(all))
	}
}

func TestChooseStore(t *testing.T) {
	r := start(t, full(), nil)
	for name, tc := range map[string]struct {
		body string
		want int
		says string
	}{
		"a store":        {`{"backend":"file","identity":"/key"}`, 200, `{"file":"file.toml","line":2,"restarting":false}`},
		"another member": {`{"backend":"file","passphrase":"hunter2"}`, 400, "bad_request"},
		"no body":        {"", 400, "bad_request"},
		"another type":   {`{"backend":7}`, 400, "bad_request"},
	} {
		t.Run(name, func(t *testing.T) {
			request := fmt.Sprintf("POST /v1/store HTTP/1.1\r\nHost: oauthd\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(tc.body), tc.body)
			resp, body := exchange(t, r.path, request)
			if resp.StatusCode != tc.want || !strings.Contains(body, tc.says) {
				t.Errorf("got %d %s, want %d and %s", resp.StatusCode, body, tc.want, tc.says)
			}
		})
	}
}

func TestUnlock(t *testing.T) {
	r := start(t, full(), nil)
	for name, tc := range map[string]struct {
		body string
		want int
	}{
		"no body":              {"", 200},
		"a blank body":         {" \n", 200},
		"an empty object":      {"{}", 200},
		"the passphrase":       {`{"passphrase":"hunter2"}`, 200},
		"another passphrase":   {`{"passphrase":"hunter3"}`, 423},
		"something else":       {`{"password":"hunter2"}`, 400},
		"more than a request ": {`{"passphrase":"` + strings.Repeat("x", maxTokenRequest) + `"}`, 413},
	} {
		resp, body := exchange(t, r.path, fmt.Sprintf("POST /v1/unlock HTTP/1.1\r\nHost: oauthd\r\nContent-Length: %d\r\n\r\n%s", len(tc.body), tc.body))
		if resp.StatusCode != tc.want {
			t.Errorf("%s: got %d %s, want %d", name, resp.StatusCode, body, tc.want)
		}
	}
}

// A request's context has ended once it is answered, so that nothing goes on for it.
func TestContextEndsWithItsRequest(t *testing.T) {
	got := make(chan context.Context, 1)
	r := start(t, &fake{token: func(ctx context.Context, r api.TokenRequest) (api.Token, error) {
		got <- ctx
		return sampleToken(r), nil
	}}, nil)
	for name, ask := range map[string]func(){
		"line": func() {
			c := dial(t, r.path)
			defer c.Close()
			send(t, c, strings.Repeat(`{"account":"work"}`+"\n", 2))
			// By the second request the first one has been answered.
			first := <-got
			<-got
			got <- first
		},
		"http": func() {
			exchange(t, r.path, "GET /v1/token?account=work HTTP/1.1\r\nHost: oauthd\r\nConnection: close\r\n\r\n")
		},
	} {
		ask()
		if ctx := <-got; !errors.Is(ctx.Err(), context.Canceled) {
			t.Errorf("%s: got %v, want the context ended", name, ctx.Err())
		}
	}
}
