package ipc

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"oauthd/ipc/api"
)

func TestHTTP(t *testing.T) {
	r := start(t, &fake{
		token: func(_ context.Context, r api.TokenRequest) (api.Token, error) {
			switch r.Account {
			case "away":
				return api.Token{}, &api.Error{Code: api.ProviderUnreachable, Message: "no route", RetryAfter: 30}
			case "panics":
				panic(errors.New("not for the log"))
			}
			return sampleToken(r), nil
		},
	}, nil)
	get := func(target, headers string) string {
		return "GET " + target + " HTTP/1.1\r\nHost: oauthd\r\n" + headers + "\r\n"
	}
	post := func(target, body string) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: oauthd\r\nContent-Length: %d\r\n\r\n%s", target, len(body), body)
	}
	const token = `{"access_token":"ya29.sample","token_type":"Bearer","expires_in":3599,"account":"work","expires_at":"2026-11-22T10:00:00Z"}`
	const work = "/v1/token?account=work"
	for _, tc := range []struct {
		name, request string
		status        int
		want          string // the body, or its error code
	}{
		{"query", get(work, ""), 200, token},
		{"body", post("/v1/token", `{"account":"work"}`), 200, token},
		{"chunked body", "POST /v1/token HTTP/1.1\r\nHost: oauthd\r\nTransfer-Encoding: chunked\r\n\r\n12\r\n{\"account\":\"work\"}\r\n0\r\n\r\n", 200, token},
		{"accounts", get("/v1/accounts", ""), 200, "[]"},
		{"account", get("/v1/accounts/work", ""), 200, `{"name":"work","provider":"","grant":"","state":"ready","degraded":false,"refreshing":false,"scopes_requested":null,"scopes_granted":null}`},
		{"remove", "DELETE /v1/accounts/work HTTP/1.1\r\nHost: oauthd\r\n\r\n", 200, `{"revoked":false,"detail":"no revocation endpoint"}`},
		{"callback", post("/v1/logins/work/callback", `{"url":"http://127.0.0.1:8400/callback?code=c&state=s"}`), 200, `{}`},
		{"callback of no login", post("/v1/logins/other/callback", `{"url":"x"}`), 404, "unknown_login"},
		{"callback of something else", post("/v1/logins/work/callback", `{"uri":"x"}`), 400, "bad_request"},
		{"logout", post("/v1/accounts/work/logout", ""), 200, `{"revoked":true}`},
		{"host localhost", strings.Replace(get(work, ""), "oauthd", "localhost", 1), 200, token},
		{"host with port", strings.Replace(get(work, ""), "oauthd", "OAuthd:8080", 1), 200, token},
		{"other host", strings.Replace(get(work, ""), "oauthd", "rebound.example.com", 1), 403, "forbidden"},
		{"longer host", strings.Replace(get(work, ""), "oauthd", "localhost.example.com", 1), 403, "forbidden"},
		{"no host", "GET " + work + " HTTP/1.0\r\n\r\n", 403, "forbidden"},
		{"absolute target", get("http://rebound.example.com"+work, ""), 403, "forbidden"},
		{"origin", get(work, "Origin: null\r\n"), 403, "forbidden"},
		{"empty origin", get(work, "Origin:\r\n"), 403, "forbidden"},
		{"referer", get(work, "referer: http://oauthd/\r\n"), 403, "forbidden"},
		{"unknown path", get("/v2/token", ""), 404, "bad_request"},
		{"unclean path", get("//v1/token", ""), 404, "bad_request"},
		{"dots", get("/v1/accounts/../token?account=work", ""), 404, "bad_request"},
		{"method", "PUT /v1/token HTTP/1.1\r\nHost: oauthd\r\nContent-Length: 0\r\n\r\n", 405, "bad_request"},
		{"name", get("/v1/accounts/Work", ""), 400, "bad_request"},
		{"escaped name", get("/v1/accounts/..%2Fwork", ""), 404, "bad_request"},
		{"slash in name", get("/v1/accounts/a%2Fb", ""), 400, "bad_request"},
		{"query where none belongs", get("/v1/status?verbose=1", ""), 400, "bad_request"},
		{"query beside body", post(work, `{"account":"work"}`), 400, "bad_request"},
		{"body where none belongs", post("/v1/accounts/work/logout", "{}"), 400, "bad_request"},
		{"no account", get("/v1/token", ""), 400, "bad_request"},
		{"short body", post("/v1/token", `{"account":`), 400, "bad_request"},
		{"large body", post("/v1/token", strings.Repeat(" ", maxTokenRequest+1)), 413, "too_large"},
		{"large definition", post("/v1/accounts/work/login", strings.Repeat(" ", maxDefinition+1)), 413, "too_large"},
		{"retry after", get("/v1/token?account=away", ""), 503, "provider_unreachable"},
		{"panic", get("/v1/token?account=panics", ""), 500, "internal"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			resp, body := exchange(t, r.path, tc.request)
			got := strings.TrimSuffix(body, "\n")
			if tc.status != 200 {
				got = string(codeOf(t, body))
			}
			if resp.StatusCode != tc.status || got != tc.want {
				t.Errorf("got  %d %s\nwant %d %s", resp.StatusCode, got, tc.status, tc.want)
			}
			if ct, cc := resp.Header.Get("Content-Type"), resp.Header.Get("Cache-Control"); ct != "application/json" || cc != "no-store" {
				t.Errorf("got Content-Type %q, Cache-Control %q, want application/json, no-store", ct, cc)
			}
			if tc.name == "method" && resp.Header.Get("Allow") != "GET, POST" {
				t.Errorf("got Allow %q, want GET, POST", resp.Header.Get("Allow"))
			}
			if tc.name == "large body" && !strings.Contains(body, "more than 65536 bytes") {
				t.Errorf("got %s, want the limit named", body)
			}
			if header := map[string]string{"origin": "Origin", "referer": "Referer"}[tc.name]; !strings.Contains(body, header) {
				t.Errorf("got %s, want the header named", body)
			}
			if tc.name == "retry after" && resp.Header.Get("Retry-After") != "30" {
				t.Errorf("got Retry-After %q, want 30", resp.Header.Get("Retry-After"))
			}
		})
	}
	if log := r.log.String(); strings.Contains(log, "not for the log") || !strings.Contains(log, `"code":"forbidden"`) {
		t.Errorf("got log %s\nwant denials and no panic value", log)
	}
}

