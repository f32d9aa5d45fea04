package ipc

import (
	"bufio"
	"context"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/ipc/api"
)

// Half a request is waited for as long as a message may take, however long a connection may be idle.
func TestHalfARequestEnds(t *testing.T) {
	r := start(t, &fake{}, func(s *Server) {
		s.limits.firstByte, s.limits.idleLine, s.limits.idleHTTP = time.Hour, time.Hour, time.Hour
		s.limits.message = 50 * time.Millisecond
	})
	const web = "GET /v1/token?account=work HTTP/1.1\r\n"
	for name, text := range map[string]string{
		"the first line": `{"acc`, "a line": `{"account":"work"}` + "\n" + `{"acc`,
		"the first header": web, "a header": web + "Host: oauthd\r\n\r\n" + web,
		"a body": "POST /v1/token HTTP/1.1\r\nHost: oauthd\r\nContent-Length: 20\r\n\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, r.path)
			send(t, c, text)
			ended(t, c)
		})
	}
}

// eventually repeats try until it succeeds: the server notices the end of a connection or a request in its own time.
func eventually(t *testing.T, what string, try func() bool) {
	t.Helper()
	for giveUp := time.Now().Add(10 * time.Second); !try(); runtime.Gosched() {
		if time.Now().After(giveUp) {
			t.Fatalf("%s: not within 10 s", what)
		}
	}
}

// Connections that have ended make room for others, whichever protocol they spoke.
func TestEndedConnectionsDoNotCount(t *testing.T) {
	r := start(t, &fake{}, func(s *Server) { s.cfg.MaxConns = 2 })
	for range 6 {
		eventually(t, "a connection", func() bool {
			resp, _ := exchange(t, r.path, "GET /v1/token?account=work HTTP/1.1\r\nHost: oauthd\r\n\r\n")
			return resp.StatusCode == 200
		})
	}
}

// A connection that has had its answer holds no room for large requests while it waits for the next one.
func TestIdleConnectionHoldsNoRoom(t *testing.T) {
	for _, h := range halves() {
		t.Run(h.name, func(t *testing.T) {
			r := start(t, importing(), func(s *Server) { s.limits.arrivals = 3 * h.cost })
			for range 5 { // all of them stay open
				eventually(t, "a request beside idle connections", func() bool {
					c := dial(t, r.path)
					send(t, c, h.begin+h.rest)
					code, err := h.answer(c)
					if err != nil {
						t.Fatal(err)
					}
					return code == ""
				})
			}
		})
	}
}

// Each line of a connection has its own time.
func TestEachLineHasItsOwnDeadline(t *testing.T) {
	deadlines := make(chan time.Time, 1)
	r := start(t, &fake{token: func(ctx context.Context, r api.TokenRequest) (api.Token, error) {
		at, _ := ctx.Deadline()
		deadlines <- at
		return sampleToken(r), nil
	}}, func(s *Server) { s.limits.request = time.Hour })
	c := dial(t, r.path)
	in := bufio.NewReader(c)
	for range 3 {
		sent := time.Now()
		send(t, c, `{"account":"work"}`+"\n")
		readLine(t, in)
		if at := <-deadlines; at.Before(sent.Add(time.Hour)) {
			t.Errorf("got an hour that began %v before the line was sent", sent.Add(time.Hour).Sub(at))
		}
	}
}

// A caller that sends no more gets its answers, and nothing after them.
func TestNothingAfterTheLastAnswer(t *testing.T) {
	r := start(t, &fake{}, nil)
	c := dial(t, r.path)
	send(t, c, strings.Repeat(`{"account":"work"}`+"\n", 2))
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if all, err := io.ReadAll(c); err != nil || strings.Count(string(all), "\n") != 2 || strings.Contains(string(all), "error") {
		t.Errorf("got %q, %v; want two answers", all, err)
	}
}

// Whoever waits for requests hears of each, in either protocol.
func TestRequestsAreReported(t *testing.T) {
	var n atomic.Int32
	r := start(t, &fake{}, func(s *Server) { s.cfg.Requested = func() { n.Add(1) } })
	c := dial(t, r.path)
	in := bufio.NewReader(c)
	for range 2 {
		send(t, c, `{"account":"work"}`+"\n")
		readLine(t, in)
	}
	exchange(t, r.path, "GET /v1/token?account=work HTTP/1.1\r\nHost: oauthd\r\n\r\n")
	if got := n.Load(); got != 3 {
		t.Errorf("got %d requests reported, want 3", got)
	}
}

// A line is said to have begun once, when something of it is there: its time does not start anew with every byte.
func TestALineBeginsOnce(t *testing.T) {
	c, theirs := pair(t, &arrivals{room: 1 << 20})
	send(t, theirs, "abcdefghij\n")
	r := &lineReader{conn: c, buf: make([]byte, 1)}
	begun := 0
	line, err := r.next(func() {
		if begun++; !r.buffered() {
			t.Error("it began before anything of it was there")
		}
	})
	if string(line) != "abcdefghij" || err != nil || begun != 1 {
		t.Errorf("got %q, %v, begun %d times; want the line, begun once", line, err, begun)
	}
}

// A write that is done has no deadline any more, so that nothing ends the next one.
func TestWriteThatIsDone(t *testing.T) {
	c, _ := pair(t, &arrivals{})
	if _, err := c.writeAt(time.Now(), []byte("x")); err != nil || c.writeBy.Load() != 0 {
		t.Errorf("got %v, a deadline at %d; want none left", err, c.writeBy.Load())
	}
	c.watchdog.close()
}

// The clock of a request stands still until somebody waits for its end.
func TestClockOfARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		r := withDeadline(t.Context(), began, time.Minute)
		defer r.end()
		time.Sleep(time.Second)
		if got := r.now(); !got.Equal(began) {
			t.Errorf("nobody waits: got %v after it began, want 0", got.Sub(began))
		}
		first, second := r.Done(), r.Done()
		if first != second {
			t.Error("got another channel for who waits second")
		}
		time.Sleep(time.Second)
		if got := r.now(); got.Sub(began) != 2*time.Second {
			t.Errorf("somebody waited: got %v after it began, want 2s", got.Sub(began))
		}
		if at, ok := r.Deadline(); !ok || at.Sub(began) != time.Minute {
			t.Errorf("got a deadline %v after it began, want 1m", at.Sub(began))
		}
	})
}
