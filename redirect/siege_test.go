package redirect

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Whatever comes to the server before the response, or at the same time, the right response completes the login. What
// one request alone cannot do is in TestRequestsWithoutEffect (Host rebinding, HEAD, POST, a giant query),
// TestResponsesOfAWebPage (prefetch) and TestIcon (favicon).
func TestSiege(t *testing.T) {
	tests := []struct {
		name string
		cfg  Config
		// attack returns once the attack is under way; it ends with the test.
		attack func(*testing.T, *Server)
	}{
		{name: "a flood of other requests", attack: floodWithRequests},
		{name: "OPTIONS", attack: preflight},
		{name: "a giant header field", attack: giantHeader("Cookie: " + strings.Repeat("c", 2*maxHeader) + "\r\n")},
		{name: "a giant number of header fields", attack: giantHeader(strings.Repeat("a:\r\n", maxHeader/2))},
		{name: "a giant name of a header field", attack: giantHeader(strings.Repeat("n", 2*maxHeader) + ": x\r\n")},
		{name: "a header without an end", attack: endlessHeader},
		{name: "10,000 silent connections", attack: manyConnections("")},
		{name: "10,000 half-sent headers", attack: manyConnections("GET /callback?state=")},
		{name: "half-sent forms", attack: halfSentForms},
		{name: "a mix-up of two logins", cfg: Config{Issuer: testIssuer}, attack: mixUp},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, tt.cfg)
			tt.attack(t, s)
			stillWaits(t, s)
		})
	}
}

// floodWithRequests sends requests from 16 sides, and goes on.
func floodWithRequests(t *testing.T, s *Server) {
	other := query("state", strings.Repeat("another", 7), "code", marker)
	requests := []*http.Request{
		request(t, http.MethodGet, s.RedirectURI()+other),
		request(t, http.MethodGet, s.RedirectURI()+query("state", strings.Repeat("another", 7), "error", "access_denied")),
		request(t, http.MethodGet, s.RedirectURI()+query("code", marker)),
		request(t, http.MethodHead, good(s)),
		request(t, http.MethodOptions, good(s)),
		request(t, http.MethodGet, "http://"+s.authority+"/"+query("state", testState, "code", marker)),
		request(t, http.MethodGet, "http://"+s.authority+"/result/AAAAAAAAAAAAAAAAAAAAAAAAAA"),
		request(t, http.MethodGet, "http://"+s.authority+"/favicon.png"),
	}
	underWay := make(chan struct{})
	var sides sync.WaitGroup
	var answered atomic.Int32
	for side := range 16 {
		sides.Go(func() {
			for i := side; ; i++ {
				resp, err := http.DefaultTransport.RoundTrip(requests[i%len(requests)])
				if err != nil {
					if t.Context().Err() == nil {
						t.Errorf("no answer: %v", err)
					}
					return
				}
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusNotFound {
					t.Errorf("%s: got %d, want 404", resp.Request.Method, resp.StatusCode)
				}
				if answered.Add(1) == 300 {
					close(underWay)
				}
			}
		})
	}
	t.Cleanup(sides.Wait)
	<-underWay
}

// preflight asks as a browser does whose page wants to send a request to this server.
func preflight(t *testing.T, s *Server) {
	r := request(t, http.MethodOptions, good(s))
	r.Header = fetched("cross-site", "cors", "empty")
	for key, value := range map[string]string{
		"Origin": "https://evil.example.com", "Access-Control-Request-Method": "GET",
		"Access-Control-Request-Headers": "authorization", "Access-Control-Request-Private-Network": "true",
	} {
		r.Header.Set(key, value)
	}
	resp, _ := do(t, r)
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("got %d, want 404", resp.StatusCode)
	}
	for key := range resp.Header {
		if strings.HasPrefix(key, "Access-Control-") || key == "Allow" {
			t.Errorf("the answer has %s", key)
		}
	}
	if got := raw(t, s, "OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n"); got == http.StatusSeeOther {
		t.Errorf("OPTIONS *: got %d", got)
	}
}

// giantHeader sends the right response with more header fields than there can be.
func giantHeader(fields string) func(*testing.T, *Server) {
	return func(t *testing.T, s *Server) {
		c := connect(t, s)
		go func() {
			_, _ = io.WriteString(c, fill(s, "GET /callback?state=STATE&code=CODE HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n"+fields+"\r\n"))
		}()
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("got %v, %v, want 431", resp, err)
		}
	}
}

// endlessHeader sends header fields for as long as the server takes them.
func endlessHeader(t *testing.T, s *Server) {
	c := connect(t, s)
	_, err := io.WriteString(c, fill(s, "GET /callback?state=STATE&code=CODE HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n"))
	lines := strings.Repeat("name: value\r\n", 1000)
	for sent := 0; err == nil; sent += len(lines) {
		if sent > 64<<20 {
			t.Fatalf("the server takes a header of %d bytes", sent)
		}
		_, err = io.WriteString(c, lines)
	}
}

// connect opens a connection that leaves nothing behind once the test has ended.
func connect(t *testing.T, s *Server) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.authority)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.(*net.TCPConn).SetLinger(0)
		_ = c.Close()
	})
	return c
}

// manyConnections opens 10,000 connections, or as many as the system lets, sends a text on each, and keeps them. The
// response comes in right behind them.
func manyConnections(text string) func(*testing.T, *Server) {
	return func(t *testing.T, s *Server) {
		for range min(10_000, descriptors()-1000) {
			_, _ = io.WriteString(connect(t, s), text)
		}
	}
}

