package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"go.uber.org/goleak"

	"oauthd/ipc"
	"oauthd/ipc/api"
	"oauthd/ipc/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// backend answers with constants.
type backend struct {
	ipc.Logins
	ipc.Control
	login   func(ctx context.Context, events func(api.LoginEvent)) error
	release chan struct{} // ends the requests for the account slow
}

func (b backend) Token(_ context.Context, r api.TokenRequest) (api.Token, error) {
	switch r.Account {
	case "dead":
		return api.Token{}, &api.Error{Code: api.LoginRequired, Message: "log in", Hint: "oauthd login dead"}
	case "slow":
		<-b.release
	}
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	return api.Token{AccessToken: "ya29.sample", TokenType: "Bearer", Scope: "a b", IDToken: "e.y.J", Account: r.Account, ExpiresAt: &at}, nil
}

func (backend) Accounts(context.Context) ([]api.Account, error) {
	return []api.Account{{Name: "work"}}, nil
}

func (backend) Account(_ context.Context, name string) (api.Account, error) {
	return api.Account{}, &api.Error{Code: api.UnknownAccount, Message: "no account " + name}
}

func (backend) Remove(context.Context, string) (api.LogoutResult, error) {
	return api.LogoutResult{Detail: "none"}, nil
}

func (backend) Logout(context.Context, string) (api.LogoutResult, error) {
	return api.LogoutResult{Revoked: true}, nil
}

func (b backend) Login(ctx context.Context, _ string, _ api.AccountDefinition, events func(api.LoginEvent)) error {
	return b.login(ctx, events)
}

func (backend) Status(context.Context) (api.Status, error) { return api.Status{PID: 7}, nil }
func (backend) Shutdown(context.Context) error             { return nil }

// home is a person's machine: environment variables, a runtime and a state directory.
type home struct {
	t    *testing.T
	dir  string
	vars map[string]string
	uid  int
}

func newHome(t *testing.T) *home {
	t.Helper()
	dir, err := os.MkdirTemp("", "o")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return &home{t: t, dir: dir, uid: os.Getuid(), vars: map[string]string{"XDG_RUNTIME_DIR": dir, "XDG_STATE_HOME": dir, "HOME": dir}}
}

func (h *home) environment() api.Environment {
	return api.Environment{
		Getenv: func(k string) string { return h.vars[k] }, UID: h.uid, GOOS: "linux",
		RuntimeDirOK: func(string) bool { return false },
	}
}

func (h *home) client() *client.Client {
	c := &client.Client{Environment: h.environment()}
	h.t.Cleanup(func() { _ = c.Close() })
	return c
}

// serve runs a daemon on a socket, which does what b can, and returns what stops it.
func (h *home) serve(socket string, b any) (stop func()) {
	h.t.Helper()
	l, err := ipc.Listen(socket)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := ipc.New(ipc.Config{Backend: backendOf(b), UID: os.Getuid()}).Serve(ctx, l); err != nil {
			h.t.Error(err)
		}
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	h.t.Cleanup(stop)
	return stop
}

func backendOf(b any) (all ipc.Backend) {
	all.Tokens, _ = b.(ipc.Tokens)
	all.Proofs, _ = b.(ipc.Proofs)
	all.Holds, _ = b.(ipc.Holds)
	all.Accounts, _ = b.(ipc.Accounts)
	all.Logins, _ = b.(ipc.Logins)
	all.Imports, _ = b.(ipc.Imports)
	all.Providers, _ = b.(ipc.Providers)
	all.Watches, _ = b.(ipc.Watches)
	all.Locks, _ = b.(ipc.Locks)
	all.Stores, _ = b.(ipc.Stores)
	all.Control, _ = b.(ipc.Control)
	return all
}

func (h *home) socket() string { return h.environment().SocketPath() }

// holdLock is what a daemon does: it holds the lock, which names its socket.
func (h *home) holdLock(socket string) {
	h.t.Helper()
	state, err := h.environment().StateDir()
	if err != nil {
		h.t.Fatal(err)
	}
	path := filepath.Join(state, "lock")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		h.t.Fatal(err)
	}
	l := flock.New(path)
	if ok, err := l.TryLock(); !ok || err != nil {
		h.t.Fatal(ok, err)
	}
	h.t.Cleanup(func() { _ = l.Close() })
	h.writeLock(os.Getpid(), socket)
}

// writeLock has the lock name a daemon, whether one holds it or not.
func (h *home) writeLock(pid int, socket string) {
	h.t.Helper()
	state, err := h.environment().StateDir()
	if err != nil {
		h.t.Fatal(err)
	}
	text, err := json.Marshal(api.LockFile{PID: pid, Socket: socket})
	if err := errors.Join(err, os.MkdirAll(state, 0o700), os.WriteFile(filepath.Join(state, "lock"), text, 0o600)); err != nil {
		h.t.Fatal(err)
	}
}

