package grant

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

var public = ClientAuth{ID: "desk", Method: provider.AuthNone}

const okBody = `{"access_token":"at-1","token_type":"Bearer","expires_in":3600}`

// serve starts a loopback server and returns its token endpoint.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL + "/token"
}

// say answers every request alike.
func say(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func refreshAt(endpoint string) Refresh {
	return Refresh{TokenEndpoint: endpoint, Auth: public, RefreshToken: account.NewSecret("rt-old-secret")}
}

func asProviderError(t *testing.T, err error) *ProviderError {
	t.Helper()
	var pe *ProviderError
	if !errors.As(err, &pe) {
		t.Fatalf("error is %T (%v), want *ProviderError", err, err)
	}
	return pe
}

func TestClientAuthenticatesInOnePlace(t *testing.T) {
	pair := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, tc := range []struct {
		name       string
		auth       ClientAuth
		header     string
		id, secret string
	}{
		{"none", ClientAuth{ID: "desk", Method: provider.AuthNone}, "", "desk", ""},
		{"none keeps a secret back", ClientAuth{ID: "desk", Secret: account.NewSecret("s"), Method: provider.AuthNone}, "", "desk", ""},
		{"post", ClientAuth{ID: "desk", Secret: account.NewSecret("s&1"), Method: provider.AuthPost}, "", "desk", "s&1"},
		{"basic is form-encoded first", ClientAuth{ID: "a:b c", Secret: account.NewSecret("p%+ö"), Method: provider.AuthBasic},
			pair("a%3Ab+c:p%25%2B%C3%B6"), "", ""},
		{"basic with an empty secret", ClientAuth{ID: "desk", Method: provider.AuthBasic}, pair("desk:"), "", ""},
		{"basic as it is", ClientAuth{ID: "a b", Secret: account.NewSecret("p%+ö:/="), Method: provider.AuthBasic, BasicUnencoded: true},
			pair("a b:p%+ö:/="), "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got *http.Request
			endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm()
				got = r
				say(200, "application/json", okBody)(w, r)
			})
			var c Client
			if _, err := c.Exchange(t.Context(), Exchange{
				TokenEndpoint: endpoint, Auth: tc.auth, Code: account.NewSecret("code-1"),
				Verifier: account.NewSecret("ver-1"), RedirectURI: "http://127.0.0.1:9/callback", Resource: "https://api.example.com/",
				Scopes: []string{"a", "b"},
			}); err != nil {
				t.Fatal(err)
			}
			if h := got.Header.Get("Authorization"); h != tc.header {
				t.Errorf("Authorization differs: got %d bytes, want %d", len(h), len(tc.header))
			}
			want := url.Values{
				"grant_type": {"authorization_code"}, "code": {"code-1"}, "code_verifier": {"ver-1"},
				"redirect_uri": {"http://127.0.0.1:9/callback"}, "resource": {"https://api.example.com/"},
				"scope": {"a b"},
			}
			setAll(want, "client_id", tc.id, "client_secret", tc.secret)
			if g, w := got.PostForm.Encode(), want.Encode(); g != w {
				t.Errorf("form: got %s, want %s", g, w)
			}
			for name, want := range map[string]string{
				"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded", "User-Agent": "oauthd",
			} {
				if g := got.Header.Get(name); g != want {
					t.Errorf("%s: got %q, want %q", name, g, want)
				}
			}
		})
	}
}

func TestNothingIsSentWhenTheRequestIsWrong(t *testing.T) {
	var hits atomic.Int32
	endpoint := serve(t, func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	for name, r := range map[string]Refresh{
		"no method":        {TokenEndpoint: endpoint, Auth: ClientAuth{ID: "desk"}},
		"no client_id":     {TokenEndpoint: endpoint, Auth: ClientAuth{Method: provider.AuthNone}},
		"no secret":        {TokenEndpoint: endpoint, Auth: ClientAuth{ID: "desk", Method: provider.AuthPost}},
		"http to far away": {TokenEndpoint: "http://example.com/token", Auth: public},
		"no endpoint":      {Auth: public},
	} {
		t.Run(name, func(t *testing.T) {
			var c Client
			_, err := c.Refresh(t.Context(), r)
			if pe := asProviderError(t, err); pe.Kind != Configuration || pe.Ambiguous {
				t.Errorf("got %s, ambiguous %v; want configuration, not ambiguous", pe.Kind, pe.Ambiguous)
			}
		})
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("the server saw %d requests, want 0", n)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			var elsewhere, hits atomic.Int32
			target := serve(t, func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) })
			endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
				hits.Add(1)
				http.Redirect(w, r, target, status)
			})
			// The caller's own policy would follow.
			c := Client{HTTP: &http.Client{}}
			_, err := c.Refresh(t.Context(), refreshAt(endpoint))
			pe := asProviderError(t, err)
			if pe.Kind != Unknown || pe.Status != status {
				t.Errorf("got %s %d, want unknown %d", pe.Kind, pe.Status, status)
			}
			if elsewhere.Load() != 0 || hits.Load() != 1 {
				t.Errorf("the target saw %d requests and the endpoint %d, want 0 and 1", elsewhere.Load(), hits.Load())
			}
			if _, err := c.Userinfo(t.Context(), endpoint, account.Token{Access: account.NewSecret("at-1")}, provider.Provider{}); err == nil {
				t.Error("userinfo: got nil, want an error")
			}
			if err := c.Revoke(t.Context(), Revoke{RevocationEndpoint: endpoint, Auth: public, Token: account.NewSecret("rt")}); err == nil {
				t.Error("revoke: got nil, want an error")
			}
			if elsewhere.Load() != 0 {
				t.Errorf("the target saw %d requests, want 0", elsewhere.Load())
			}
		})
	}
}

