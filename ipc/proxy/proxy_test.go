//go:build unix

package proxy_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"oauthd/ipc/api"
	"oauthd/ipc/client"
	"oauthd/ipc/proxy"
)

const secret = "0123456789abcdef"

// daemon answers token requests; each forced one gets the next token.
type daemon struct {
	socket string
	mu     sync.Mutex // guards the fields below
	token  int
	asked  int
	err    *api.Error
}

func newDaemon(t testing.TB) *daemon {
	t.Helper()
	dir, err := os.MkdirTemp("", "proxy") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	d := &daemon{socket: filepath.Join(dir, "s")}
	l, err := net.Listen("unix", d.socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go d.serve(c)
		}
	}()
	return d
}

func (d *daemon) serve(c net.Conn) {
	defer c.Close()
	for lines := bufio.NewScanner(c); lines.Scan(); {
		var r api.TokenRequest
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return
		}
		if json.NewEncoder(c).Encode(d.answer(r)) != nil {
			return
		}
	}
}

func (d *daemon) answer(r api.TokenRequest) any {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked++
	if d.err != nil {
		return api.ErrorBody{Error: d.err}
	}
	if r.Force {
		d.token++
	}
	return api.Token{AccessToken: fmt.Sprintf("token-%d", d.token), TokenType: "Bearer", Account: r.Account}
}

// fixture is a proxy before a server, behind http.
type fixture struct {
	*daemon
	*httptest.Server
	mu         sync.Mutex // guards complaints
	complaints []error
}

func start(t testing.TB, upstream http.HandlerFunc, change func(*proxy.Config)) *fixture {
	t.Helper()
	up := httptest.NewServer(upstream)
	t.Cleanup(up.Close)
	to, err := url.Parse(up.URL + "/base")
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{daemon: newDaemon(t)}
	cfg := proxy.Config{Upstream: to, Request: api.TokenRequest{Account: "work"}, Secret: secret, Complain: func(err error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if err != nil {
			f.complaints = append(f.complaints, err)
		}
	}}
	if change != nil {
		change(&cfg)
	}
	c := &client.Client{Socket: f.socket, Running: true}
	t.Cleanup(func() { _ = c.Close() })
	f.Server = httptest.NewServer(proxy.New(cfg, c, nil))
	t.Cleanup(f.Server.Close)
	return f
}

// do sends a request, path as it is written, and returns the answer's status, header and body.
func (f *fixture) do(t testing.TB, method, path, body string, header ...string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, f.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body == "" {
		r.Body = http.NoBody
	}
	path, query, _ := strings.Cut(path, "?")
	r.URL.Opaque, r.URL.RawQuery = "//"+r.URL.Host+path, query
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(got)
}

// show answers with what came.
func show(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%s %s", r.Method, r.RequestURI)
	for _, name := range []string{"Authorization", "Proxy-Authorization", proxy.SecretHeader, "X-Forwarded-For"} {
		fmt.Fprintf(w, "|%s", strings.Join(r.Header[http.CanonicalHeaderKey(name)], ","))
	}
}

func TestClientsAuthorizationNeverPasses(t *testing.T) {
	f := start(t, show, nil)
	for _, tt := range []struct {
		name, path string
		header     []string
	}{
		{"the secret in the path", "/" + secret + "/v1/a%20b?q=1;2&x", nil},
		{"the secret in a header", "/v1/a%20b?q=1;2&x", []string{proxy.SecretHeader, secret}},
		{"its own authorization", "/" + secret + "/v1/a%20b?q=1;2&x", []string{"Authorization", "Basic Zm9v", "Proxy-Authorization", "Basic Zm9v"}},
		{"as hop by hop", "/" + secret + "/v1/a%20b?q=1;2&x", []string{"Authorization", "Basic Zm9v", "Connection", "Authorization"}},
	} {
		status, _, got := f.do(t, "GET", tt.path, "", tt.header...)
		if want := "GET /base/v1/a%20b?q=1;2&x|Bearer token-0|||"; status != 200 || got != want {
			t.Errorf("%s: got %d, %q, want %q", tt.name, status, got, want)
		}
	}
}

func TestSecret(t *testing.T) {
	reached := false
	f := start(t, func(http.ResponseWriter, *http.Request) { reached = true }, nil)
	for _, path := range []string{"/", "/v1/x", "/" + secret[1:] + "/x", "/" + secret + "0/x", "//" + secret + "/x", "/x/" + secret, "/" + secret + "%2fx"} {
		status, _, body := f.do(t, "GET", path, "")
		if status != 403 || !strings.Contains(body, `"code":"forbidden"`) || strings.Contains(body, secret) {
			t.Errorf("%s: got %d, %s, want 403 and our error", path, status, body)
		}
	}
	if status, _, _ := f.do(t, "GET", "/x", "", proxy.SecretHeader, secret+"x"); status != 403 {
		t.Errorf("a wrong header: got %d, want 403", status)
	}
	if reached || f.asked != 0 {
		t.Errorf("reached the server: %t, asked for %d tokens, want neither", reached, f.asked)
	}
}