// endedProcess returns the pid of a process that has ended.
func endedProcess(t *testing.T) int {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^$")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

// activate leaves the mark of a socket that systemd holds.
func (h *home) activate() {
	h.t.Helper()
	if err := os.Symlink(h.socket(), api.ActivatedMark(h.socket())); err != nil {
		h.t.Fatal(err)
	}
}

var work = api.TokenRequest{Account: "work"}

func wantCode(t *testing.T, err error, want api.Code) {
	t.Helper()
	if !errors.Is(err, &api.Error{Code: want}) {
		t.Errorf("got %v, want code %s", err, want)
	}
}

func TestToken(t *testing.T) {
	h := newHome(t)
	h.serve(h.socket(), backend{})
	c := h.client()
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			tok, err := c.Token(context.Background(), work)
			if err != nil || tok.AccessToken != "ya29.sample" || tok.Account != "work" {
				t.Errorf("got account %q, %v, want the token of work", tok.Account, err)
			}
		})
	}
	wg.Wait()
	_, err := c.Token(context.Background(), api.TokenRequest{Account: "dead"})
	wantCode(t, err, api.LoginRequired)
	if e := api.AsError(err); e.Hint != "oauthd login dead" {
		t.Errorf("got hint %q, want the daemon's", e.Hint)
	}
	_, err = c.Token(context.Background(), api.TokenRequest{Account: "NO"})
	wantCode(t, err, api.BadRequest)
}

func TestTokenSource(t *testing.T) {
	h := newHome(t)
	h.serve(h.socket(), backend{})
	tok, err := h.client().TokenSource(context.Background(), work).Token()
	if err != nil {
		t.Fatal(err)
	}
	if tok.AccessToken != "ya29.sample" || tok.Type() != "Bearer" || tok.Expiry.Year() != 2030 ||
		tok.Extra("scope") != "a b" || tok.Extra("id_token") != "e.y.J" {
		t.Errorf("got type %q, expiry %s, scope %v, want what the daemon said", tok.Type(), tok.Expiry, tok.Extra("scope"))
	}
}

func TestTokenContext(t *testing.T) {
	h := newHome(t)
	release := make(chan struct{})
	h.serve(h.socket(), backend{release: release})
	t.Cleanup(func() { close(release) })
	c := h.client()
	slow := api.TokenRequest{Account: "slow"}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err := c.Token(ctx, slow)
	wantCode(t, err, api.Timeout)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want context.DeadlineExceeded in it", err)
	}
	ctx, cancel = context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := c.Token(ctx, slow); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	// Neither leaves an unread answer for the next caller.
	if tok, err := c.Token(context.Background(), work); err != nil || tok.Account != "work" {
		t.Errorf("afterwards: got account %q, %v, want work", tok.Account, err)
	}
}

func TestRestartedDaemon(t *testing.T) {
	h := newHome(t)
	c := h.client()
	for range 3 {
		stop := h.serve(h.socket(), backend{})
		if _, err := c.Token(context.Background(), work); err != nil {
			t.Errorf("token: got %v, want nil", err)
		}
		if _, err := c.Status(context.Background()); err != nil {
			t.Errorf("status: got %v, want nil", err)
		}
		stop()
	}
	_, err := c.Token(context.Background(), work)
	wantCode(t, err, api.NoDaemon)
}

func TestVerbs(t *testing.T) {
	h := newHome(t)
	h.serve(h.socket(), backend{})
	c, ctx := h.client(), context.Background()
	if list, err := c.Accounts(ctx); err != nil || len(list) != 1 || list[0].Name != "work" {
		t.Errorf("accounts: got %v, %v", list, err)
	}
	_, err := c.Account(ctx, "gone")
	wantCode(t, err, api.UnknownAccount)
	_, err = c.Account(ctx, "../status")
	wantCode(t, err, api.BadRequest)
	if r, err := c.Remove(ctx, "work"); err != nil || r.Detail != "none" {
		t.Errorf("remove: got %+v, %v", r, err)
	}
	if r, err := c.Logout(ctx, "ada+x@example.com"); err != nil || !r.Revoked {
		t.Errorf("logout: got %+v, %v", r, err)
	}
	if s, err := c.Status(ctx); err != nil || s.PID != 7 {
		t.Errorf("status: got %+v, %v", s, err)
	}
	if err := c.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: got %v", err)
	}
}

