package client_test

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"oauthd/ipc/api"
	"oauthd/ipc/client"
)

// holdMint lets its tokens be held until change is called.
type holdMint struct {
	mint
	unfit  bool // no token can be held
	refuse error
	holds  int
	change chan struct{} // closed when what is held has to be asked for again
}

func (m *holdMint) Hold(ctx context.Context, r api.TokenRequest) (api.Token, func(context.Context, func()), error) {
	m.mu.Lock()
	m.holds++
	change := m.change
	unfit, refuse := m.unfit, m.refuse
	m.mu.Unlock()
	if refuse != nil {
		return api.Token{}, nil, refuse
	}
	t, err := m.Token(ctx, r)
	if err != nil || unfit {
		return t, nil, err
	}
	return t, func(ctx context.Context, tell func()) {
		select {
		case <-change:
		case <-ctx.Done():
		}
		tell()
	}, nil
}

// asks returns how often the daemon was asked, in all and to hold.
func (m *holdMint) asks() (all, holds int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.asked), m.holds
}

// newHoldMint returns one, and a client that holds its tokens.
func newHoldMint(t *testing.T) (*holdMint, *client.Client) {
	t.Helper()
	h := newHome(t)
	m := &holdMint{mint: mint{lifetime: time.Hour}, change: make(chan struct{})}
	h.serve(h.socket(), m)
	c := h.client()
	c.Hold = true
	return m, c
}

// getter returns what sends a request with a token of c's, and returns that.
func getter(t *testing.T, c *client.Client) func() string {
	t.Helper()
	p := newResource(t, func(string) bool { return true })
	web := webClient(c, api.TokenRequest{Account: "work"})
	return func() string {
		t.Helper()
		get(t, web, p.URL)
		return p.seen()[0]
	}
}

func get(t *testing.T, web *http.Client, url string) {
	t.Helper()
	resp, err := web.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
}

// A token that is wanted often is asked for until the daemon lets it be held, and no more, until the daemon says so.
func TestHold(t *testing.T) {
	m, c := newHoldMint(t)
	get := getter(t, c)
	for range 5 {
		if got := get(); got != "Bearer token-1" {
			t.Errorf("got %q, want the first token", got)
		}
	}
	if all, holds := m.asks(); all != 2 || holds != 1 {
		t.Errorf("the daemon was asked %d times, %d to hold, want 2 and 1", all, holds)
	}
	m.supersede(time.Hour)
	close(m.change)
	for get() != "Bearer token-2" { // until the news are here
	}
}

// A program that does not say that it runs for long has its token from the daemon each time.
func TestHoldIsAskedFor(t *testing.T) {
	m, c := newHoldMint(t)
	c.Hold = false
	get := getter(t, c)
	for range 3 {
		get()
	}
	if all, holds := m.asks(); all != 3 || holds != 0 {
		t.Errorf("the daemon was asked %d times, %d to hold, want 3 and none", all, holds)
	}
}

// A token that cannot be held is asked for each time, and a daemon that lets none be held is not asked for that again.
func TestNotHeld(t *testing.T) {
	m, c := newHoldMint(t)
	m.unfit = true
	get := getter(t, c)
	for range 4 {
		get()
	}
	if all, holds := m.asks(); all != 4 || holds != 1 {
		t.Errorf("unfit: the daemon was asked %d times, %d to hold, want 4 and 1", all, holds)
	}

	h := newHome(t)
	older := &mint{lifetime: time.Hour}
	h.serve(h.socket(), older)
	c = h.client()
	c.Hold = true
	get = getter(t, c)
	for range 4 {
		if got := get(); got != "Bearer token-1" {
			t.Errorf("an older daemon: got %q", got)
		}
	}
	if len(older.asked) != 4 {
		t.Errorf("an older daemon was asked %d times, want 4", len(older.asked))
	}
}

