package provider

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestClientForProviders checks what the client does that talks to providers.
func TestClientForProviders(t *testing.T) {
	var conns atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	client := NewHTTPClient()
	for range 2 {
		res, err := client.Get(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			t.Error(err)
		}
		_ = res.Body.Close() // so that another client would use the connection again
		if res.StatusCode != http.StatusTemporaryRedirect {
			t.Errorf("got %d, want the redirect itself", res.StatusCode)
		}
	}
	if n := conns.Load(); n != 2 {
		t.Errorf("got %d connections for two requests, want a new one each", n)
	}
	// It connects as the context allows.
	req, err := http.NewRequestWithContext(ConfineTo(context.Background(), s.URL, "https://id.example.org"), http.MethodGet, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if res, err := client.Do(req); err == nil || !strings.Contains(err.Error(), "a private address") {
		if err == nil {
			_ = res.Body.Close()
		}
		t.Errorf("confined: got %v, want the private address refused", err)
	}
	if transport := client.Transport.(*http.Transport); transport.Proxy == nil || transport.TLSClientConfig.MinVersion < tls.VersionTLS12 {
		t.Error("got no proxy from the environment, or TLS before 1.2")
	}
}

// TestHarden checks that another's client becomes one that follows nothing and remembers nothing, and stays as it is
// itself.
func TestHarden(t *testing.T) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	theirs := &http.Client{Jar: jar, Transport: http.DefaultTransport}
	ours := Harden(theirs)
	if ours.Jar != nil || ours.CheckRedirect == nil || ours.Transport != http.DefaultTransport {
		t.Error("got cookies, redirects, or another transport")
	}
	if theirs.Jar == nil || theirs.CheckRedirect != nil {
		t.Error("the client of another was changed")
	}
}

// TestReadBody checks the bound on what is read.
func TestReadBody(t *testing.T) {
	for size, whole := range map[int]bool{0: true, MaxBody: true, MaxBody + 1: false, 2 * MaxBody: false} {
		body, got, err := ReadBody(strings.NewReader(strings.Repeat("x", size)))
		if got != whole || err != nil || len(body) != min(size, MaxBody) {
			t.Errorf("%d bytes: got %d, whole %t, %v; want at most %d, whole %t", size, len(body), got, err, MaxBody, whole)
		}
	}
}
