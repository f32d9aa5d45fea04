package ipc

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"oauthd/ipc/api"
)

// half is a request of which only a part is sent.
type half struct {
	name        string
	begin, rest string
	web         bool
	cost        int // the least that begin counts, in bytes of memory
}

func halves() []half {
	const large = 100_000
	body := `{"data":"` + strings.Repeat("x", large) + `"}`
	line := `{"account":"work","scope":"` + strings.Repeat("x", maxTokenRequest-1000) + `"}` + "\n"
	header := "GET /v1/token?account=work HTTP/1.1\r\nHost: oauthd\r\n" + strings.Repeat("a:\r\n", 1000) + "\r\n"
	query := "GET /v1/token?account=work&scope=" + strings.Repeat("x", maxTokenRequest/2) + " HTTP/1.1\r\nHost: oauthd\r\n\r\n"
	post := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: oauthd\r\nContent-Length: %d\r\n\r\n%s", api.PathImport, len(body), body)
	chunked := "POST " + api.PathImport + " HTTP/1.1\r\nHost: oauthd\r\nTransfer-Encoding: chunked\r\n\r\n" +
		fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	var all []half
	for _, h := range []struct {
		name, text string
		web        bool
		cost       int
	}{
		{"line", line, false, maxTokenRequest},
		{"header", header, true, 3000 * headerCost},
		{"query", query, true, maxTokenRequest / 2 * headerCost * 9 / 10},
		{"body", post, true, large * bodyCost * 9 / 10},
		{"chunked body", chunked, true, large * bodyCost * 9 / 10},
	} {
		cut := len(h.text) - 10
		all = append(all, half{h.name, h.text[:cut], h.text[cut:], h.web, h.cost})
	}
	return all
}

// answer reads one answer, and returns its error code; "" if it is none.
func (h half) answer(c net.Conn) (api.Code, error) {
	in := bufio.NewReader(c)
	var text []byte
	var err error
	if h.web {
		var resp *http.Response
		if resp, err = http.ReadResponse(in, nil); err != nil {
			return "", err
		}
		defer resp.Body.Close()
		if text, err = io.ReadAll(resp.Body); err != nil || resp.StatusCode == http.StatusOK {
			return "", err
		}
	} else if text, err = in.ReadBytes('\n'); err != nil {
		return "", err
	}
	var body api.ErrorBody
	if err := json.Unmarshal(text, &body); err != nil || body.Error == nil {
		return "", err
	}
	return body.Error.Code, nil
}

// flood half sends n requests, and waits until those that are too many for room were told to come again.
func (h half) flood(t *testing.T, path string, n, room int) (conns []net.Conn) {
	t.Helper()
	refused := make(chan error, n)
	for range n {
		c := dial(t, path)
		_, _ = io.WriteString(c, h.begin) // which the server may not read to its end
		conns = append(conns, c)
		go func() {
			code, err := h.answer(c)
			if err == nil && code != api.Busy {
				err = fmt.Errorf("got code %q", code)
			}
			refused <- err
		}()
	}
	for range n - room/h.cost {
		if err := <-refused; err != nil {
			t.Fatalf("got %v, want busy", err)
		}
	}
	return conns
}

func importing() *fake {
	return &fake{imports: func(_ context.Context, _ api.ImportRequest, events func(api.ImportEvent)) error {
		events(api.ImportEvent{Event: api.EventDone})
		return nil
	}}
}

