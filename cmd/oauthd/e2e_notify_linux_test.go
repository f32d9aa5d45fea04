package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
	"oauthd/keystore/storetest"

	"github.com/godbus/dbus/v5"
)

// board is what shows notifications on a session bus, and the session's service manager, which knows the browser.
type board struct {
	conn    *dbus.Conn
	environ []string
	shown   chan notice

	mu   sync.Mutex // guards the fields below
	last uint32
	open map[uint32]bool
}

// notice is one notification.
type notice struct {
	id            uint32
	summary, body string
	actions       []string
}

const boardPath = dbus.ObjectPath("/org/freedesktop/Notifications")

func newBoard(t *testing.T, address string, environ ...string) *board {
	t.Helper()
	conn, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	b := &board{conn: conn, environ: environ, shown: make(chan notice, 100), open: map[uint32]bool{}}
	for _, object := range []struct {
		path        dbus.ObjectPath
		iface, name string
	}{
		{boardPath, "org.freedesktop.Notifications", "org.freedesktop.Notifications"},
		{"/org/freedesktop/systemd1", "org.freedesktop.DBus.Properties", "org.freedesktop.systemd1"},
	} {
		if err := conn.Export(b, object.path, object.iface); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.RequestName(object.name, dbus.NameFlagDoNotQueue); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// GetCapabilities is org.freedesktop.Notifications'.
func (b *board) GetCapabilities() ([]string, *dbus.Error) { return []string{"actions", "body"}, nil }

// Notify is org.freedesktop.Notifications'.
func (b *board) Notify(_ string, _ uint32, _, summary, body string, actions []string, _ map[string]dbus.Variant, _ int32) (uint32, *dbus.Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	b.open[b.last] = true
	b.shown <- notice{b.last, summary, body, actions}
	return b.last, nil
}

// CloseNotification is org.freedesktop.Notifications'.
func (b *board) CloseNotification(id uint32) *dbus.Error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, id)
	return nil
}

// Get is org.freedesktop.DBus.Properties', of the service manager's Environment.
func (b *board) Get(_, _ string) (dbus.Variant, *dbus.Error) { return dbus.MakeVariant(b.environ), nil }

// next returns the next notification.
func (b *board) next(t *testing.T) notice {
	t.Helper()
	select {
	case n := <-b.shown:
		return n
	case <-time.After(waitLimit):
		t.Fatal("there is no notification")
		return notice{}
	}
}

// click chooses the notification's button.
func (b *board) click(t *testing.T, n notice) {
	t.Helper()
	i := slices.Index(n.actions, "Sign in")
	if i < 1 {
		t.Fatalf("got the actions %q, want one that signs in", n.actions)
	}
	b.mu.Lock()
	delete(b.open, n.id)
	b.mu.Unlock()
	if err := b.conn.Emit(boardPath, "org.freedesktop.Notifications.ActionInvoked", n.id, n.actions[i-1]); err != nil {
		t.Fatal(err)
	}
}

// done checks that no notification is left, and none was shown that the test has not seen.
func (b *board) done(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.open) > 0 || len(b.shown) > 0 {
		t.Errorf("got %d notifications that are open and %d more than expected, want none", len(b.open), len(b.shown))
	}
}

// newDeskOfOne is a tenant with a desktop, whose browser logs in at a provider, and some accounts there, whose tokens meet
// the fault.
func newDeskOfOne(t *testing.T, h *house, fault oauthtest.Fault, names ...string) (*tenant, *board, *oauthtest.Running) {
	t.Helper()
	p := newTenant(t, h)
	address := storetest.StartBus(t)
	p.env = append(p.env, "DBUS_SESSION_BUS_ADDRESS="+address)
	b := newBoard(t, address, "DISPLAY=:7", "BROWSER="+h.agent+" allow %s")
	provider, err := oauthtest.Listen(oauthtest.Config{
		Clients:     []oauthtest.Client{{ID: "app", RedirectURIs: []string{"http://127.0.0.1/callback"}}},
		AutoApprove: true, AlwaysRefreshToken: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = provider.Close() })
	provider.Always(oauthtest.Token, fault)
	for _, name := range names {
		r := p.runWith([]string{"BROWSER=" + h.agent + " allow %s"}, "login", name, "--issuer", provider.Issuer(), "--client-id", "app")
		if r.exit != 0 {
			t.Fatalf("login %s: got exit %d, %s", name, r.exit, r.stderr)
		}
	}
	return p, b, provider
}