// halfSentForms sends forms that could be the response as far as the server can tell, and holds back their last byte. It
// returns when all are gone for which there is no room, and the memory of those that are left is bounded.
func halfSentForms(t *testing.T, s *Server) {
	const forms, size = 1000, 60_000
	before, begin := heap(), time.Now()
	head := fill(s, fmt.Sprintf("POST /callback HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", formType, size+1))
	text := head + strings.Repeat("x", size)
	gone := make(chan struct{}, forms)
	for range forms {
		c := connect(t, s)
		_, _ = io.WriteString(c, text) // which the server may not read to its end
		go func() {
			_, _ = io.Copy(io.Discard, c)
			gone <- struct{}{}
		}()
	}
	for range forms - maxUnread/size {
		<-gone
	}
	if took := time.Since(begin); took >= headerTimeout {
		t.Errorf("got room after %v, want it before they time out", took)
	}
	if grown := heap() - before; grown > 16*maxUnread {
		t.Errorf("got %d bytes more in the heap, want about %d", grown, 2*maxUnread)
	}
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// mixUp runs a login at another provider beside the one under siege, and has the answers of both come to the other's
// redirect URI; then the other provider passes on what this one has answered, as its own (RFC 9207 §1, RFC 9700 §4.4).
func mixUp(t *testing.T, s *Server) {
	const otherIssuer = "https://evil.example.com"
	otherState := strings.Repeat("another", 7)
	other := start(t, Config{State: otherState, Issuer: otherIssuer, RequireIssuer: true})
	for name, url := range map[string]string{
		"the other's answer":                    s.RedirectURI() + query("state", otherState, "code", marker, "iss", otherIssuer),
		"the other's answer in this one's name": s.RedirectURI() + query("state", otherState, "code", marker, "iss", testIssuer),
		"this one's answer at the other":        other.RedirectURI() + query("state", testState, "code", testCode, "iss", testIssuer),
	} {
		if resp, _ := get(t, url); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", name, resp.StatusCode)
		}
	}
	if other.isAnswered() {
		t.Fatal("the other login has ended")
	}
	get(t, other.RedirectURI()+query("state", otherState, "code", testCode, "iss", testIssuer))
	if got, err := other.Wait(canceled()); !errors.Is(err, ErrIssuerMismatch) || got.Code() != "" {
		t.Errorf("this one's code in the other's answer: got a code %t and %v, want ErrIssuerMismatch", got.Code() != "", err)
	}
}

// Two logins at two providers, at the same time, get each its own answer, in whatever order these come.
func TestTwoLoginsAtTwoProviders(t *testing.T) {
	const otherIssuer = "https://other.example.com"
	otherState := strings.Repeat("another", 7)
	one := start(t, Config{Issuer: testIssuer, RequireIssuer: true})
	two := start(t, Config{State: otherState, Issuer: otherIssuer, RequireIssuer: true})
	get(t, two.RedirectURI()+query("state", otherState, "code", marker, "iss", otherIssuer))
	get(t, one.RedirectURI()+query("state", testState, "code", testCode, "iss", testIssuer))
	wantCode(t, one)
	if got, err := two.Wait(canceled()); err != nil || got.Code() != marker {
		t.Errorf("got another code %t and %v, want the second login's own", got.Code() != marker, err)
	}
}

// An answer that comes again after the end of its login changes neither that login nor the next one at the same port,
// which completes.
func TestReplayAfterTheEnd(t *testing.T) {
	var all Servers
	defer all.Close()
	nextState := strings.Repeat("another", 7)
	first := listenWith(t, &all, Config{})
	get(t, good(first))
	wantCode(t, first)
	first.Finish(Page{Success: true})
	next := listenWith(t, &all, Config{State: nextState, Ports: []int{portOf(t, first)}})
	replays := []string{
		query("state", testState, "code", testCode), query("state", testState, "code", testCode, "iss", testIssuer),
		query("state", testState, "error", "access_denied"), query("state", testState, "code", marker),
	}
	replay := func() {
		t.Helper()
		for _, q := range replays {
			if _, page := follow(t, next, next.RedirectURI()+q); !strings.Contains(page, "logged in") {
				t.Error("a replay does not get the page of the login it belongs to")
			}
		}
	}
	replay()
	if next.isAnswered() {
		t.Fatal("a replay has decided the next login")
	}
	get(t, next.RedirectURI()+query("state", nextState, "code", testCode))
	wantCode(t, next)
	next.Finish(Page{Title: "The exchange failed"})
	replay()
	follow(t, next, next.RedirectURI()+query("state", nextState, "code", testCode))
	follow(t, next, next.RedirectURI()+query("state", nextState, "code", marker))
	wantCode(t, next)
	wantCode(t, first)
}

// While connections keep coming faster than browsers open them, the login completes. A browser whose connection had to
// make way loads the page again, as its person does.
func TestLoginWhileConnectionsKeepComing(t *testing.T) {
	s := start(t, Config{})
	stop, underWay := make(chan struct{}), make(chan struct{})
	var sides sync.WaitGroup
	var opened atomic.Int32
	for range 4 {
		sides.Go(func() {
			var open []net.Conn
			defer func() {
				for _, c := range open {
					_ = c.Close()
				}
			}()
			for !isClosed(stop) {
				c, err := net.Dial("tcp", s.authority)
				if err != nil {
					t.Error(err)
					return
				}
				_ = c.(*net.TCPConn).SetLinger(0)
				if open = append(open, c); len(open) > maxStrangers {
					_ = open[0].Close()
					open = open[1:]
				}
				if opened.Add(1) == 4*maxStrangers {
					close(underWay)
				}
			}
		})
	}
	defer sides.Wait()
	defer close(stop)
	<-underWay
	for range 5 {
		resp, err := http.DefaultTransport.RoundTrip(request(t, http.MethodGet, good(s)))
		if err != nil {
			continue
		}
		_ = resp.Body.Close()
		wantCode(t, s)
		return
	}
	t.Error("the browser got no answer")
}
