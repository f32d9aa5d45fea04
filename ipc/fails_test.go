package ipc

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"oauthd/ipc/api"
)

// failing is a backend in which everything fails.
type failing struct {
	*fake
	err error
}

func (f failing) Token(context.Context, api.TokenRequest) (api.Token, error) {
	return api.Token{}, f.err
}
func (f failing) Proof(context.Context, api.ProofRequest) (api.Proof, error) {
	return api.Proof{}, f.err
}
func (f failing) Accounts(context.Context) ([]api.Account, error)      { return nil, f.err }
func (f failing) Account(context.Context, string) (api.Account, error) { return api.Account{}, f.err }
func (f failing) Remove(context.Context, string) (api.LogoutResult, error) {
	return api.LogoutResult{}, f.err
}
func (f failing) Logout(context.Context, string) (api.LogoutResult, error) {
	return api.LogoutResult{}, f.err
}
func (f failing) Callback(context.Context, string, string) error    { return f.err }
func (f failing) Providers(context.Context) ([]api.Provider, error) { return nil, f.err }
func (f failing) Provider(context.Context, string) (api.Provider, error) {
	return api.Provider{}, f.err
}
func (f failing) Lock(context.Context) error                       { return f.err }
func (f failing) Unlock(context.Context, api.Confidential) error   { return f.err }
func (f failing) Status(context.Context) (api.Status, error)       { return api.Status{}, f.err }
func (f failing) Reload(context.Context) (api.ReloadResult, error) { return api.ReloadResult{}, f.err }
func (f failing) Shutdown(context.Context) error                   { return f.err }
func (f failing) Login(context.Context, string, api.AccountDefinition, func(api.LoginEvent)) error {
	return f.err
}
func (f failing) Import(context.Context, api.ImportRequest, func(api.ImportEvent)) error {
	return f.err
}

func (f failing) ChooseStore(context.Context, api.StoreChoice) (api.StoreChosen, error) {
	return api.StoreChosen{}, f.err
}
func (f failing) Files(context.Context) ([]api.File, error) { return nil, f.err }
func (f failing) AddFile(context.Context, api.FileRequest) (api.File, error) {
	return api.File{}, f.err
}
func (f failing) EndFile(context.Context, string) (api.File, error) { return api.File{}, f.err }

// What the backend says went wrong is answered on every route, with the time to wait if there is one.
func TestFailuresOfTheBackend(t *testing.T) {
	for _, wait := range []int{0, 1} {
		locked := &api.Error{Code: api.KeystoreLocked, Message: "it is locked", RetryAfter: wait}
		r := start(t, failing{&fake{}, locked}, nil)
		for _, route := range []struct{ method, path, body string }{
			{"GET", "/v1/token?account=work", ""}, {"POST", "/v1/token", `{"account":"work"}`},
			{"GET", "/v1/accounts", ""}, {"GET", "/v1/accounts/work", ""}, {"DELETE", "/v1/accounts/work", ""},
			{"POST", "/v1/accounts/work/login", "{}"}, {"POST", "/v1/accounts/work/logout", ""},
			{"POST", "/v1/logins/work/callback", `{"url":"x"}`}, {"POST", "/v1/import", `{"data":"x"}`},
			{"GET", "/v1/providers", ""}, {"GET", "/v1/providers/google", ""}, {"GET", "/v1/watch", ""},
			{"GET", "/v1/files", ""}, {"POST", "/v1/files", `{"account":"work","path":"/f"}`}, {"DELETE", "/v1/files?path=/f", ""},
			{"POST", "/v1/store", "{}"},
			{"POST", "/v1/lock", ""}, {"POST", "/v1/unlock", ""},
			{"GET", "/v1/status", ""}, {"POST", "/v1/reload", ""}, {"POST", "/v1/shutdown", ""},
		} {
			want := api.KeystoreLocked
			if route.path == "/v1/watch" { // of the fake beneath
				want = api.UnknownAccount
			}
			resp, body := exchange(t, r.path, fmt.Sprintf("%s %s HTTP/1.1\r\nHost: oauthd\r\nContent-Length: %d\r\n\r\n%s",
				route.method, route.path, len(route.body), route.body))
			if got := codeOf(t, body); got != want || resp.StatusCode != want.HTTPStatus() {
				t.Errorf("%s %s: got %d %s, want %s", route.method, route.path, resp.StatusCode, got, want)
			}
			header := ""
			if wait > 0 && want == api.KeystoreLocked {
				header = "1"
			}
			if got := resp.Header.Get("Retry-After"); got != header {
				t.Errorf("%s %s: got Retry-After %q, want %q", route.method, route.path, got, header)
			}
		}
		_ = r.stop()
	}
}

// A failure that a cancelled context explains is the backend's to word, and only an unworded one means that we stop.
func TestCancelledBackend(t *testing.T) {
	for err, want := range map[error]api.Code{
		context.Canceled: api.Busy,
		(&api.Error{Code: api.LoginFailed, Message: "cancelled"}).Because(context.Canceled): api.LoginFailed,
	} {
		r := start(t, failing{&fake{}, err}, nil)
		_, body := exchange(t, r.path, "GET /v1/accounts HTTP/1.1\r\nHost: oauthd\r\n\r\n")
		if got := codeOf(t, body); got != want {
			t.Errorf("%v: got %s, want %s", err, got, want)
		}
	}
}