// line sends one token request to the socket and returns the answer.
func (p *tenant) line(t *testing.T, r api.TokenRequest) (answer struct {
	AccessToken string     `json:"access_token"`
	Error       *api.Error `json:"error"`
}) {
	conn, err := net.Dial("unix", p.socket())
	if err == nil {
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(waitLimit))
		if err = json.NewEncoder(conn).Encode(r); err == nil {
			err = json.NewDecoder(bufio.NewReader(conn)).Decode(&answer)
		}
	}
	if err != nil && err != io.EOF {
		t.Errorf("a request on the socket: %v", err)
	}
	return answer
}

// testNotification has a login end. Programs that wait for its token cause one question on the desktop, and get the token
// when the person has clicked it and logged in.
func testNotification(t *testing.T, h *house) {
	t.Parallel()
	p, b, provider := newDeskOfOne(t, h, oauthtest.Set("expires_in", 6), "work")
	first := p.run("token", "work")
	if first.exit != 0 {
		t.Fatalf("before: got exit %d, %s", first.exit, first.stderr)
	}
	provider.RevokeAll()
	n := b.next(t) // the daemon's own refresh has found out; no caller waits
	if n.summary != "work needs a login" || !strings.Contains(n.body, "has ended this login (invalid_grant") {
		t.Errorf("got %+v", n)
	}
	// The old token is served until it ends.
	if !poll(func() bool { return p.run("token", "work").exit == api.LoginRequired.ExitStatus() }) {
		t.Fatal("the token does not end")
	}
	provider.Reset(oauthtest.Token)

	const verbs, lines = 3, 17
	results, answers := make(chan result, verbs), make(chan string, lines)
	for range verbs {
		go func() { results <- p.run("token", "work", "--login") }()
	}
	for range lines {
		go func() { answers <- p.line(t, api.TokenRequest{Account: "work", Interactive: true}).AccessToken }()
	}
	if !poll(func() bool {
		return slices.ContainsFunc(p.status(t).Accounts, func(a api.Account) bool { return a.LoginCallers == verbs+lines })
	}) {
		t.Errorf("got %+v, want %d callers that wait", p.status(t).Accounts, verbs+lines)
	}
	before := provider.Requests(oauthtest.Authorize)
	b.click(t, n)
	var tokens []string
	for range verbs {
		r := <-results
		if r.exit != 0 {
			t.Errorf("token --login: got exit %d, %s", r.exit, r.stderr)
		}
		tokens = append(tokens, strings.TrimSuffix(r.stdout, "\n"))
	}
	for range lines {
		tokens = append(tokens, <-answers)
	}
	now := strings.TrimSuffix(p.run("token", "work").stdout, "\n")
	for _, token := range tokens {
		if token != now || token == "" || token+"\n" == first.stdout {
			t.Fatal("a caller got another token than the new login's")
		}
	}
	if logins := provider.Requests(oauthtest.Authorize) - before; logins != 1 {
		t.Errorf("got %d logins, want 1", logins)
	}
	b.done(t)
}

// testManyNotifications has the logins of ten accounts end at once, which is one question, and one click for all.
func testManyNotifications(t *testing.T, h *house) {
	t.Parallel()
	var names []string
	for i := range 10 {
		names = append(names, fmt.Sprintf("a%d", i))
	}
	p, b, provider := newDeskOfOne(t, h, nil, names...)
	provider.RevokeAll()
	var wait sync.WaitGroup
	for _, name := range names {
		wait.Go(func() {
			if a := p.line(t, api.TokenRequest{Account: name, Force: true}); a.Error == nil || a.Error.Code != api.LoginRequired {
				t.Errorf("%s: got %+v, want that a login is needed", name, a.Error)
			}
		})
	}
	wait.Wait()
	n := b.next(t)
	if n.summary != "10 accounts need a login" || !strings.Contains(n.body, strings.Join(names, ", ")) {
		t.Errorf("got %+v", n)
	}
	b.click(t, n)
	for _, name := range names {
		if a := p.line(t, api.TokenRequest{Account: name, Interactive: true}); a.AccessToken == "" {
			t.Errorf("%s: got %+v, want a token", name, a.Error)
		}
	}
	b.done(t)
}