func TestLogin(t *testing.T) {
	denied := &api.Error{Code: api.LoginDenied, Message: "no"}
	stopHere := errors.New("stop here")
	authorize, done := api.LoginEvent{Event: api.EventAuthorize, URL: "https://idp.example.com"}, api.LoginEvent{Event: api.EventDone}
	for _, tc := range []struct {
		name   string
		login  func(ctx context.Context, events func(api.LoginEvent)) error
		events error // returned by the caller's function
		want   error
		seen   string
	}{
		{"done", func(_ context.Context, ev func(api.LoginEvent)) error { ev(authorize); ev(done); return nil }, nil, nil, "authorize done"},
		{"error event", func(_ context.Context, ev func(api.LoginEvent)) error { ev(authorize); return denied }, nil, denied, "authorize"},
		{"error at once", func(context.Context, func(api.LoginEvent)) error { return denied }, nil, denied, ""},
		{"no result", func(_ context.Context, ev func(api.LoginEvent)) error { ev(authorize); return nil }, nil,
			&api.Error{Code: api.LoginFailed}, "authorize"},
		{"caller stops", func(ctx context.Context, ev func(api.LoginEvent)) error {
			ev(authorize)
			<-ctx.Done()
			return ctx.Err()
		},
			stopHere, stopHere, "authorize"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHome(t)
			ended := make(chan struct{})
			h.serve(h.socket(), backend{login: func(ctx context.Context, ev func(api.LoginEvent)) error {
				defer close(ended)
				return tc.login(ctx, ev)
			}})
			var seen []string
			err := h.client().Login(context.Background(), "work", api.AccountDefinition{}, func(ev api.LoginEvent) error {
				seen = append(seen, ev.Event)
				return tc.events
			})
			if !errors.Is(err, tc.want) || strings.Join(seen, " ") != tc.seen {
				t.Errorf("got %v, events %q, want %v, %q", err, seen, tc.want, tc.seen)
			}
			<-ended
		})
	}
}

func TestWhereTheDaemonIs(t *testing.T) {
	elsewhere := func(h *home) string { return filepath.Join(h.dir, "e", "oauthd.sock") }
	for _, tc := range []struct {
		name    string
		prepare func(h *home, c *client.Client)
		want    api.Code // "" for a token
	}{
		{"nowhere", func(*home, *client.Client) {}, api.NoDaemon},
		{"socket given", func(h *home, c *client.Client) { c.Socket = elsewhere(h); h.serve(c.Socket, backend{}) }, ""},
		{"OAUTHD_SOCK", func(h *home, _ *client.Client) {
			h.vars["OAUTHD_SOCK"] = elsewhere(h)
			h.serve(elsewhere(h), backend{})
		}, ""},
		{"lock names another socket", func(h *home, _ *client.Client) {
			h.serve(elsewhere(h), backend{})
			h.holdLock(elsewhere(h))
		}, ""},
		{"lock names another socket, but one was given", func(h *home, c *client.Client) {
			c.Socket = h.socket()
			h.serve(elsewhere(h), backend{})
			h.holdLock(elsewhere(h))
		}, api.NoDaemon},
		{"lock held, socket comes later", func(h *home, _ *client.Client) {
			h.holdLock(h.socket())
			timer := time.AfterFunc(50*time.Millisecond, func() { h.serve(h.socket(), backend{}) })
			h.t.Cleanup(func() { timer.Stop() })
		}, ""},
		{"started", func(h *home, c *client.Client) {
			c.Start = func(context.Context) error { h.serve(h.socket(), backend{}); return nil }
		}, ""},
		{"start fails", func(_ *home, c *client.Client) {
			c.Start = func(context.Context) error { return errors.New("no") }
		}, api.NoDaemon},
		{"start fails with a code", func(_ *home, c *client.Client) {
			c.Start = func(context.Context) error { return &api.Error{Code: api.KeystoreUnavailable} }
		}, api.KeystoreUnavailable},
		{"another daemon started meanwhile", func(h *home, c *client.Client) {
			c.Start = func(context.Context) error {
				h.serve(h.socket(), backend{})
				return errors.New("the lock is taken")
			}
		}, ""},
		{"another user's daemon", func(h *home, _ *client.Client) { h.serve(h.socket(), backend{}); h.uid++ }, api.Forbidden},
		{"another user's daemon, expected", func(h *home, _ *client.Client) {
			h.vars["OAUTHD_SOCK"], h.vars["OAUTHD_SOCK_UID"] = h.socket(), itoa(h.uid)
			h.serve(h.socket(), backend{})
			h.uid++
		}, ""},
		{"OAUTHD_SOCK_UID without OAUTHD_SOCK", func(h *home, _ *client.Client) {
			h.vars["OAUTHD_SOCK_UID"] = itoa(h.uid)
			h.serve(h.socket(), backend{})
			h.uid++
		}, api.Forbidden},
		{"asleep, and to be woken", func(h *home, _ *client.Client) { h.serve(h.socket(), backend{}); h.activate() }, ""},
		{"asleep, and not to be woken", func(h *home, c *client.Client) {
			h.serve(h.socket(), backend{})
			h.activate()
			c.Running = true
		}, api.NoDaemon},
		{"awake, started by systemd", func(h *home, c *client.Client) {
			h.serve(h.socket(), backend{})
			h.activate()
			h.holdLock(h.socket())
			c.Running = true
		}, ""},
		{"awake, becoming a new program", func(h *home, c *client.Client) {
			h.serve(h.socket(), backend{})
			h.activate()
			h.writeLock(os.Getpid(), h.socket())
			c.Running = true
		}, ""},
		{"asleep since a crash, and not to be woken", func(h *home, c *client.Client) {
			h.serve(h.socket(), backend{})
			h.activate()
			h.writeLock(endedProcess(h.t), h.socket())
			c.Running = true
		}, api.NoDaemon},
		{"awake, not started by systemd", func(h *home, c *client.Client) { h.serve(h.socket(), backend{}); c.Running = true }, ""},
		{"asleep, and the person named the socket", func(h *home, c *client.Client) {
			h.vars["OAUTHD_SOCK"] = h.socket()
			h.serve(h.socket(), backend{})
			h.activate()
			c.Running = true
		}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHome(t)
			c := &client.Client{Environment: h.environment()}
			tc.prepare(h, c)
			c.Environment = h.environment()
			t.Cleanup(func() { _ = c.Close() })
			_, err := c.Token(context.Background(), work)
			_, webErr := c.Status(context.Background())
			for _, err := range []error{err, webErr} {
				if tc.want == "" && err != nil || tc.want != "" && !errors.Is(err, &api.Error{Code: tc.want}) {
					t.Errorf("got %v, want code %q", err, tc.want)
				}
			}
		})
	}
}