// Nothing of a malformed request is in the log, whatever it holds.
func TestMalformedRequestsAreNotRepeated(t *testing.T) {
	r := start(t, &fake{}, nil)
	for _, body := range []string{`{"hunter2":1}`, `{"account":"hunter2 "}`, strings.Repeat("hunter2", maxTokenRequest/7+1)} {
		resp, answer := exchange(t, r.path, fmt.Sprintf("POST /v1/token HTTP/1.1\r\nHost: oauthd\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
		if resp.StatusCode != 400 && resp.StatusCode != 413 {
			t.Errorf("got %d, want a refusal", resp.StatusCode)
		}
		if body == `{"hunter2":1}` && !strings.Contains(answer, "unknown field") {
			t.Errorf("got %s, want the caller told what is wrong", answer)
		}
	}
	_ = r.stop()
	if log := r.log.String(); strings.Contains(log, "hunter2") || strings.Count(log, "request failed") != 3 {
		t.Errorf("got log %s, want three lines without the requests", log)
	}
}

// A body that breaks off is told apart from one that is no JSON.
func TestBodyThatBreaksOff(t *testing.T) {
	r := start(t, &fake{}, nil)
	c := dial(t, r.path)
	send(t, c, "POST /v1/token HTTP/1.1\r\nHost: oauthd\r\nContent-Length: 100\r\n\r\n{\"account\":\"work\"}")
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text := readLine(t, bufio.NewReader(resp.Body))
	if codeOf(t, text) != api.BadRequest || !strings.Contains(text, "did not arrive") {
		t.Errorf("got %s, want bad_request that says so", text)
	}
}

// A long answer has its length in front, so that a client need not read chunks.
func TestLongAnswerHasALength(t *testing.T) {
	scope := strings.Repeat("scope-a ", 1000)
	r := start(t, &fake{}, nil)
	body := `{"account":"work","scope":"` + scope + `"}`
	resp, answer := exchange(t, r.path, fmt.Sprintf("POST /v1/token HTTP/1.1\r\nHost: oauthd\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
	if resp.StatusCode != 200 || resp.ContentLength != int64(len(answer)) || len(resp.TransferEncoding) > 0 {
		t.Errorf("got %d, length %d of %d, %q; want its length", resp.StatusCode, resp.ContentLength, len(answer), resp.TransferEncoding)
	}
}

// Connections of another user take no place, however many wait to hear why they are refused.
func TestConnectionsOfOthersTakeNoPlace(t *testing.T) {
	r := start(t, &fake{}, func(s *Server) {
		s.cfg.UID, s.cfg.MaxConns, s.limits.refuse = os.Getuid()+1, 2, time.Minute
	})
	ask := func() {
		t.Helper()
		c := dial(t, r.path)
		send(t, c, "{}\n")
		if got := codeOf(t, readLine(t, bufio.NewReader(c))); got != api.Forbidden {
			t.Fatalf("got %s, want forbidden", got)
		}
		ended(t, c)
	}
	for range 3 {
		ask()
	}
	// These say nothing, and are waited for, as far as there are slots for it.
	for range maxRefusals + 2 {
		dial(t, r.path)
	}
	ask()
}

// Those that are refused at the bound give their place back, so that the next ones are told in their own protocol.
func TestRefusalsGiveTheirPlaceBack(t *testing.T) {
	r := start(t, &fake{}, func(s *Server) { s.cfg.MaxConns = 1 })
	kept := dial(t, r.path)
	send(t, kept, `{"account":"work"}`+"\n")
	readLine(t, bufio.NewReader(kept))
	for i := range 2 * maxRefusals {
		resp, body := exchange(t, r.path, "GET /v1/token?account=work HTTP/1.1\r\nHost: oauthd\r\n\r\n")
		if got := codeOf(t, body); resp.StatusCode != 429 || got != api.Busy {
			t.Fatalf("refusal %d: got %d %s, want 429 busy", i, resp.StatusCode, got)
		}
	}
}

// What waits for a person has no deadline: a login, and an import that may lead to one.
func TestStreamsHaveNoDeadline(t *testing.T) {
	limited := make(chan bool, 1)
	ask := func(ctx context.Context) error {
		_, ok := ctx.Deadline()
		limited <- ok
		return nil
	}
	r := start(t, &fake{
		login: func(ctx context.Context, _ string, _ api.AccountDefinition, _ func(api.LoginEvent)) error {
			return ask(ctx)
		},
		imports: func(ctx context.Context, _ api.ImportRequest, _ func(api.ImportEvent)) error { return ask(ctx) },
		token:   func(ctx context.Context, r api.TokenRequest) (api.Token, error) { return sampleToken(r), ask(ctx) },
	}, nil)
	for path, want := range map[string]bool{"/v1/accounts/work/login": false, "/v1/import": false, "/v1/token": true} {
		body := map[string]string{"/v1/import": `{"data":"x"}`, "/v1/token": `{"account":"work"}`}[path]
		exchange(t, r.path, fmt.Sprintf("POST %s HTTP/1.1\r\nHost: oauthd\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body))
		if got := <-limited; got != want {
			t.Errorf("%s: got a deadline %t, want %t", path, got, want)
		}
	}
}
