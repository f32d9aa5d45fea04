package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// These benchmarks run the proxy and the bridge as whole processes, beside a plain httputil.ReverseProxy that is one too,
// before the same server:
//
//	go test -run - -bench Beside -benchtime 60x -count 5 ./cmd/oauthd
//	go test -run - -bench IdleStreams -benchtime 1x ./cmd/oauthd

// beside is what is compared: ways to one server.
type beside struct {
	b                           *testing.B
	direct, plain, proxy        string // the URLs
	proxyProcess, bridgeProcess *exec.Cmd
	toBridge                    io.Writer
	fromBridge                  *bufio.Reader
	web                         *http.Client
}

// newBeside has program be oauthd.
func newBeside(b *testing.B, program string) *beside {
	b.Helper()
	s := newScale(b, program, 1)
	t := &beside{b: b, web: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}}}
	b.Cleanup(t.web.CloseIdleConnections)
	line := func(argv ...string) (cmd *exec.Cmd, in io.WriteCloser, out *bufio.Reader) {
		b.Helper()
		cmd = exec.Command(argv[0], argv[1:]...)
		cmd.Env, cmd.Stderr = s.env, os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			b.Fatal(err)
		}
		pipe, err := cmd.StdoutPipe()
		if err != nil {
			b.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		return cmd, in, bufio.NewReader(pipe)
	}
	first := func(out *bufio.Reader) string {
		b.Helper()
		text, err := out.ReadString('\n')
		if err != nil {
			b.Fatal(err)
		}
		return strings.TrimSpace(text)
	}
	server, err := exec.LookPath("beside-server")
	if err != nil {
		b.Fatal(err)
	}
	_, _, out := line(server)
	t.direct = first(out)
	_, _, out = line(server, t.direct)
	t.plain = first(out)
	file := filepath.Join(filepath.Dir(s.socket), "config", "oauthd", "accounts", accountName(0)+".toml")
	text, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	s.write(file, fmt.Appendf(text, "hosts = [%q]\n", t.direct))
	s.start()
	s.login(0)
	t.proxyProcess, _, out = line(s.program, "proxy", accountName(0), "--upstream", t.direct)
	t.proxy = first(out)
	t.bridgeProcess, t.toBridge, t.fromBridge = line(s.program, "mcp", t.direct+"/mcp")
	return t
}

// likeServer returns a program that is oauthd in the same file as beside-server: what is built otherwise waits otherwise.
func likeServer(b *testing.B) string {
	b.Helper()
	program, err := exec.LookPath("oauthd")
	if err != nil {
		b.Fatal(err)
	}
	return program
}

// get fetches from a way, and returns how long that took.
func (t *beside) get(way string) time.Duration {
	return t.do(http.MethodGet, way+"/", nil)
}

const besideMessage = `{"jsonrpc":"2.0","id":1,"method":"ping"}`

// post sends a message by a way.
func (t *beside) post(way string) time.Duration {
	return t.do(http.MethodPost, way+"/mcp", strings.NewReader(besideMessage))
}

func (t *beside) do(method, to string, body io.Reader) time.Duration {
	began := time.Now()
	r, err := http.NewRequest(method, to, body)
	if err != nil {
		t.b.Error(err)
		return 0
	}
	resp, err := t.web.Do(r)
	if err != nil {
		t.b.Error(err)
		return 0
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.b.Errorf("got %s, %v", resp.Status, err)
	}
	return time.Since(began)
}

// call sends a message by the bridge.
func (t *beside) call() time.Duration {
	began := time.Now()
	if _, err := io.WriteString(t.toBridge, besideMessage+"\n"); err != nil {
		t.b.Fatal(err)
	}
	if answer, err := t.fromBridge.ReadString('\n'); err != nil || !strings.Contains(answer, "result") {
		t.b.Fatalf("got %q, %v", answer, err)
	}
	return time.Since(began)
}

// BenchmarkBeside asks by each way in turn, fifty times in a row. The figures are medians, and what a way adds to the server's
// own, beside what the plain proxy adds.
func BenchmarkBeside(b *testing.B) {
	const row = 50
	t := newBeside(b, likeServer(b))
	ways := []struct {
		name string
		ask  func() time.Duration
		took []time.Duration
	}{
		{name: "get", ask: func() time.Duration { return t.get(t.direct) }},
		{name: "plain", ask: func() time.Duration { return t.get(t.plain) }},
		{name: "proxy", ask: func() time.Duration { return t.get(t.proxy) }},
		{name: "post", ask: func() time.Duration { return t.post(t.direct) }},
		{name: "plain-post", ask: func() time.Duration { return t.post(t.plain) }},
		{name: "bridge", ask: t.call},
	}
	for b.Loop() {
		for i := range ways {
			for range row {
				ways[i].took = append(ways[i].took, ways[i].ask())
			}
		}
	}
	medians := map[string]float64{}
	for _, way := range ways {
		medians[way.name] = percentile(way.took, 50) / 1000
		b.ReportMetric(medians[way.name], way.name+"-µs")
	}
	median := func(name string) float64 { return medians[name] }
	b.ReportMetric((median("proxy")-median("get"))/(median("plain")-median("get")), "proxy-added-ratio")
	b.ReportMetric((median("bridge")-median("post"))/(median("plain-post")-median("post")), "bridge-added-ratio")
}

