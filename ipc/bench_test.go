package ipc

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"oauthd/ipc/api"
)

// Each case takes turns with its floor in one run, because absolute figures drift.
//
//	go test -run - -bench Token -benchtime 3s ./ipc

const (
	benchLine = `{"account":"work"}` + "\n"
	benchGet  = "GET /v1/token?account=work HTTP/1.1\r\nHost: oauthd\r\n\r\n"
)

func benchToken(r api.TokenRequest) api.Token {
	t := sampleToken(r)
	t.AccessToken = "ya29." + strings.Repeat("a", 200)
	t.Scope = "openid email https://www.googleapis.com/auth/calendar.readonly"
	return t
}

func benchAnswer() []byte {
	t := benchToken(api.TokenRequest{Account: "work"})
	return append(appendToken(nil, &t), '\n')
}

func BenchmarkToken(b *testing.B) {
	for _, protocol := range []struct {
		name, request string
		ask           func(*bufio.Reader) error
		floor         func(*testing.B) string
	}{{"line", benchLine, readBenchLine, echoServer}, {"http", benchGet, readBenchHTTP, bareHTTP}} {
		for _, load := range []struct {
			name string
			run  func(b *testing.B, floor, ours *benchClient)
		}{{"kept", benchKept}, {"new", benchNew}, {"64", bench64}} {
			b.Run(protocol.name+"/"+load.name, func(b *testing.B) {
				token := benchToken(api.TokenRequest{Account: "work"})
				ours := start(b, &fake{token: func(context.Context, api.TokenRequest) (api.Token, error) { return token, nil }}, nil)
				b.ReportAllocs()
				load.run(b, &benchClient{b: b, path: protocol.floor(b), request: []byte(protocol.request), ask: protocol.ask},
					&benchClient{b: b, path: ours.path, request: []byte(protocol.request), ask: protocol.ask})
			})
		}
	}
}

// benchClient asks one server.
type benchClient struct {
	b       *testing.B
	path    string
	request []byte
	ask     func(*bufio.Reader) error

	conn  *net.UnixConn
	in    *bufio.Reader
	times []time.Duration
}

func (c *benchClient) dial() {
	c.conn = dialBench(c.b, c.path)
	if c.in == nil {
		c.in = bufio.NewReader(nil)
	}
	c.in.Reset(c.conn)
}

func (c *benchClient) once() {
	if _, err := c.conn.Write(c.request); err != nil {
		c.b.Error(err)
	}
	if err := c.ask(c.in); err != nil {
		c.b.Error(err)
	}
}

func (c *benchClient) median() float64 {
	slices.Sort(c.times)
	return float64(c.times[len(c.times)/2])
}

// report gives the p50 of both and their ratio. Floor and ours take turns, so that a busy machine slows both.
func report(b *testing.B, floor, ours *benchClient) {
	b.ReportMetric(floor.median(), "floor-p50-ns")
	b.ReportMetric(ours.median(), "p50-ns")
	b.ReportMetric(ours.median()/floor.median(), "ratio")
}

func benchKept(b *testing.B, floor, ours *benchClient) {
	for _, c := range []*benchClient{floor, ours} {
		c.dial()
		defer c.conn.Close()
	}
	for b.Loop() {
		for _, c := range []*benchClient{floor, ours} {
			began := time.Now()
			c.once()
			c.times = append(c.times, time.Since(began))
		}
	}
	report(b, floor, ours)
}

func benchNew(b *testing.B, floor, ours *benchClient) {
	for b.Loop() {
		for _, c := range []*benchClient{floor, ours} {
			began := time.Now()
			c.dial()
			c.once()
			_ = c.conn.Close()
			c.times = append(c.times, time.Since(began))
		}
	}
	report(b, floor, ours)
}

// bench64 has 64 clients ask each server in turns of 2048 requests, and reports throughput.
func bench64(b *testing.B, floor, ours *benchClient) {
	const clients, each = 64, 32
	groups := map[*benchClient][]*benchClient{}
	for _, c := range []*benchClient{floor, ours} {
		for range clients {
			one := &benchClient{b: b, path: c.path, request: c.request, ask: c.ask}
			one.dial()
			defer one.conn.Close()
			groups[c] = append(groups[c], one)
		}
	}
	for b.Loop() {
		for _, c := range []*benchClient{floor, ours} {
			began := time.Now()
			var wg sync.WaitGroup
			for _, one := range groups[c] {
				wg.Go(func() {
					for range each {
						one.once()
					}
				})
			}
			wg.Wait()
			c.times = append(c.times, time.Since(began))
		}
	}
	const requests = clients * each * float64(time.Second)
	b.ReportMetric(requests/floor.median(), "floor-req/s")
	b.ReportMetric(requests/ours.median(), "req/s")
	b.ReportMetric(floor.median()/ours.median(), "ratio")
}

func readBenchLine(r *bufio.Reader) error {
	_, err := r.ReadSlice('\n')
	return err
}

func readBenchHTTP(r *bufio.Reader) error {
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

func dialBench(b *testing.B, path string) *net.UnixConn {
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// echoServer answers every line with a constant of the same size as ours.
func echoServer(b *testing.B) string {
	path := socketPath(b)
	l, err := Listen(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	answer := benchAnswer()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in := bufio.NewReaderSize(c, lineBuffer)
				for {
					if _, err := in.ReadSlice('\n'); err != nil {
						return
					}
					if _, err := c.Write(answer); err != nil {
						return
					}
				}
			}()
		}
	}()
	return path
}

// bareHTTP answers every request with a constant body equal to ours.
func bareHTTP(b *testing.B) string {
	path := socketPath(b)
	l, err := Listen(path)
	if err != nil {
		b.Fatal(err)
	}
	answer := benchAnswer()
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	})}
	go func() { _ = s.Serve(l) }()
	b.Cleanup(func() { _ = s.Close() })
	return path
}
