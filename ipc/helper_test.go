package ipc

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
	"oauthd/ipc/benchtest"
)

func TestMain(m *testing.M) {
	benchtest.Main()
	if path := os.Getenv("OAUTHD_TEST_DIAL"); path != "" {
		os.Exit(dialAsChild(path, os.Getenv("OAUTHD_TEST_SEND")))
	}
	goleak.VerifyTestMain(m)
}

// dialAsChild is the child process of TestOtherUser: it sends a text and prints the answer.
func dialAsChild(path, text string) int {
	c, err := net.Dial("unix", path)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = io.WriteString(c, text)
	_, _ = io.Copy(os.Stdout, c)
	return 0
}

// fake is a backend whose answers a test may replace.
type fake struct {
	token    func(context.Context, api.TokenRequest) (api.Token, error)
	login    func(context.Context, string, api.AccountDefinition, func(api.LoginEvent)) error
	imports  func(context.Context, api.ImportRequest, func(api.ImportEvent)) error
	watch    func(context.Context, string) iter.Seq2[api.WatchEvent, error]
	accounts error
	stopped  chan struct{}
}

// everything is one value that can do all that a server asks.
type everything interface {
	Tokens
	Proofs
	Holds
	Accounts
	Logins
	Imports
	Providers
	Matches
	Policies
	Proxied
	Sockets
	Watches
	Files
	Locks
	Stores
	Control
}

func backendOf(e everything) Backend {
	return Backend{Tokens: e, Proofs: e, Holds: e, Accounts: e, Logins: e, Imports: e, Providers: e, Matches: e, Policies: e, Proxied: e, Sockets: e, Watches: e, Files: e, Locks: e, Stores: e, Control: e}
}

func sampleToken(r api.TokenRequest) api.Token {
	in := int64(3599)
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	return api.Token{
		AccessToken: "ya29.sample", TokenType: "Bearer", ExpiresIn: &in, Scope: r.Scope, Account: r.Account, ExpiresAt: &at,
	}
}

func (f *fake) Token(ctx context.Context, r api.TokenRequest) (api.Token, error) {
	if f.token != nil {
		return f.token(ctx, r)
	}
	return sampleToken(r), nil
}

// Hold lets a token of the account kept be held for no time.
func (f *fake) Hold(_ context.Context, r api.TokenRequest) (api.Token, func(context.Context, func()), error) {
	switch r.Account {
	case "down":
		return api.Token{}, nil, &api.Error{Code: api.ProviderUnreachable, Message: "it is down"}
	case "kept":
		return sampleToken(r), func(_ context.Context, tell func()) { tell() }, nil
	}
	return sampleToken(r), nil, nil
}

// Proof answers with what it was asked.
func (f *fake) Proof(_ context.Context, r api.ProofRequest) (api.Proof, error) {
	t := sampleToken(r.TokenRequest)
	t.TokenType = api.TypeDPoP
	return api.Proof{Token: t, Proof: r.Method + " " + r.URL + " " + r.Nonce}, nil
}

func (f *fake) CancelLogin(_ context.Context, name string) error {
	if name != "work" {
		return &api.Error{Code: api.UnknownLogin, Message: "no login of " + name + " is waiting"}
	}
	return nil
}

func (f *fake) Callback(_ context.Context, id, pasted string) error {
	if id != "work" || pasted != "http://127.0.0.1:8400/callback?code=c&state=s" {
		return &api.Error{Code: api.UnknownLogin, Message: "no login " + id + " is waiting"}
	}
	return nil
}

func (f *fake) Accounts(context.Context) ([]api.Account, error) { return nil, f.accounts }

func (f *fake) Account(_ context.Context, name string) (api.Account, error) {
	return api.Account{Name: name, State: api.StateReady}, nil
}