func TestRefusedToken(t *testing.T) {
	for _, tt := range []struct {
		method, body string
		accept       string
		wantStatus   int
		wantSent     int
		wantToken    int
	}{
		{"GET", "", "Bearer token-1", 200, 2, 1},
		{"PUT", "small", "Bearer token-1", 200, 2, 1},
		{"PUT", strings.Repeat("x", 65<<10), "Bearer token-1", 401, 1, 0},
		{"POST", "small", "Bearer token-1", 401, 1, 0},
		{"POST", "", "Bearer token-1", 401, 1, 0},
		{"GET", "", "Bearer other", 401, 2, 1},
	} {
		var mu sync.Mutex
		var sent []string
		f := start(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			mu.Lock()
			defer mu.Unlock()
			sent = append(sent, string(body))
			if r.Header.Get("Authorization") != tt.accept {
				w.WriteHeader(401)
			}
		}, nil)
		status, _, _ := f.do(t, tt.method, "/"+secret+"/x", tt.body)
		f.daemon.mu.Lock()
		token := f.token
		f.daemon.mu.Unlock()
		if status != tt.wantStatus || len(sent) != tt.wantSent || token != tt.wantToken {
			t.Errorf("%s of %d bytes: got %d, sent %d times, token %d, want %d, %d, %d",
				tt.method, len(tt.body), status, len(sent), token, tt.wantStatus, tt.wantSent, tt.wantToken)
		}
		for _, body := range sent {
			if body != tt.body {
				t.Errorf("%s: got a body of %d bytes, want %d", tt.method, len(body), len(tt.body))
			}
		}
	}
}

func TestLimits(t *testing.T) {
	f := start(t, show, func(cfg *proxy.Config) {
		cfg.Limits = proxy.Limits{Methods: []string{"GET", "TRACE"}, Paths: []string{"/v1/"}}
	})
	for _, tt := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/v1/x", 200},
		{"GET", "/v1", 200},
		{"GET", "/v1/a%2Eb/100%25/..x", 200},
		{"GET", "/v1x", 403},
		{"GET", "/v2/", 403},
		{"GET", "/", 403},
		{"GET", "//v1/x", 403},
		{"GET", "/V1/x", 403},
		{"GET", "/v1/../v2", 403},
		{"GET", "/v1/%2e%2e/v2", 403},
		{"GET", "/v1/.%2E/v2", 403},
		{"GET", "/v1/%252e%252e/v2", 403},
		{"GET", "/v1/..;a=b/v2", 403},
		{"GET", "/v1/./x", 403},
		{"GET", "/v1/..%2fv2", 403},
		{"GET", "/v1%2fx", 403},
		{"GET", "/v1/a%252fb", 403},
		{"GET", "/v1/..%5cv2", 403},
		{"GET", "/v1/a\\b", 403},
		{"GET", "/v1/a%00", 403},
		{"POST", "/v1/x", 403},
		{"TRACE", "/v1/x", 403},
		{"get", "/v1/x", 403},
	} {
		status, _, body := f.do(t, tt.method, "/"+secret+tt.path, "")
		if status != tt.want || status == 403 && !strings.Contains(body, `"hint"`) {
			t.Errorf("%s %s: got %d, %s, want %d", tt.method, tt.path, status, body, tt.want)
		}
	}
	if status, _, _ := f.do(t, "GET", "/"+secret+"/v1/x", "", "X-HTTP-Method-Override", "DELETE"); status != 403 {
		t.Errorf("another method in a header: got %d, want 403", status)
	}
	for _, wrong := range []proxy.Limits{{Methods: []string{"get"}}, {Methods: []string{""}}, {Paths: []string{"v1"}}, {Paths: []string{"/a/../b"}}, {Paths: []string{"/%61"}}} {
		if wrong.Check() == nil {
			t.Errorf("%v: got no error", wrong)
		}
	}
	if err := (proxy.Limits{Methods: []string{"GET"}, Paths: []string{"/", "/v1/"}}).Check(); err != nil {
		t.Error(err)
	}
}

func TestRedirectsArePassedOn(t *testing.T) {
	sent := 0
	f := start(t, func(w http.ResponseWriter, r *http.Request) {
		sent++
		http.Redirect(w, r, "https://elsewhere.example.com/", http.StatusFound)
	}, nil)
	status, header, _ := f.do(t, "GET", "/"+secret+"/x", "")
	if status != 302 || header.Get("Location") != "https://elsewhere.example.com/" || sent != 1 {
		t.Errorf("got %d to %q, sent %d times, want the redirect itself", status, header.Get("Location"), sent)
	}
}