// However many large requests are half sent, together they hold no more than there is room for: those that have been
// arriving for longest are told to come again, and one that is sent at once comes through.
func TestHalfSentRequestsMakeWay(t *testing.T) {
	const room, flood = 4 << 20, 300
	for _, h := range halves() {
		t.Run(h.name, func(t *testing.T) {
			r := start(t, importing(), func(s *Server) { s.limits.arrivals = room })
			before := heap()
			conns := h.flood(t, r.path, flood, room)
			if grown := heap() - before; grown > 3*room {
				t.Errorf("got %d bytes more in the heap, want about %d", grown, room)
			}
			for _, other := range halves() {
				c := dial(t, r.path)
				send(t, c, other.begin+other.rest)
				if got, err := other.answer(c); got != "" || err != nil {
					t.Errorf("a whole %s meanwhile: got %q, %v, want an answer", other.name, got, err)
				}
			}
			// What has gone has given its room back.
			for _, c := range conns {
				_ = c.Close()
			}
			for range 2 * room / h.cost {
				c := dial(t, r.path)
				send(t, c, h.begin+h.rest)
				if got, err := h.answer(c); got != "" || err != nil {
					t.Fatalf("after the flood: got %q, %v, want an answer", got, err)
				}
				_ = c.Close()
			}
		})
	}
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// A request that has arrived is answered, however many come after it.
func TestArrivedRequestsDoNotMakeWay(t *testing.T) {
	const room = 4 << 20
	for _, h := range halves() {
		t.Run(h.name, func(t *testing.T) {
			entered, release := make(chan struct{}), make(chan struct{})
			slow := func(ctx context.Context) error {
				entered <- struct{}{}
				select {
				case <-release:
					return nil
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
			r := start(t, &fake{
				token: func(ctx context.Context, r api.TokenRequest) (api.Token, error) { return sampleToken(r), slow(ctx) },
				imports: func(ctx context.Context, _ api.ImportRequest, events func(api.ImportEvent)) error {
					defer events(api.ImportEvent{Event: api.EventDone})
					return slow(ctx)
				},
			}, func(s *Server) { s.limits.arrivals = room })
			whole := dial(t, r.path)
			send(t, whole, h.begin+h.rest)
			<-entered
			h.flood(t, r.path, 100, room)
			one := dial(t, r.path)
			send(t, one, h.begin+h.rest)
			<-entered
			close(release)
			for name, c := range map[string]net.Conn{"the first": whole, "the last": one} {
				if got, err := h.answer(c); got != "" || err != nil {
					t.Errorf("%s: got %q, %v, want an answer", name, got, err)
				}
			}
		})
	}
}

// One connection may send one large request after the other, whether it waits for the answers or not.
func TestRoomIsGivenBackBetweenRequests(t *testing.T) {
	for _, h := range halves() {
		for _, waits := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, waiting %t", h.name, waits), func(t *testing.T) {
				r := start(t, importing(), func(s *Server) { s.limits.arrivals = 3 << 20 })
				c := dial(t, r.path)
				const n = 50
				answered := make(chan struct{}, n)
				go func() {
					for range n {
						if _, err := io.WriteString(c, h.begin+h.rest); err != nil {
							return
						}
						if waits {
							<-answered
						}
					}
				}()
				in := bufio.NewReader(c)
				for i := range n {
					if !h.web {
						if got := codeOf(t, readLine(t, in)); got != "" {
							t.Fatalf("request %d: got %s, want an answer", i, got)
						}
					} else if resp, err := http.ReadResponse(in, nil); err != nil {
						t.Fatalf("request %d: %v", i, err)
					} else if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
						t.Fatalf("request %d: got %d, %v, want 200", i, resp.StatusCode, err)
					}
					answered <- struct{}{}
				}
			})
		}
	}
}

// What comes in small pieces counts as much as what comes at once, and each phase of a request costs its own.
func TestArrive(t *testing.T) {
	const room = 1 << 20
	for _, tc := range []struct {
		name   string
		phase  phase
		pieces []int
		want   int // bytes that are counted
	}{
		{"what any request may have", inHeader, []int{lineBuffer}, 0},
		{"the same in pieces", inHeader, []int{500, 12}, 0},
		{"a header", inHeader, []int{lineBuffer + 100}, 100 * headerCost},
		{"a header in pieces", inHeader, []int{500, 50, 50, 12}, 100 * headerCost},
		{"a body", inBody, []int{lineBuffer, 1000, 1000}, 2000 * bodyCost},
	} {
		a := arrivals{room: room}
		c := &conn{arrivals: &a, phase: tc.phase}
		for _, n := range tc.pieces {
			if !c.arrive(n) {
				t.Errorf("%s: it had to make way", tc.name)
			}
		}
		if got := room - a.room; got != tc.want {
			t.Errorf("%s: got %d bytes counted, want %d", tc.name, got, tc.want)
		}
		c.next()
		if a.room != room || a.arriving.Len() != 0 || c.phase != inHeader || c.received != 0 {
			t.Errorf("%s: got %d bytes of room and %d arriving after the request, want %d and none", tc.name, a.room, a.arriving.Len(), room)
		}
	}
}