// The daemon's error is the request's, and none is held then.
func TestHoldFails(t *testing.T) {
	m, c := newHoldMint(t)
	p := newResource(t, func(string) bool { return true })
	web := webClient(c, api.TokenRequest{Account: "work"})
	get(t, web, p.URL)
	m.mu.Lock()
	m.fail = &api.Error{Code: api.PolicyDenied, Message: "not you"}
	m.mu.Unlock()
	for range 2 {
		if _, err := web.Get(p.URL); err == nil || api.AsError(err).Code != api.PolicyDenied {
			t.Errorf("got %v, want policy_denied", err)
		}
	}
	m.mu.Lock()
	m.fail = nil
	m.mu.Unlock()
	get(t, web, p.URL)
}

// A daemon that is stopping while it is asked to let a token be held costs no request.
func TestHoldOfAnEndingDaemon(t *testing.T) {
	m, c := newHoldMint(t)
	m.refuse = &api.Error{Code: api.Busy, Message: "the daemon is stopping"}
	get := getter(t, c)
	for range 3 {
		if got := get(); got != "Bearer token-1" {
			t.Errorf("got %q, want the token", got)
		}
	}
}

// A token that the server refuses is held no longer, and neither is one after another was asked for with force or by a person.
func TestHoldIsReleased(t *testing.T) {
	m, c := newHoldMint(t)
	p := newResource(t, func(authorization string) bool { return authorization != "Bearer token-1" })
	web := webClient(c, api.TokenRequest{Account: "work"})
	held := webClient(c, api.TokenRequest{Account: "work"})
	for range 3 {
		get(t, held, newResource(t, func(string) bool { return true }).URL)
	}
	get(t, web, p.URL)
	if got, want := p.seen(), []string{"Bearer token-1", "Bearer token-2"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	get(t, held, p.URL) // which held the first one
	if got, want := p.seen(), []string{"Bearer token-2"}; !slices.Equal(got, want) {
		t.Errorf("the other transport: got %q, want %q", got, want)
	}
	for _, r := range []api.TokenRequest{{Account: "work", Force: true}, {Account: "work", Interactive: true}} {
		for range 3 {
			get(t, held, p.URL)
		}
		m.supersede(time.Hour)
		next, err := c.Token(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		p.seen()
		get(t, held, p.URL)
		if got, want := p.seen(), []string{"Bearer " + next.AccessToken}; !slices.Equal(got, want) {
			t.Errorf("after %+v: got %q, want %q", r, got, want)
		}
	}
}

// The end of the daemon is the end of what it let be held.
func TestHoldEndsWithTheDaemon(t *testing.T) {
	h := newHome(t)
	m := &holdMint{mint: mint{lifetime: time.Hour}, change: make(chan struct{})}
	stop := h.serve(h.socket(), m)
	c := h.client()
	c.Hold = true
	p := newResource(t, func(string) bool { return true })
	web := webClient(c, api.TokenRequest{Account: "work"})
	for range 3 {
		get(t, web, p.URL)
	}
	stop()
	for { // until the news are here
		resp, err := web.Get(p.URL)
		if err != nil {
			if got := api.AsError(err).Code; got != api.NoDaemon {
				t.Errorf("got %s, want no_daemon", got)
			}
			return
		}
		_ = resp.Body.Close()
	}
}

// Many at once get a token each, and one of them has it held.
func TestHoldAtOnce(t *testing.T) {
	m, c := newHoldMint(t)
	p := newResource(t, func(string) bool { return true })
	web := webClient(c, api.TokenRequest{Account: "work"})
	get(t, web, p.URL)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 20 {
				resp, err := web.Get(p.URL)
				if err != nil {
					t.Error(err)
					return
				}
				_ = resp.Body.Close()
			}
		})
	}
	all.Wait()
	if _, holds := m.asks(); holds != 1 {
		t.Errorf("%d asked to hold, want one", holds)
	}
}

// A request that is given up while the daemon looks for a token ends at once.
func TestHoldGivenUp(t *testing.T) {
	m, c := newHoldMint(t)
	p := newResource(t, func(string) bool { return true })
	web := webClient(c, api.TokenRequest{Account: "work"})
	get(t, web, p.URL)
	m.mu.Lock()
	defer m.mu.Unlock() // nobody gets a token
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := web.Do(r)
		ended <- err
	}()
	cancel()
	if err := <-ended; err == nil || ctx.Err() == nil {
		t.Errorf("got %v, want the request's end", err)
	}
}