// Match answers with what it was asked.
func (f *fake) Match(_ context.Context, url, user string) (api.Match, error) {
	if url == "https://nobody.example.com/" {
		return api.Match{}, &api.Error{Code: api.UnknownAccount, Message: "no account answers for it"}
	}
	return api.Match{Account: "work", Pattern: url + " " + user}, nil
}

func (f *fake) Whoami(ctx context.Context) (api.Evidence, error) {
	c, _ := account.CallerFrom(ctx)
	return c.Known(), nil
}

// CheckPolicy answers with what it was asked.
func (f *fake) CheckPolicy(_ context.Context, q api.PolicyQuestion) (api.PolicyAnswer, error) {
	return api.PolicyAnswer{Account: q.Account, Outcome: api.PolicyAllowed, Why: q.Executable + " " + q.Scope}, nil
}

// NoteProxied refuses the requests for the account other.
func (f *fake) NoteProxied(_ context.Context, all []api.ProxiedRequest) error {
	for _, r := range all {
		if r.Account == "other" {
			return &api.Error{Code: api.Forbidden, Message: "no proxy"}
		}
	}
	return nil
}

func (f *fake) Consents(context.Context) (api.Consents, error) {
	return api.Consents{Questions: []api.Question{{ID: "1"}}, Given: []api.Consent{}}, nil
}

func (f *fake) AnswerConsent(_ context.Context, id string, answer api.ConsentAnswer) (api.ConsentTaken, error) {
	if id != "google" {
		return api.ConsentTaken{}, &api.Error{Code: api.BadRequest, Message: "no question " + id + " is waiting"}
	}
	return api.ConsentTaken{Rule: answer.Answer}, nil
}

func (f *fake) ForgetConsents(_ context.Context, name string) (api.Forgotten, error) {
	return api.Forgotten{Forgotten: len(name)}, nil
}

// Audit answers with what it was asked, as one event.
func (f *fake) Audit(_ context.Context, r api.AuditRequest) (iter.Seq2[api.AuditEvent, error], error) {
	return func(yield func(api.AuditEvent, error) bool) {
		since := ""
		if r.Since != nil {
			since = r.Since.UTC().Format(time.RFC3339)
		}
		yield(api.AuditEvent{Event: api.AuditToken, Account: r.Account, Detail: fmt.Sprintf("%s %s %t %d", r.Caller, since, r.Follow, len(r.Token))}, nil)
	}, nil
}

func (f *fake) Sockets(context.Context) ([]api.Socket, error) { return nil, nil }

func (f *fake) AddSocket(_ context.Context, r api.SocketRequest) (api.Socket, error) {
	return api.Socket{Path: r.Path, Account: r.Account, Scopes: r.Scopes, Max: r.Max}, nil
}

func (f *fake) EndSocket(_ context.Context, path string) (api.Socket, error) {
	if path != "/a b" {
		return api.Socket{}, &api.Error{Code: api.BadRequest, Message: "no restricted socket is served at " + path}
	}
	return api.Socket{Path: path}, nil
}

func (f *fake) Providers(context.Context) ([]api.Provider, error) {
	return []api.Provider{{Name: "google", BuiltIn: true}}, nil
}

func (f *fake) Provider(_ context.Context, name string) (api.Provider, error) {
	if name != "google" && name != "a b/c" {
		return api.Provider{}, &api.Error{Code: api.UnknownProvider, Message: "there is no provider " + name}
	}
	return api.Provider{Name: name}, nil
}

func (f *fake) Remove(context.Context, string) (api.LogoutResult, error) {
	return api.LogoutResult{Detail: "no revocation endpoint"}, nil
}

func (f *fake) Logout(context.Context, string) (api.LogoutResult, error) {
	return api.LogoutResult{Revoked: true}, nil
}

func (f *fake) Login(ctx context.Context, name string, def api.AccountDefinition, events func(api.LoginEvent)) error {
	return f.login(ctx, name, def, events)
}