func TestDaemonsErrors(t *testing.T) {
	f := start(t, show, nil)
	for _, tt := range []struct {
		code api.Code
		want int
	}{
		{api.Locked, 503}, {api.LoginRequired, 502}, {api.PolicyDenied, 403}, {api.ProviderUnreachable, 503}, {api.UnknownAccount, 502},
	} {
		f.daemon.mu.Lock()
		f.err = &api.Error{Code: tt.code, Message: "what happened", Hint: "what to do", RetryAfter: 7}
		f.daemon.mu.Unlock()
		status, header, body := f.do(t, "GET", "/"+secret+"/x", "")
		if status != tt.want || !strings.Contains(body, string(tt.code)) || !strings.Contains(body, "what to do") || header.Get("Retry-After") != "7" {
			t.Errorf("%s: got %d, %v, %s, want %d", tt.code, status, header, body, tt.want)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.complaints) != 5 {
		t.Errorf("got %d complaints, want 5", len(f.complaints))
	}
}

func TestUpstreamThatIsNotThere(t *testing.T) {
	f := start(t, show, func(cfg *proxy.Config) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		cfg.Upstream = &url.URL{Scheme: "http", Host: l.Addr().String()}
		_ = l.Close()
	})
	status, _, body := f.do(t, "GET", "/"+secret+"/x", "")
	if status != 503 || !strings.Contains(body, "cannot be reached") || strings.Contains(body, "token-") {
		t.Errorf("got %d, %s, want 503 and why", status, body)
	}
}

// TestStream has the server hold its second event until the client has the first: of a stream of events, and of a body
// whose length is known.
func TestStream(t *testing.T) {
	t.Run("events", func(t *testing.T) { stream(t, "Content-Type", "text/event-stream") })
	t.Run("known length", func(t *testing.T) { stream(t, "Content-Length", "16") })
}

func stream(t *testing.T, header, value string) {
	t.Helper()
	first := make(chan struct{})
	f := start(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(header, value)
		_, _ = io.WriteString(w, "data: 1\n")
		_ = http.NewResponseController(w).Flush()
		<-first
		_, _ = io.WriteString(w, "data: 2\n")
	}, nil)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.URL+"/"+secret+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	if line, err := lines.ReadString('\n'); line != "data: 1\n" {
		t.Fatalf("got %q, %v, want the first event", line, err)
	}
	close(first)
	if line, err := lines.ReadString('\n'); line != "data: 2\n" {
		t.Errorf("got %q, %v, want the second event", line, err)
	}
}

// TestUploadIsStreamed has the client send the rest of its body once the server has the beginning.
func TestUploadIsStreamed(t *testing.T) {
	began := make(chan struct{})
	f := start(t, func(w http.ResponseWriter, r *http.Request) {
		var one [1]byte
		_, _ = io.ReadFull(r.Body, one[:])
		close(began)
		rest, _ := io.ReadAll(r.Body)
		_, _ = w.Write(append(one[:], rest...))
	}, nil)
	in, out := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL+"/"+secret+"/upload", in)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = io.WriteString(out, "a")
		<-began
		_, _ = io.WriteString(out, "b")
		_ = out.Close()
	}()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); string(body) != "ab" {
		t.Errorf("got %q, want ab", body)
	}
}

func TestUpgrade(t *testing.T) {
	noted := make(chan string, 1)
	f := start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer token-0" || r.Header.Get("Upgrade") != "websocket" {
			w.WriteHeader(400)
			return
		}
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		w.WriteHeader(http.StatusSwitchingProtocols)
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = io.Copy(c, rw)
	}, func(cfg *proxy.Config) {
		cfg.Log = func(method, path string, status int) { noted <- fmt.Sprint(method, " ", path, " ", status) }
	})
	c, err := net.Dial("tcp", f.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "GET /%s/ws?token=no HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", secret)
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != 101 {
		t.Fatalf("got %v, %v, want 101", resp, err)
	}
	for _, message := range []string{"one\n", "two\n"} {
		_, _ = io.WriteString(c, message)
		if got, err := in.ReadString('\n'); got != message {
			t.Errorf("got %q, %v, want %q", got, err, message)
		}
	}
	_ = c.Close()
	if got := <-noted; got != "GET /ws 101" {
		t.Errorf("got the line %q, want no query in it", got)
	}
}

func TestServe(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- proxy.Serve(ctx, l, http.HandlerFunc(show)) }()
	h2c := &http.Transport{Protocols: new(http.Protocols)}
	h2c.Protocols.SetUnencryptedHTTP2(true)
	defer h2c.CloseIdleConnections()
	for _, transport := range []http.RoundTripper{http.DefaultTransport, h2c} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String()+"/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if want := map[bool]int{true: 2, false: 1}[transport == h2c]; resp.ProtoMajor != want {
			t.Errorf("got %s, want HTTP/%d", resp.Proto, want)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func mustParse(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