// net/http would send a request again if a connection that was kept open dies under it.
func TestRequestIsSentOnceWhenAKeptConnectionDies(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	var requests, connections atomic.Int32
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			go func() {
				defer func() { _ = conn.Close() }()
				in := bufio.NewReader(conn)
				for {
					req, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, req.Body)
					if requests.Add(1) == 2 {
						return
					}
					_, _ = io.WriteString(conn, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(okBody), okBody))
				}
			}()
		}
	}()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c := Client{HTTP: &http.Client{Transport: transport}}
	endpoint := "http://" + ln.Addr().String() + "/token"
	if _, err := c.Refresh(t.Context(), refreshAt(endpoint)); err != nil {
		t.Fatalf("first refresh: %v", err)
	}
	_, err = c.Refresh(t.Context(), refreshAt(endpoint))
	pe := asProviderError(t, err)
	if pe.Kind != Transient || !pe.Ambiguous {
		t.Errorf("got %s, ambiguous %v; want transient, ambiguous", pe.Kind, pe.Ambiguous)
	}
	if r, n := requests.Load(), connections.Load(); r != 2 || n != 1 {
		t.Errorf("the server saw %d requests on %d connections, want 2 on 1", r, n)
	}
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestRequestCannotBeReplayed(t *testing.T) {
	c := Client{HTTP: &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
		if r.GetBody != nil {
			t.Error("the request has GetBody")
		}
		for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
			if _, ok := r.Header[name]; ok {
				t.Errorf("the request has %s", name)
			}
		}
		return nil, errors.New("no network, and a hidden text")
	})}}
	_, err := c.Refresh(t.Context(), refreshAt("https://login.example.com/token"))
	pe := asProviderError(t, err)
	if pe.Kind != Transient || pe.Ambiguous || strings.Contains(err.Error(), "hidden") {
		t.Errorf("got %s, ambiguous %v, %q; want transient, not ambiguous, without the transport's text", pe.Kind, pe.Ambiguous, err)
	}
}

func TestNetworkFailures(t *testing.T) {
	t.Run("refused", func(t *testing.T) {
		var c Client
		_, err := c.Refresh(t.Context(), refreshAt("http://127.0.0.1:1/token"))
		if pe := asProviderError(t, err); pe.Kind != Transient || pe.Ambiguous {
			t.Errorf("got %s, ambiguous %v; want transient, not ambiguous", pe.Kind, pe.Ambiguous)
		}
	})
	t.Run("untrusted certificate", func(t *testing.T) {
		srv := httptest.NewUnstartedServer(say(200, "application/json", okBody))
		srv.Config.ErrorLog = log.New(io.Discard, "", 0)
		srv.StartTLS()
		t.Cleanup(srv.Close)
		var c Client
		_, err := c.Refresh(t.Context(), refreshAt(srv.URL+"/token"))
		if pe := asProviderError(t, err); pe.Kind != Transient || pe.Ambiguous || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("got %s, ambiguous %v, %v; want transient, not ambiguous, a word of the certificate", pe.Kind, pe.Ambiguous, err)
		}
	})
	t.Run("not HTTP", func(t *testing.T) {
		endpoint := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, "rt-new-leak HTTP\r\n\r\n")
				_ = conn.Close()
			}
		})
		var c Client
		_, err := c.Refresh(t.Context(), refreshAt(endpoint))
		if pe := asProviderError(t, err); pe.Kind != Transient || !pe.Ambiguous || strings.Contains(err.Error(), "leak") {
			t.Errorf("got %s, ambiguous %v, %v; want transient, ambiguous, nothing of the answer", pe.Kind, pe.Ambiguous, err)
		}
		if cause := errors.Unwrap(err); cause != nil && strings.Contains(cause.Error(), "leak") {
			t.Error("the cause quotes the answer")
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		endpoint := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			cancel()
			<-r.Context().Done()
		})
		var c Client
		_, err := c.Refresh(ctx, refreshAt(endpoint))
		if pe := asProviderError(t, err); !errors.Is(err, context.Canceled) || pe.Kind != Transient || !pe.Ambiguous {
			t.Errorf("got %v (%s, ambiguous %v), want context.Canceled, transient, ambiguous", err, pe.Kind, pe.Ambiguous)
		}
	})
}

func TestOwnDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Client{HTTP: &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}}
		began := time.Now()
		_, err := c.Refresh(context.Background(), refreshAt("https://login.example.com/token"))
		pe := asProviderError(t, err)
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("took %v, want 30 s", took)
		}
		if !errors.Is(err, context.DeadlineExceeded) || pe.Kind != Transient || !pe.Ambiguous {
			t.Errorf("got %v (%s, ambiguous %v), want deadline exceeded, transient, ambiguous", err, pe.Kind, pe.Ambiguous)
		}
	})
}

func TestDefaultClientKeepsNoConnection(t *testing.T) {
	var connections atomic.Int32
	srv := httptest.NewUnstartedServer(say(200, "application/json", okBody))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	var c Client
	for range 3 {
		if _, err := c.Refresh(t.Context(), refreshAt(srv.URL+"/token")); err != nil {
			t.Fatal(err)
		}
	}
	if n := connections.Load(); n != 3 {
		t.Errorf("3 requests used %d connections, want 3", n)
	}
}