func (f *fake) Import(ctx context.Context, r api.ImportRequest, events func(api.ImportEvent)) error {
	return f.imports(ctx, r, events)
}

func (f *fake) Status(context.Context) (api.Status, error) {
	return api.Status{PID: 7, Version: "test"}, nil
}

func (f *fake) Shutdown(context.Context) error {
	close(f.stopped)
	return nil
}

func (f *fake) ChooseStore(_ context.Context, choice api.StoreChoice) (api.StoreChosen, error) {
	return api.StoreChosen{File: choice.Backend + ".toml", Line: 2}, nil
}

func (f *fake) Files(context.Context) ([]api.File, error) { return nil, nil }

func (f *fake) AddFile(_ context.Context, r api.FileRequest) (api.File, error) {
	return api.File{Path: r.Path + "|" + r.Template + "|" + r.Form().User, Account: r.Token().Account, Scope: r.Token().Scope}, nil
}

func (f *fake) EndFile(_ context.Context, path string) (api.File, error) {
	if path != "/a b" {
		return api.File{}, &api.Error{Code: api.BadRequest, Message: "oauthd maintains no file " + path}
	}
	return api.File{Path: path}, nil
}

func (f *fake) Lock(context.Context) error { return nil }

func (f *fake) Unlock(_ context.Context, passphrase api.Confidential) error {
	if passphrase != "" && passphrase != "hunter2" {
		return &api.Error{Code: api.Locked, Message: "the passphrase is wrong"}
	}
	return nil
}

func (f *fake) Reload(context.Context) (api.ReloadResult, error) {
	return api.ReloadResult{Added: []string{"work"}}, nil
}

func (f *fake) Watch(ctx context.Context, name string) (iter.Seq2[api.WatchEvent, error], error) {
	if f.watch == nil {
		return nil, &api.Error{Code: api.UnknownAccount, Message: "no account " + name}
	}
	return f.watch(ctx, name), nil
}

// syncBuffer takes log lines from several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// running is a server under test.
type running struct {
	path string
	log  *syncBuffer
	stop func() error // stops the server and returns what Serve did
}

func socketPath(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "o")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "s", "oauthd.sock")
}

func start(t testing.TB, e everything, change func(*Server)) *running {
	t.Helper()
	r := &running{path: socketPath(t), log: &syncBuffer{}}
	l, err := Listen(r.path)
	if err != nil {
		t.Fatal(err)
	}
	s := New(Config{Backend: backendOf(e), Log: zerolog.New(r.log), UID: os.Getuid()})
	if change != nil {
		change(s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	r.stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("Serve: got %v, want nil", err)
		}
	})
	return r
}

func dial(t testing.TB, path string) *net.UnixConn {
	t.Helper()
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

func send(t testing.TB, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// readLine returns one line without its end.
func readLine(t testing.TB, r *bufio.Reader) string {
	t.Helper()
	line, err := r.ReadString('\n')
	if err != nil {
		t.Fatalf("no line: %v (after %d bytes)", err, len(line))
	}
	return strings.TrimSuffix(line, "\n")
}

// codeOf returns the code of an error answer, "" for any other.
func codeOf(t testing.TB, answer string) api.Code {
	t.Helper()
	var b api.ErrorBody
	if err := json.Unmarshal([]byte(answer), &b); err != nil {
		t.Fatalf("the answer is not JSON: %v", err)
	}
	if b.Error == nil {
		return ""
	}
	return b.Error.Code
}

// exchange sends raw HTTP over a new connection and returns the answer.
func exchange(t testing.TB, path, request string) (*http.Response, string) {
	t.Helper()
	c := dial(t, path)
	defer c.Close()
	send(t, c, request)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// ended fails unless c is closed by the server within its deadline.
func ended(t testing.TB, c net.Conn) {
	t.Helper()
	n, err := io.Copy(io.Discard, c)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		t.Errorf("got a connection still open after %d bytes, want it closed", n)
	}
}
