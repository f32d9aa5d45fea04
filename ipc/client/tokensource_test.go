package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"oauthd/ipc/api"
	"oauthd/ipc/client"
)

// mint is a backend that mints a new token where the held one does not live for what is asked, or Force asks for one.
type mint struct {
	backend
	mu       sync.Mutex    // guards the fields below
	lifetime time.Duration // of the tokens to come; 0 for no known end
	minted   int
	expiry   time.Time
	asked    []api.TokenRequest
	fail     error // answered from now on
}

func (m *mint) Token(_ context.Context, r api.TokenRequest) (api.Token, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, r)
	if m.fail != nil {
		return api.Token{}, m.fail
	}
	left := time.Until(m.expiry)
	short := !m.expiry.IsZero() && (left <= 0 || r.MinTTL != nil && left < time.Duration(*r.MinTTL)*time.Second)
	if m.minted == 0 || r.Force || short {
		m.mintLocked()
	}
	t := api.Token{AccessToken: fmt.Sprintf("token-%d", m.minted), TokenType: "bearer", Account: r.Account}
	if !m.expiry.IsZero() {
		expiry := m.expiry
		t.ExpiresAt = &expiry
		t.ExpiresIn = new(int64(time.Until(expiry) / time.Second))
	}
	return t, nil
}

func (m *mint) mintLocked() {
	m.minted++
	m.expiry = time.Time{}
	if m.lifetime != 0 {
		m.expiry = time.Now().Add(m.lifetime).UTC().Round(0)
	}
}

// supersede is another program's doing: it has the token replaced by one of that lifetime.
func (m *mint) supersede(lifetime time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lifetime = lifetime
	m.mintLocked()
}

func (m *mint) newest() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return fmt.Sprintf("token-%d", m.minted)
}

// requests returns how many requests have come, and how many of them with Force.
func (m *mint) requests() (all, forced int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.asked {
		if r.Force {
			forced++
		}
	}
	return len(m.asked), forced
}

func newMint(t *testing.T, lifetime time.Duration) (*mint, *client.Client) {
	t.Helper()
	h := newHome(t)
	m := &mint{lifetime: lifetime}
	h.serve(h.socket(), m)
	return m, h.client()
}

func take(t *testing.T, s oauth2.TokenSource) *oauth2.Token {
	t.Helper()
	token, err := s.Token()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// Expiry and Valid are those of the provider's token, whose last 10 s x/oauth2 does not count.
func TestTokenSourceExpiry(t *testing.T) {
	for _, tt := range []struct {
		name     string
		lifetime time.Duration
		valid    bool
	}{
		{"an hour", time.Hour, true},
		{"a minute", time.Minute, true},
		{"within the margin", 8 * time.Second, false},
		{"without a known end", 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, c := newMint(t, tt.lifetime)
			source := c.TokenSource(t.Context(), work)
			token := take(t, source)
			if token.Valid() != tt.valid || !token.Expiry.Equal(m.expiry) || token.Expiry.IsZero() != (tt.lifetime == 0) {
				t.Errorf("got valid %t, expiry %s, want %t, %s", token.Valid(), token.Expiry, tt.valid, m.expiry)
			}
			if token.Type() != "Bearer" || token.RefreshToken != "" {
				t.Errorf("got type %q, a refresh token %t, want Bearer alone", token.Type(), token.RefreshToken != "")
			}
			// What keeps tokens asks again exactly where x/oauth2 holds them for ended.
			reuse := oauth2.ReuseTokenSource(nil, source)
			before, _ := m.requests()
			for range 3 {
				take(t, reuse)
			}
			want := 1
			if !tt.valid {
				want = 3
			}
			if after, _ := m.requests(); after-before != want {
				t.Errorf("got %d requests for 3 uses of a ReuseTokenSource, want %d", after-before, want)
			}
		})
	}
}

func TestTokenSourceMinTTL(t *testing.T) {
	m, c := newMint(t, time.Minute)
	source := c.TokenSource(t.Context(), api.TokenRequest{Account: "work", MinTTL: new(int64(300))})
	reuse := oauth2.ReuseTokenSource(nil, source)
	first := take(t, source)
	take(t, reuse)
	m.mu.Lock()
	m.lifetime = time.Hour
	m.mu.Unlock()
	if token := take(t, source); token.AccessToken == first.AccessToken || time.Until(token.Expiry) < 5*time.Minute {
		t.Errorf("got a token until %s, want one that lives for 5 minutes", token.Expiry)
	}
	if token := take(t, reuse); time.Until(token.Expiry) > 5*time.Minute {
		t.Error("got a fresh token from ReuseTokenSource, want the one it keeps: then the documentation is wrong")
	}
	for _, r := range m.asked {
		if r.MinTTL == nil || *r.MinTTL != 300 {
			t.Errorf("got min_ttl %v at the daemon, want 300", r.MinTTL)
		}
	}
}

// A token replaced by another program's --force is never given again; what keeps tokens keeps the dead one.
func TestTokenSourceSuperseded(t *testing.T) {
	for _, lifetime := range []time.Duration{time.Hour, 0} {
		m, c := newMint(t, lifetime)
		source := c.TokenSource(t.Context(), work)
		reuse := oauth2.ReuseTokenSource(nil, source)
		first := take(t, reuse)
		if token := take(t, source); token.AccessToken != first.AccessToken {
			t.Error("got another token before the force, want the same")
		}
		if _, err := c.Token(t.Context(), api.TokenRequest{Account: "work", Force: true}); err != nil {
			t.Fatal(err)
		}
		if token := take(t, source); token.AccessToken != m.newest() {
			t.Error("got the replaced token, want the newest")
		}
		if token := take(t, reuse); token.AccessToken != first.AccessToken {
			t.Error("got a fresh token from ReuseTokenSource, want the one it keeps: then the documentation is wrong")
		}
	}
}

// oauth2.Transport over the source asks for each request; oauth2.NewClient does not.
func TestTokenSourceOverHTTP(t *testing.T) {
	m, c := newMint(t, time.Hour)
	protected := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+m.newest() {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer protected.Close()
	base := &http.Transport{}
	defer base.CloseIdleConnections()
	source := c.TokenSource(t.Context(), work)
	asking := &http.Client{Transport: &oauth2.Transport{Source: source, Base: base}}
	keeping := oauth2.NewClient(context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: base}), source)
	for i, want := range []struct{ asking, keeping int }{{200, 200}, {200, 401}} {
		if got := statusOf(t, asking, protected.URL); got != want.asking {
			t.Errorf("round %d: oauth2.Transport: got status %d, want %d", i, got, want.asking)
		}
		if got := statusOf(t, keeping, protected.URL); got != want.keeping {
			t.Errorf("round %d: oauth2.NewClient: got status %d, want %d", i, got, want.keeping)
		}
		m.supersede(time.Hour)
	}
}

func TestTokenSourceContext(t *testing.T) {
	_, c := newMint(t, time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	source := c.TokenSource(ctx, work)
	take(t, source)
	cancel()
	if _, err := source.Token(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func statusOf(t *testing.T, web *http.Client, url string) int {
	t.Helper()
	resp, err := web.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}
