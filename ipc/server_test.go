package ipc

import (
	"bufio"
	"context"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"oauthd/ipc/api"
)

func TestIdleConnectionsDelayNobody(t *testing.T) {
	r := start(t, &fake{}, nil)
	const each = 250
	for range each {
		for _, text := range []string{"", `{"account"`, "GET /v1/token HTTP/1.1\r\nHo", `{"account":"work"}` + "\n"} {
			send(t, dial(t, r.path), text)
		}
	}
	c := dial(t, r.path)
	in := bufio.NewReader(c)
	for range 20 {
		send(t, c, `{"account":"work"}`+"\n")
		if got := codeOf(t, readLine(t, in)); got != "" {
			t.Errorf("got %s, want a token", got)
		}
	}
	if resp, _ := exchange(t, r.path, "GET /v1/token?account=work HTTP/1.1\r\nHost: oauthd\r\n\r\n"); resp.StatusCode != 200 {
		t.Errorf("got %d, want 200", resp.StatusCode)
	}
	// A connection that turns out to speak HTTP has a second one while it is handed over.
	const most = 4*each + 30
	tick, giveUp := time.NewTicker(10*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for runtime.NumGoroutine() > most {
		select {
		case <-tick.C:
		case <-giveUp:
			t.Fatalf("got %d goroutines for %d connections, want %d at most", runtime.NumGoroutine(), 4*each, most)
		}
	}
}

func TestSlowAccountDelaysNobody(t *testing.T) {
	entered, release := make(chan struct{}, 64), make(chan struct{})
	r := start(t, &fake{token: func(_ context.Context, r api.TokenRequest) (api.Token, error) {
		if r.Account == "slow" {
			entered <- struct{}{}
			<-release
		}
		return sampleToken(r), nil
	}}, nil)
	var slow []*bufio.Reader
	for range 32 {
		c := dial(t, r.path)
		send(t, c, `{"account":"slow"}`+"\n")
		<-entered
		slow = append(slow, bufio.NewReader(c))
	}
	c := dial(t, r.path)
	send(t, c, `{"account":"work"}`+"\n")
	if got := codeOf(t, readLine(t, bufio.NewReader(c))); got != "" {
		t.Errorf("got %s, want a token", got)
	}
	close(release)
	for _, in := range slow {
		if got := codeOf(t, readLine(t, in)); got != "" {
			t.Errorf("slow account: got %s, want a token", got)
		}
	}
}

func TestTooManyConnections(t *testing.T) {
	r := start(t, &fake{}, func(s *Server) { s.cfg.MaxConns, s.limits.refuse = 2, 50*time.Millisecond })
	var kept []net.Conn
	for range 2 {
		c := dial(t, r.path)
		send(t, c, `{"account":"work"}`+"\n")
		readLine(t, bufio.NewReader(c))
		kept = append(kept, c)
	}
	for name, text := range map[string]string{"line": `{"account":"work"}` + "\n", "silent": ""} {
		c := dial(t, r.path)
		send(t, c, text)
		if got := codeOf(t, readLine(t, bufio.NewReader(c))); got != api.Busy {
			t.Errorf("%s: got %s, want busy", name, got)
		}
		ended(t, c)
	}
	resp, body := exchange(t, r.path, "GET /v1/token?account=work HTTP/1.1\r\nHost: oauthd\r\n\r\n")
	if got := codeOf(t, body); resp.StatusCode != 429 || got != api.Busy || !strings.Contains(body, `"retry_after"`) {
		t.Errorf("http: got %d %s, want 429 busy, and when to try again", resp.StatusCode, got)
	}
	_ = kept[0].Close()
	// The server notices the end in its own time; until then it is busy.
	for {
		c := dial(t, r.path)
		send(t, c, `{"account":"work"}`+"\n")
		switch got := codeOf(t, readLine(t, bufio.NewReader(c))); got {
		case "":
			return
		case api.Busy:
			runtime.Gosched()
		default:
			t.Fatalf("after one has gone: got %s, want a token", got)
		}
	}
}

func TestStopIsGraceful(t *testing.T) {
	entered, release := make(chan struct{}, 2), make(chan struct{})
	r := start(t, &fake{token: func(_ context.Context, r api.TokenRequest) (api.Token, error) {
		entered <- struct{}{}
		<-release
		return sampleToken(r), nil
	}}, nil)
	idle := dial(t, r.path)
	line, web := dial(t, r.path), dial(t, r.path)
	send(t, line, `{"account":"work"}`+"\n")
	<-entered
	send(t, web, "GET /v1/token?account=work HTTP/1.1\r\nHost: oauthd\r\n\r\n")
	<-entered
	done := make(chan error, 1)
	go func() { done <- r.stop() }()
	ended(t, idle)
	select {
	case err := <-done:
		t.Fatalf("Serve returned %v while requests were under way", err)
	default:
	}
	if c, err := net.Dial("unix", r.path); err == nil {
		_ = c.Close()
		t.Error("a stopping server accepts connections")
	}
	close(release)
	if got := codeOf(t, readLine(t, bufio.NewReader(line))); got != "" {
		t.Errorf("line under way: got %s, want a token", got)
	}
	if got := readLine(t, bufio.NewReader(web)); got != "HTTP/1.1 200 OK\r" {
		t.Errorf("request under way: got %q, want 200", got)
	}
	if err := <-done; err != nil {
		t.Errorf("got %v, want nil", err)
	}
}

func TestStopIsBounded(t *testing.T) {
	entered := make(chan struct{}, 1)
	r := start(t, &fake{token: func(ctx context.Context, _ api.TokenRequest) (api.Token, error) {
		entered <- struct{}{}
		<-ctx.Done()
		return api.Token{}, ctx.Err()
	}}, func(s *Server) { s.limits.grace = 50 * time.Millisecond })
	c := dial(t, r.path)
	send(t, c, `{"account":"work"}`+"\n")
	<-entered
	done := make(chan error, 1)
	go func() { done <- r.stop() }()
	if got := codeOf(t, readLine(t, bufio.NewReader(c))); got != api.Busy {
		t.Errorf("got %s, want busy", got)
	}
	if err := <-done; err != nil {
		t.Errorf("got %v, want nil", err)
	}
}

func TestRequestDeadline(t *testing.T) {
	r := start(t, &fake{token: func(ctx context.Context, _ api.TokenRequest) (api.Token, error) {
		<-ctx.Done()
		return api.Token{}, ctx.Err()
	}}, func(s *Server) { s.limits.request = 10 * time.Millisecond })
	c := dial(t, r.path)
	send(t, c, `{"account":"work"}`+"\n")
	if got := codeOf(t, readLine(t, bufio.NewReader(c))); got != api.Timeout {
		t.Errorf("line: got %s, want timeout", got)
	}
	resp, _ := exchange(t, r.path, "GET /v1/token?account=work HTTP/1.1\r\nHost: oauthd\r\n\r\n")
	if resp.StatusCode != 504 {
		t.Errorf("http: got %d, want 504", resp.StatusCode)
	}
}

// A person takes longer than a provider.
func TestInteractiveRequestHasMoreTime(t *testing.T) {
	left := make(chan time.Duration, 1)
	r := start(t, &fake{token: func(ctx context.Context, r api.TokenRequest) (api.Token, error) {
		deadline, _ := ctx.Deadline()
		left <- time.Until(deadline)
		return sampleToken(r), nil
	}}, func(s *Server) { s.limits.request, s.limits.person = time.Minute, time.Hour })
	for _, test := range []struct {
		name, line, http string
		interactive      bool
	}{
		{"as usual", `{"account":"work"}`, "account=work", false},
		{"interactive", `{"account":"work","interactive":true}`, "account=work&interactive=true", true},
	} {
		c := dial(t, r.path)
		send(t, c, test.line+"\n")
		readLine(t, bufio.NewReader(c))
		if got := <-left; (got > time.Minute) != test.interactive {
			t.Errorf("%s, line: got %v", test.name, got)
		}
		if resp, _ := exchange(t, r.path, "GET /v1/token?"+test.http+" HTTP/1.1\r\nHost: oauthd\r\n\r\n"); resp.StatusCode != 200 {
			t.Errorf("%s, http: got %d", test.name, resp.StatusCode)
		}
		if got := <-left; (got > time.Minute) != test.interactive {
			t.Errorf("%s, http: got %v", test.name, got)
		}
	}
}

// The bounds on how long a request may take to arrive do not bound its answer.
func TestLongRequestIsNotCut(t *testing.T) {
	r := start(t, &fake{token: func(ctx context.Context, r api.TokenRequest) (api.Token, error) {
		select {
		case <-ctx.Done():
			return api.Token{}, ctx.Err()
		case <-time.After(120 * time.Millisecond):
			return sampleToken(r), nil
		}
	}}, func(s *Server) {
		const short = 30 * time.Millisecond
		s.limits.firstByte, s.limits.message, s.limits.idleHTTP, s.limits.idleLine = short, short, short, short
	})
	const body = "Content-Length: 18\r\n\r\n{\"account\":\"work\"}"
	for name, request := range map[string]string{
		"query": "GET /v1/token?account=work HTTP/1.1\r\nHost: oauthd\r\n\r\n",
		"body":  "POST /v1/token HTTP/1.1\r\nHost: oauthd\r\n" + body,
	} {
		if resp, _ := exchange(t, r.path, request); resp.StatusCode != 200 {
			t.Errorf("%s: got %d, want 200", name, resp.StatusCode)
		}
	}
	c := dial(t, r.path)
	send(t, c, `{"account":"work"}`+"\n")
	if got := codeOf(t, readLine(t, bufio.NewReader(c))); got != "" {
		t.Errorf("line: got %s, want a token", got)
	}
}

func TestServeReportsADeadListener(t *testing.T) {
	l, err := Listen(socketPath(t))
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if err := New(Config{}).Serve(context.Background(), l); err == nil {
		t.Error("got nil, want an error")
	}
}

// More connections than are waited for are refused at once.
func TestFarTooManyConnections(t *testing.T) {
	r := start(t, &fake{}, func(s *Server) { s.cfg.MaxConns, s.limits.refuse = 1, time.Minute })
	c := dial(t, r.path)
	send(t, c, `{"account":"work"}`+"\n")
	readLine(t, bufio.NewReader(c))
	var waiting []net.Conn
	for range maxRefusals {
		waiting = append(waiting, dial(t, r.path))
	}
	last := dial(t, r.path)
	if got := codeOf(t, readLine(t, bufio.NewReader(last))); got != api.Busy {
		t.Errorf("got %s, want busy", got)
	}
	ended(t, last)
	for _, c := range waiting {
		send(t, c, `{"account":"work"}`+"\n")
		if got := codeOf(t, readLine(t, bufio.NewReader(c))); got != api.Busy {
			t.Errorf("one that was waited for: got %s, want busy", got)
		}
	}
}

// An error that has a place in the table is no error of ours: the log's usual lines do not show it.
func TestLogLevels(t *testing.T) {
	for code, want := range map[api.Code]zerolog.Level{
		api.Internal: zerolog.ErrorLevel, api.Forbidden: zerolog.WarnLevel, api.PolicyDenied: zerolog.WarnLevel,
		api.BadRequest: zerolog.DebugLevel, api.LoginRequired: zerolog.DebugLevel,
	} {
		if got := level(code); got != want {
			t.Errorf("%s: got %v, want %v", code, got, want)
		}
	}
}

// As many connections are served as were asked for, or as the process's descriptors are enough for.
func TestMaxConns(t *testing.T) {
	if got := New(Config{MaxConns: 7}).cfg.MaxConns; got != 7 {
		t.Errorf("asked for 7: got %d", got)
	}
	got := New(Config{}).cfg.MaxConns
	if n := maxFiles(); got < 1 || got > 4096 || n > 0 && got >= n || n > 5000 && got < 3000 {
		t.Errorf("got %d for %d descriptors, want most of them, and 4096 at most", got, n)
	}
}
