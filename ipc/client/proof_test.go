package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"oauthd/ipc/api"
	"oauthd/ipc/client"
)

// boundMint makes tokens that need proofs; these say what they are for. bearer makes it one of bearer tokens.
type boundMint struct {
	mint
	bearer bool
	proofs []api.ProofRequest
}

func (m *boundMint) Token(ctx context.Context, r api.TokenRequest) (api.Token, error) {
	t, err := m.mint.Token(ctx, r)
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.bearer {
		t.TokenType = api.TypeDPoP
	}
	return t, err
}

func (m *boundMint) Proof(ctx context.Context, r api.ProofRequest) (api.Proof, error) {
	t, err := m.Token(ctx, r.TokenRequest)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.proofs = append(m.proofs, r)
	p := api.Proof{Token: t}
	if !m.bearer {
		p.Proof = fmt.Sprintf("%s %s %s nonce:%s", r.Method, r.URL, t.AccessToken, r.Nonce)
	}
	return p, err
}

func newBoundMint(t *testing.T) (*boundMint, *client.Client) {
	t.Helper()
	h := newHome(t)
	m := &boundMint{mint: mint{lifetime: time.Hour}}
	h.serve(h.socket(), m)
	return m, h.client()
}

// boundResource is one that demands proofs with its nonce, and takes one token.
type boundResource struct {
	*httptest.Server
	mu    sync.Mutex // guards the fields below
	nonce string     // "" for none
	token func() string
	got   []string
}

