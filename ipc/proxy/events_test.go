//go:build unix

package proxy_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"oauthd/ipc/api"
	"oauthd/ipc/client"
	"oauthd/ipc/proxy"
)

// eventSource is a server of events: what is sent to it goes to whoever listens.
type eventSource struct {
	send chan string   // "" is the end, "abort" one in the middle
	gone chan struct{} // told when the listener has gone
	seen chan string   // the bodies of requests
}

func newEventSource() *eventSource {
	return &eventSource{make(chan string), make(chan struct{}, 1), make(chan string, 1)}
}

func (s *eventSource) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.seen <- string(body)
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("X-Kept", "yes")
	w.Header().Set("Connection", "keep-alive")
	flush := func() { _ = http.NewResponseController(w).Flush() }
	flush()
	for {
		select {
		case text := <-s.send:
			switch text {
			case "":
				return
			case "abort":
				panic(http.ErrAbortHandler)
			}
			_, _ = io.WriteString(w, text)
			flush()
		case <-r.Context().Done():
			s.gone <- struct{}{}
			return
		}
	}
}

// eventsProxy is a proxy before a stream, and what it has noted.
func eventsProxy(t *testing.T) (s *eventSource, f *fixture, noted chan api.ProxiedRequest) {
	t.Helper()
	s, noted = newEventSource(), make(chan api.ProxiedRequest, 8)
	f = start(t, s.ServeHTTP, func(cfg *proxy.Config) {
		cfg.Note = func(_ context.Context, all []api.ProxiedRequest) error {
			for _, r := range all {
				noted <- r
			}
			return nil
		}
	})
	return s, f, noted
}

// listen sends a request by a connection of its own and returns that, and the answer's beginning.
func listen(t *testing.T, f *fixture, request string) (net.Conn, *http.Response) {
	t.Helper()
	c, err := net.Dial("tcp", f.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	fmt.Fprintf(c, strings.ReplaceAll(request, "\n", "\r\n"), secret)
	resp, err := http.ReadResponse(bufio.NewReaderSize(c, 16), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c, resp
}

func next(t *testing.T, resp *http.Response, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

// Events pass at once, however long they are, and the stream's end is the answer's. It is noted then, once.
func TestEvents(t *testing.T) {
	for name, request := range map[string]string{
		"GET":                      "GET /%s/events HTTP/1.1\nHost: x\n\n",
		"POST":                     "POST /%s/events HTTP/1.1\nHost: x\nContent-Length: 4\n\nbody",
		"POST, chunked":            "POST /%s/events HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n4\nbody\n0\n\n",
		"before HTTP/1.1":          "GET /%s/events HTTP/1.0\nHost: x\n\n",
		"with something behind it": "GET /%s/events HTTP/1.1\nHost: x\nX-Long: " + strings.Repeat("x", 3000) + "\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			s, f, noted := eventsProxy(t)
			_, resp := listen(t, f, request)
			if body := <-s.seen; (body != "body") != !strings.Contains(request, "body") {
				t.Errorf("the server got %q", body)
			}
			if resp.StatusCode != 200 || resp.Header.Get("X-Kept") != "yes" || resp.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
				t.Errorf("got %s %v", resp.Status, resp.Header)
			}
			for _, event := range []string{"data: one\n\n", "data: " + strings.Repeat("2", 5000) + "\n\n", "\n"} {
				s.send <- event
				next(t, resp, event)
			}
			select {
			case r := <-noted:
				t.Errorf("got %+v noted before the end", r)
			default:
			}
			s.send <- ""
			if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 {
				t.Errorf("at the end: got %q, %v", rest, err)
			}
			if r := <-noted; r.Status != 200 || r.Code != "" || !strings.HasSuffix(r.URL, "/base/events") {
				t.Errorf("got %+v noted", r)
			}
		})
	}
}

// A stream that breaks off does not look as if it had ended.
func TestEventsBreakOff(t *testing.T) {
	s, f, _ := eventsProxy(t)
	_, resp := listen(t, f, "GET /%s/events HTTP/1.1\nHost: x\n\n")
	<-s.seen
	s.send <- "data: one\n\n"
	next(t, resp, "data: one\n\n")
	s.send <- "abort"
	if rest, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %q, %v, want an unexpected end", rest, err)
	}
}

// A client that goes away, or sends another request instead of listening, ends the request to the server.
func TestEventsNobodyListens(t *testing.T) {
	for name, leave := range map[string]func(c net.Conn){
		"gone":            func(c net.Conn) { _ = c.Close() },
		"another request": func(c net.Conn) { _, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			s, f, noted := eventsProxy(t)
			c, _ := listen(t, f, "GET /%s/events HTTP/1.1\nHost: x\n\n")
			<-s.seen
			leave(c)
			<-s.gone
			<-noted
		})
	}
}

// The end of the proxy is the end of its streams, and they are noted before it.
func TestEventsSettle(t *testing.T) {
	s := newEventSource()
	up := httptest.NewServer(s)
	defer up.Close()
	d := newDaemon(t)
	c := &client.Client{Socket: d.socket, Running: true}
	defer c.Close()
	noted := 0
	p := proxy.New(proxy.Config{
		Upstream: mustParse(t, up.URL), Request: api.TokenRequest{Account: "work"}, Complain: func(error) {},
		Note: func(_ context.Context, all []api.ProxiedRequest) error { noted += len(all); return nil },
	}, c, nil)
	front := httptest.NewServer(p)
	defer front.Close()
	resp, err := http.Get(front.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	<-s.seen
	p.Settle(t.Context())
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("the stream looks as if it had ended")
	}
	<-s.gone
	if noted != 1 {
		t.Errorf("got %d requests noted, want 1", noted)
	}
}
