package provider

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
)

// through asks for a URL through a proxy and returns what may be shown of the failure.
func through(t *testing.T, proxy func(*http.Request) (*url.URL, error)) error {
	t.Helper()
	c := NewHTTPClient()
	c.Transport.(*http.Transport).Proxy = proxy
	return asked(t, c, "https://login.example.com/token")
}

func asked(t *testing.T, c *http.Client, endpoint string) error {
	t.Helper()
	res, err := c.Post(endpoint, "", strings.NewReader("x"))
	if err == nil {
		_ = res.Body.Close()
		t.Fatalf("got %s, want a failure", res.Status)
	}
	return SafeCause(err)
}

func TestProxyThatRefuses(t *testing.T) {
	for _, status := range []int{403, 407, 502, 204} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodConnect || r.Host != "login.example.com:443" {
				t.Errorf("got %s %s, want CONNECT login.example.com:443", r.Method, r.Host)
			}
			w.Header().Set("Proxy-Authenticate", "Basic realm=\"hunter2\"")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "hunter2")
		}))
		t.Cleanup(server.Close)
		u, err := url.Parse(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		host := u.Host
		u.User = url.UserPassword("ada", "hunter2")
		got := through(t, http.ProxyURL(u))
		var proxy *ProxyError
		if !errors.As(got, &proxy) || proxy.Proxy != host || proxy.Status != status {
			t.Fatalf("%d: got %v, want a ProxyError of %s", status, got, host)
		}
		if want := "the proxy " + host + " refused to connect: "; !strings.HasPrefix(got.Error(), want) || strings.Contains(got.Error(), "hunter2") {
			t.Errorf("%d: got %q, want %q and the status, without credentials", status, got, want)
		}
		if status == 407 && !strings.HasSuffix(got.Error(), "407 Proxy Authentication Required") {
			t.Errorf("got %q, want the status in words", got)
		}
	}
}

func TestProxyOutOfReach(t *testing.T) {
	const dead = "127.0.0.1:1" // no test and no daemon listens there
	for _, scheme := range []string{"http", "https", "socks5"} {
		got := through(t, http.ProxyURL(&url.URL{Scheme: scheme, Host: dead, User: url.UserPassword("ada", "hunter2")}))
		var proxy *ProxyError
		if !errors.As(got, &proxy) || proxy.Proxy != dead || proxy.Status != 0 || !errors.Is(got, syscall.ECONNREFUSED) {
			t.Errorf("%s: got %v, want a ProxyError of %s", scheme, got, dead)
		}
		if want := "the proxy " + dead + " cannot be used: "; !strings.HasPrefix(got.Error(), want) || strings.Contains(got.Error(), "hunter2") {
			t.Errorf("%s: got %q, want %q and why, without credentials", scheme, got, want)
		}
	}
}

func TestProxyThatSpeaksSOCKSAndRefuses(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		_, _ = io.ReadFull(conn, make([]byte, 3))
		_, _ = conn.Write([]byte{5, 0xff}) // RFC 1928 §3: no acceptable methods
		_ = conn.Close()
	}()
	got := through(t, http.ProxyURL(&url.URL{Scheme: "socks5", Host: ln.Addr().String()}))
	if want := "the proxy " + ln.Addr().String() + " cannot be used: no acceptable authentication methods"; got.Error() != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestProxyThatIsNoURL(t *testing.T) {
	got := through(t, checkedProxy(func(*http.Request) (*url.URL, error) {
		return nil, errors.New(`invalid proxy address "http://ada:hunter2@%zz"`)
	}))
	var proxy *ProxyError
	if !errors.As(got, &proxy) || got.Error() != "the proxy that the environment names is not a URL" {
		t.Errorf("got %v, want that it is not a URL, and nothing of it", got)
	}
	u := &url.URL{Host: "proxy.example.com"}
	if chosen, err := checkedProxy(http.ProxyURL(u))(nil); chosen != u || err != nil {
		t.Errorf("got %v, %v; want what was chosen", chosen, err)
	}
}

// resolver fails as the resolver does.
func resolver(failure net.DNSError) *http.Client {
	c := NewHTTPClient()
	c.Transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &failure}
	}
	return c
}

func TestUnresolvedNames(t *testing.T) {
	for _, tt := range []struct {
		name    string
		failure net.DNSError
		want    string
	}{
		{"unknown", net.DNSError{Err: "no such host", Name: "login.example.com", Server: "127.0.0.53:53", IsNotFound: true},
			"the name login.example.com cannot be resolved: no such host"},
		{"no answer", net.DNSError{Err: "i/o timeout", Name: "login.example.com", IsTimeout: true},
			"the name login.example.com cannot be resolved: the resolver does not answer"},
		{"trouble", net.DNSError{Err: "server misbehaving", Name: "login.example.com", IsTemporary: true},
			"the name login.example.com cannot be resolved: the resolver has trouble"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := resolver(tt.failure)
			c.Transport.(*http.Transport).Proxy = nil
			got := asked(t, c, "https://login.example.com/token")
			var unresolved *UnresolvedError
			var dns *net.DNSError
			if !errors.As(got, &unresolved) || unresolved.Host != "login.example.com" || !errors.As(got, &dns) || got.Error() != tt.want {
				t.Errorf("got %v, want %q", got, tt.want)
			}
		})
	}
	c := resolver(net.DNSError{Err: "no such host", Name: "proxy.example.com", IsNotFound: true})
	c.Transport.(*http.Transport).Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example.com:3128"})
	got := asked(t, c, "https://login.example.com/token")
	const want = "the proxy proxy.example.com cannot be used: the name proxy.example.com cannot be resolved: no such host"
	var proxy *ProxyError
	if !errors.As(got, &proxy) || got.Error() != want {
		t.Errorf("the proxy's name: got %v, want %q", got, want)
	}
}

func TestSafeCause(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"cancelled", &net.OpError{Op: "dial", Err: context.Canceled}, "context canceled"},
		{"deadline", &net.OpError{Op: "dial", Err: context.DeadlineExceeded}, "context deadline exceeded"},
		{"cancelled on the way to a proxy", &net.OpError{Op: "proxyconnect", Err: context.Canceled}, "context canceled"},
		{"refused", &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}, "dial tcp: connection refused"},
		{"certificate", &tls.CertificateVerificationError{Err: errors.New("expired")}, "tls: failed to verify certificate: expired"},
		{
			"what a certificate says", &tls.CertificateVerificationError{Err: errors.New("valid for \x1b[31m\nhint: forged\u202e")},
			"tls: failed to verify certificate: valid for [31m hint: forged",
		},
		{
			"a certificate of many names", &tls.CertificateVerificationError{Err: errors.New(strings.Repeat("x", 60_000))},
			"tls: failed to verify certificate: " + strings.Repeat("x", 165) + "…",
		},
		{"what a resolver says", &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("\x1b]0;X\a")}, "dial tcp: ]0;X"},
		{"cut off", io.ErrUnexpectedEOF, "the connection ended before a whole answer came"},
		{"closed", &url.Error{Op: "Post", Err: io.EOF}, "the connection ended before a whole answer came"},
		{"http in place of https", http.ErrSchemeMismatch, http.ErrSchemeMismatch.Error()},
		{"anything", errors.New("malformed HTTP response hunter2"), "the connection failed, or the answer is not HTTP"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := SafeCause(tt.err).Error(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