func newBoundResource(t *testing.T, token func() string) *boundResource {
	t.Helper()
	p := &boundResource{token: token}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		proof := r.Header.Get("DPoP")
		p.got = append(p.got, strings.ReplaceAll(proof, p.URL, "U"))
		if p.nonce != "" {
			w.Header().Set("DPoP-Nonce", p.nonce)
		}
		switch want := p.token(); {
		case !strings.HasSuffix(proof, " nonce:"+p.nonce):
			w.Header().Set("WWW-Authenticate", `DPoP error="use_dpop_nonce"`)
			w.WriteHeader(http.StatusUnauthorized)
		case r.Header.Get("Authorization") != "DPoP "+want, proof != r.Method+" "+p.URL+r.RequestURI+" "+want+" nonce:"+p.nonce:
			w.Header().Set("WWW-Authenticate", `DPoP error="invalid_token"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *boundResource) seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	got := p.got
	p.got = nil
	return got
}

func TestTransportOfABoundToken(t *testing.T) {
	m, c := newBoundMint(t)
	refused := ""
	p := newBoundResource(t, func() string {
		if m.newest() == refused {
			return "none"
		}
		return m.newest()
	})
	web := webClient(c, work)
	nonce := func(text string) func() {
		return func() { p.mu.Lock(); p.nonce = text; p.mu.Unlock() }
	}
	for _, tt := range []struct {
		name    string
		prepare func()
		want    []string
		status  int
		forced  int
	}{
		{"a first request", func() {}, []string{"GET U/me?q=1 token-1 nonce:"}, 200, 0},
		{"another one", func() {}, []string{"GET U/me?q=1 token-1 nonce:"}, 200, 0},
		{"a nonce is wanted", nonce("n-1"), []string{"GET U/me?q=1 token-1 nonce:", "GET U/me?q=1 token-1 nonce:n-1"}, 200, 0},
		{"it is remembered", func() {}, []string{"GET U/me?q=1 token-1 nonce:n-1"}, 200, 0},
		{"replaced by another program", func() { m.supersede(time.Hour) }, []string{"GET U/me?q=1 token-2 nonce:n-1"}, 200, 0},
		{"revoked", func() { refused = "token-2" }, []string{"GET U/me?q=1 token-2 nonce:n-1", "GET U/me?q=1 token-3 nonce:n-1"}, 200, 1},
		{"revoked, and another nonce", func() { refused = "token-3"; nonce("n-2")() },
			[]string{"GET U/me?q=1 token-3 nonce:n-1", "GET U/me?q=1 token-3 nonce:n-2"}, 401, 0},
	} {
		tt.prepare()
		_, before := m.requests()
		status := statusOf(t, web, p.URL+"/me?q=1")
		_, after := m.requests()
		if got := p.seen(); !slices.Equal(got, tt.want) || status != tt.status || after-before != tt.forced {
			t.Errorf("%s: got %q, status %d, forced %d; want %q, %d, %d", tt.name, got, status, after-before, tt.want, tt.status, tt.forced)
		}
	}
}

// A server that wants another nonce each time is not asked forever.
func TestTransportEndlessNonces(t *testing.T) {
	_, c := newBoundMint(t)
	n := 0
	p := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n++
		w.Header().Set("DPoP-Nonce", fmt.Sprintf("n-%d", n))
		w.Header().Set("WWW-Authenticate", `DPoP error="use_dpop_nonce"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(p.Close)
	if status := statusOf(t, webClient(c, work), p.URL); status != http.StatusUnauthorized || n != 4 {
		t.Errorf("got status %d after %d requests; want 401 after 2 for each of two tokens", status, n)
	}
}

// A body that cannot be had again is not sent without its end, and one that can is sent whole.
func TestTransportBodyOfABoundToken(t *testing.T) {
	_, c := newBoundMint(t)
	var bodies []string
	p := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := new(strings.Builder)
		_, _ = fmt.Fprint(b, r.ContentLength)
		bodies = append(bodies, b.String())
		w.Header().Set("DPoP-Nonce", "n-1")
		if !strings.HasSuffix(r.Header.Get("DPoP"), " nonce:n-1") {
			w.Header().Set("WWW-Authenticate", `Bearer, DPoP algs="ES256", error="use_dpop_nonce"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(p.Close)
	resp, err := webClient(c, work).Post(p.URL, "text/plain", strings.NewReader("content"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 200 || !slices.Equal(bodies, []string{"7", "7"}) {
		t.Errorf("got status %d, bodies of %v bytes; want 200, and the body twice", resp.StatusCode, bodies)
	}
}

// An account whose tokens were bound, and no longer are.
func TestTransportNoLongerBound(t *testing.T) {
	m, c := newBoundMint(t)
	bound := newBoundResource(t, m.newest)
	plain := newResource(t, func(a string) bool { return a == "Bearer "+m.newest() })
	web := webClient(c, work)
	if status := statusOf(t, web, bound.URL+"/"); status != 200 {
		t.Fatalf("got status %d, want 200", status)
	}
	m.mu.Lock()
	m.bearer = true
	m.mu.Unlock()
	for range 2 {
		if status := statusOf(t, web, plain.URL); status != 200 {
			t.Errorf("got status %d, want 200", status)
		}
	}
	if len(m.proofs) != 2 {
		t.Errorf("got %d requests for proofs, want one that finds out", len(m.proofs))
	}
}

// A program that can send no proof gets no token that needs one, but an ID token, and any bearer token.
func TestBearerTokens(t *testing.T) {
	m, c := newBoundMint(t)
	b := client.BearerTokens{Client: c}
	if got, err := b.Token(t.Context(), work); !errors.Is(err, &api.Error{Code: api.Unsupported}) || got.AccessToken != "" {
		t.Errorf("got a token %t, %v; want it refused", got.AccessToken != "", err)
	}
	withID := work
	withID.IDToken = true
	if _, err := b.Token(t.Context(), withID); err != nil {
		t.Errorf("with an ID token: got %v, want it", err)
	}
	m.bearer = true
	if _, err := b.Token(t.Context(), work); err != nil {
		t.Errorf("a bearer token: got %v, want it", err)
	}
}

func TestNonces(t *testing.T) {
	var n client.Nonces
	at := func(text string) *url.URL {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	answer := func(status int, nonce, challenge string) *http.Response {
		return &http.Response{StatusCode: status, Header: http.Header{"Dpop-Nonce": {nonce}, "Www-Authenticate": {challenge}}}
	}
	for _, tt := range []struct {
		name   string
		answer *http.Response
		wanted bool
		next   string
	}{
		{"no nonce", answer(401, "", `DPoP error="use_dpop_nonce"`), false, ""},
		{"a nonce for later", answer(200, "n-1", ""), false, "n-1"},
		{"wanted now", answer(401, "n-2", `DPoP error="use_dpop_nonce", error_description="…"`), true, "n-2"},
		{"another error", answer(401, "n-3", `DPoP error="invalid_token"`), false, "n-3"},
		{"not a refusal", answer(403, "n-4", `DPoP error="use_dpop_nonce"`), false, "n-4"},
	} {
		if got := n.Note(at("https://Api.example.com/a"), tt.answer); got != tt.wanted || n.For(at("https://api.example.com/b?q")) != tt.next {
			t.Errorf("%s: got wanted %t, next %q; want %t, %q", tt.name, got, n.For(at("https://api.example.com/b")), tt.wanted, tt.next)
		}
	}
	if got := n.For(at("https://api.example.com:8443/")); got != "" {
		t.Errorf("another port: got %q, want none", got)
	}
	for i := range 1000 {
		n.Note(at(fmt.Sprintf("https://%d.example.com/", i)), answer(200, "n", ""))
	}
	known := 0
	for i := range 1000 {
		if n.For(at(fmt.Sprintf("https://%d.example.com/", i))) != "" {
			known++
		}
	}
	if known > 256 || known < 200 {
		t.Errorf("got the nonces of %d servers, want at most 256", known)
	}
}