func TestHTTPKeepsConnection(t *testing.T) {
	r := start(t, &fake{}, nil)
	c := dial(t, r.path)
	in := bufio.NewReader(c)
	for i := range 3 {
		send(t, c, "GET /v1/token?account=work HTTP/1.1\r\nHost: oauthd\r\n\r\n")
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 {
			t.Errorf("request %d: got %d, %v, want 200", i, resp.StatusCode, err)
		}
	}
}

const loginRequest = "POST /v1/accounts/work/login HTTP/1.1\r\nHost: oauthd\r\nContent-Length: 21\r\n\r\n{\"provider\":\"google\"}"

// events reads the events of one login answer.
func events(t *testing.T, path string) (*http.Response, []api.LoginEvent) {
	t.Helper()
	resp, body := exchange(t, path, loginRequest)
	var list []api.LoginEvent
	for line := range strings.Lines(body) {
		var ev api.LoginEvent
		if err := json.Unmarshal([]byte(line), &ev); err != nil {
			t.Fatal(err)
		}
		list = append(list, ev)
	}
	return resp, list
}

func TestLogin(t *testing.T) {
	denied := &api.Error{Code: api.LoginDenied, Message: "you said no"}
	for _, tc := range []struct {
		name   string
		login  func(events func(api.LoginEvent)) error
		status int
		want   []string
	}{
		{"done", func(events func(api.LoginEvent)) error {
			events(api.LoginEvent{Event: api.EventAuthorize, URL: "https://idp.example.com/"})
			events(api.LoginEvent{Event: api.EventDone, Email: "ada@example.com"})
			return nil
		}, 200, []string{"authorize", "done"}},
		{"error after an event", func(events func(api.LoginEvent)) error {
			events(api.LoginEvent{Event: api.EventAuthorize})
			return denied
		}, 200, []string{"authorize", "error"}},
		{"panic after an event", func(events func(api.LoginEvent)) error {
			events(api.LoginEvent{Event: api.EventAuthorize})
			panic("bug")
		}, 200, []string{"authorize", "error"}},
		{"error before any event", func(func(api.LoginEvent)) error { return denied }, 403, []string{""}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, &fake{login: func(_ context.Context, name string, def api.AccountDefinition, ev func(api.LoginEvent)) error {
				if name != "work" || def.Provider != "google" {
					t.Errorf("got %s, %s, want work, google", name, def.Provider)
				}
				return tc.login(ev)
			}}, nil)
			resp, list := events(t, r.path)
			var got []string
			for _, ev := range list {
				got = append(got, ev.Event)
			}
			if resp.StatusCode != tc.status || strings.Join(got, " ") != strings.Join(tc.want, " ") {
				t.Errorf("got %d %q, want %d %q", resp.StatusCode, got, tc.status, tc.want)
			}
			if ct := resp.Header.Get("Content-Type"); tc.status == 200 && ct != "application/x-ndjson" {
				t.Errorf("got Content-Type %q, want application/x-ndjson", ct)
			}
			if cc := resp.Header.Get("Cache-Control"); cc != "no-store" {
				t.Errorf("got Cache-Control %q, want no-store", cc)
			}
		})
	}
}

// waitingLogin sends one event and then waits for its context.
func waitingLogin(ended chan<- error) *fake {
	return &fake{login: func(ctx context.Context, _ string, _ api.AccountDefinition, events func(api.LoginEvent)) error {
		events(api.LoginEvent{Event: api.EventAuthorize, URL: "https://idp.example.com/"})
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}}
}

func TestLoginEndsWithItsConnection(t *testing.T) {
	done := make(chan error, 1)
	r := start(t, waitingLogin(done), nil)
	c := dial(t, r.path)
	send(t, c, loginRequest)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	var ev api.LoginEvent
	if err := json.NewDecoder(resp.Body).Decode(&ev); err != nil || ev.Event != api.EventAuthorize {
		t.Fatalf("got %q, %v, want the event before the login has ended", ev.Event, err)
	}
	select {
	case <-done:
		t.Fatal("the login ended while its connection was open")
	default:
	}
	_ = c.Close()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Error("the login goes on after its connection was closed")
	}
}

func TestLoginEndsWithTheServer(t *testing.T) {
	done := make(chan error, 1)
	r := start(t, waitingLogin(done), nil)
	c := dial(t, r.path)
	send(t, c, loginRequest)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := r.stop(); err != nil || time.Since(began) > 4*time.Second {
		t.Errorf("got %v after %s, want a stop that waits for no person", err, time.Since(began))
	}
	body, _ := io.ReadAll(resp.Body)
	if !strings.Contains(string(body), `"code":"busy"`) {
		t.Errorf("got events %s, want an error event with code busy at the end", body)
	}
}
