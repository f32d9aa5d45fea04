package emulate

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"testing"

	"oauthd/ipc/peer"
)

func hello(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }

// serve serves until the test ends.
func serve(t *testing.T, checked bool) (address string) {
	t.Helper()
	l, err := Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, checked, http.HandlerFunc(hello)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("at the end: %v", err)
		}
		if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
			t.Error("there still is a listener at the end")
		}
	})
	return l.Addr().String()
}

func TestServe(t *testing.T) {
	for _, checked := range []bool{true, false} {
		if checked && !Checks() {
			continue
		}
		address := serve(t, checked)
		host, _, err := net.SplitHostPort(address)
		if err != nil || host != "127.0.0.1" {
			t.Fatalf("listens on %s, want 127.0.0.1", address)
		}
		for _, tt := range []struct {
			name, header, value string
			want                int
		}{
			{"a plain request", "", "", 200},
			{"another host", "Host", "localhost", 403},
			{"a name for loopback", "Host", "rebound.example.com", 403},
			{"the host without its port", "Host", "127.0.0.1", 403},
			{"a browser", "Origin", "https://example.com", 403},
			{"an opaque origin", "Origin", "null", 403},
			{"a link", "Referer", "https://example.com/", 403},
			{"a proxy", "X-Forwarded-For", "192.0.2.1", 403},
			{"a proxy of RFC 7239", "Forwarded", "for=192.0.2.1", 403},
			{"a proxy of RFC 9110", "Via", "1.1 proxy", 403},
		} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address, nil)
			if err != nil {
				t.Fatal(err)
			}
			if tt.header == "Host" {
				r.Host = tt.value
			} else if tt.header != "" {
				r.Header.Set(tt.header, tt.value)
			}
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != tt.want || (string(body) == "hello") != (tt.want == 200) {
				t.Errorf("checked %t, %s: got %d, %q, want %d", checked, tt.name, resp.StatusCode, body, tt.want)
			}
		}
	}
}

func TestOurs(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	l, err := Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	for _, tt := range []struct {
		name string
		conn net.Conn
		uid  int
		err  error
		want bool
	}{
		{"ours", server, os.Getuid(), nil, true},
		{"root's", server, 0, nil, true},
		{"another's", server, os.Getuid() + 1, nil, false},
		{"nobody's", server, -1, peer.ErrNoConnection, false},
		{"a system that does not say", server, -1, peer.ErrUnsupported, false},
		{"tables that cannot be read", server, os.Getuid(), errors.New("no tables"), false},
		{"no TCP", near, os.Getuid(), nil, false},
	} {
		got := ours(tt.conn, os.Getuid(), func(from, to netip.AddrPort) (int, error) {
			if from.String() != client.LocalAddr().String() || to.String() != l.Addr().String() {
				t.Errorf("%s: asked about %s and %s, want the client's end first", tt.name, from, to)
			}
			return tt.uid, tt.err
		})
		if got != tt.want {
			t.Errorf("%s: got %t, want %t", tt.name, got, tt.want)
		}
	}
}

// TestStrangersAreRefused has the system say that a connection is another user's.
func TestStrangersAreRefused(t *testing.T) {
	h := Guard("127.0.0.1:1", http.HandlerFunc(hello))
	for _, foreign := range []bool{true, false} {
		w := &recorder{header: http.Header{}}
		r, err := http.NewRequestWithContext(context.WithValue(t.Context(), stranger{}, func() bool { return foreign }), http.MethodGet, "http://127.0.0.1:1/", nil)
		if err != nil {
			t.Fatal(err)
		}
		h.ServeHTTP(w, r)
		if (w.status == http.StatusForbidden) != foreign {
			t.Errorf("foreign %t: got status %d", foreign, w.status)
		}
		if foreign && w.header.Get("Connection") != "close" {
			t.Error("a stranger may keep the connection")
		}
	}
}

type recorder struct {
	header http.Header
	status int
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return len(p), nil }