func itoa(n int) string {
	b, _ := json.Marshal(n)
	return string(b)
}

func TestLockHeldButSilent(t *testing.T) {
	h := newHome(t)
	h.holdLock(h.socket())
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	c := h.client()
	c.Start = func(context.Context) error {
		t.Error("a second daemon was started")
		return nil
	}
	_, err := c.Token(ctx, work)
	wantCode(t, err, api.Timeout)
}

func TestStartIsShared(t *testing.T) {
	h := newHome(t)
	c := h.client()
	var starts atomic.Int32
	release := make(chan struct{})
	c.Start = func(context.Context) error {
		starts.Add(1)
		<-release
		h.serve(h.socket(), backend{})
		return nil
	}
	impatient, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err := c.Token(impatient, work)
	wantCode(t, err, api.Timeout)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if _, err := c.Token(context.Background(), work); err != nil {
				t.Errorf("got %v, want a token", err)
			}
		})
	}
	close(release)
	wg.Wait()
	if got := starts.Load(); got != 1 {
		t.Errorf("got %d starts, want 1", got)
	}
}

// A daemon that is killed may accept for a moment more; the next one answers the same request.
func TestKilledUnderARequest(t *testing.T) {
	for name, ask := range map[string]func(*client.Client) error{
		"token": func(c *client.Client) error {
			_, err := c.Token(context.Background(), work)
			return err
		},
		"status": func(c *client.Client) error {
			_, err := c.Status(context.Background())
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHome(t)
			dying, err := ipc.Listen(h.socket())
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			wg.Go(func() {
				c, err := dying.Accept()
				if err != nil {
					t.Error(err)
					return
				}
				_ = dying.Close()
				h.serve(h.socket(), backend{})
				_ = c.Close()
			})
			if err := ask(h.client()); err != nil {
				t.Errorf("got %v, want the next daemon's answer", err)
			}
			wg.Wait()
		})
	}
}

// A daemon of another version, or none at all, may answer anything.
func TestOddAnswers(t *testing.T) {
	for _, tc := range []struct {
		name, answer string
		want         api.Code
	}{
		{"refused without reading", `{"error":{"code":"busy","message":"too many"}}` + "\n", api.Busy},
		{"unknown fields", `{"access_token":"t","token_type":"Bearer","account":"work","novelty":1}` + "\n", ""},
		{"empty object", "{}\n", api.Internal},
		{"not JSON", "HTTP/1.1 400 Bad Request\r\n", api.Internal},
		{"nothing", "", api.NoDaemon},
		{"endless", strings.Repeat("x", 5<<20), api.Internal},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHome(t)
			l, err := ipc.Listen(h.socket())
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			wg.Go(func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					wg.Go(func() { answer(c, tc.answer) })
				}
			})
			_, err = h.client().Token(context.Background(), work)
			if tc.want != "" {
				wantCode(t, err, tc.want)
			} else if err != nil {
				t.Errorf("got %v, want a token", err)
			}
			_ = l.Close()
			wg.Wait()
		})
	}
}

// answer writes text without waiting for the question, as a daemon that refuses does.
func answer(c net.Conn, text string) {
	defer c.Close()
	_, _ = io.WriteString(c, text)
}