// BenchmarkBesideLoad has 16 clients ask by one way, then by the other, in rounds, of which the medians count; the bridge has
// 16 messages under way.
func BenchmarkBesideLoad(b *testing.B) {
	const clients, each = 16, 200
	t := newBeside(b, likeServer(b))
	round := func(ask func()) float64 {
		began := time.Now()
		var all sync.WaitGroup
		for range clients {
			all.Go(func() {
				for range each {
					ask()
				}
			})
		}
		all.Wait()
		return clients * each / time.Since(began).Seconds()
	}
	bridge := func() float64 {
		began := time.Now()
		go func() {
			_, _ = io.WriteString(t.toBridge, strings.Repeat(besideMessage+"\n", clients))
		}()
		for n := range clients * each {
			if _, err := t.fromBridge.ReadString('\n'); err != nil {
				b.Fatal(err)
			}
			if n < clients*(each-1) {
				_, _ = io.WriteString(t.toBridge, besideMessage+"\n")
			}
		}
		return clients * each / time.Since(began).Seconds()
	}
	var plain, proxied, posted, bridged []float64
	for b.Loop() {
		plain = append(plain, round(func() { t.get(t.plain) }))
		proxied = append(proxied, round(func() { t.get(t.proxy) }))
		posted = append(posted, round(func() { t.post(t.plain) }))
		bridged = append(bridged, bridge())
	}
	median := func(of []float64) float64 { slices.Sort(of); return of[len(of)/2] }
	b.ReportMetric(median(plain), "plain/s")
	b.ReportMetric(median(proxied), "proxy/s")
	b.ReportMetric(median(proxied)/median(plain), "proxy-ratio")
	b.ReportMetric(median(bridged), "bridge/s")
	b.ReportMetric(median(bridged)/median(posted), "bridge-ratio")
}

// BenchmarkIdleStreams opens a thousand streams through the proxy, and through the bridge, and says how much memory each process
// takes then, and how long the first event of a stream is on its way beside the plain proxy's.
func BenchmarkIdleStreams(b *testing.B) {
	const streams = 1000
	t := newBeside(b, buildProgram(b))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	open := func(way string) time.Duration {
		began := time.Now()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, way+"/stream", nil)
		if err != nil {
			b.Fatal(err)
		}
		resp, err := t.web.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(resp.Body, make([]byte, 6)); err != nil {
			b.Fatal(err)
		}
		return time.Since(began)
	}
	var plain, proxied []time.Duration
	for b.Loop() {
		for range streams {
			plain = append(plain, open(t.plain))
			proxied = append(proxied, open(t.proxy))
		}
		for n := range streams {
			line := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"stream"}`, n+1)
			if _, err := io.WriteString(t.toBridge, line+"\n"); err != nil {
				b.Fatal(err)
			}
			if _, err := t.fromBridge.ReadString('\n'); err != nil {
				b.Fatal(err)
			}
		}
	}
	resident := func(pid int, field string) float64 {
		text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
		if err != nil {
			b.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(text), field+":")
		kB, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
		return kB / 1024
	}
	processes := map[string]int{"proxy-MB": t.proxyProcess.Process.Pid, "bridge-MB": t.bridgeProcess.Process.Pid}
	files := map[string]float64{}
	for name, pid := range processes {
		b.ReportMetric(resident(pid, "VmRSS"), "busy-"+name)
		files[name] = resident(pid, "RssFile")
	}
	for name, pid := range processes {
		if !poll(func() bool { return resident(pid, "RssFile") < files[name]/2 }) { // it lets go of its own file when it rests
			b.Fatalf("%s: the process does not rest", name)
		}
		b.ReportMetric(resident(pid, "VmRSS"), name)
	}
	b.ReportMetric(percentile(plain, 50)/1000, "plain-first-µs")
	b.ReportMetric(percentile(proxied, 50)/1000, "proxy-first-µs")
}
