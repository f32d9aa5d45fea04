// Package benchtest measures a server of tokens from another process, beside a bare Go server that answers with the
// same bytes. The client and the bare server are child processes of the benchmark: in one process with the server, they
// would share its scheduler, and hide what a wake-up costs.
//
// A test binary that uses it calls [Main] first in its TestMain.
package benchtest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// The environment variables by which a child process learns that it is one, and what it is to do.
const (
	bareVariable = "OAUTHD_BENCH_BARE"
	loadVariable = "OAUTHD_BENCH_LOAD"
)

// Main does the work of a child process and exits, if this process is one.
func Main() {
	var err error
	if order, ok := os.LookupEnv(bareVariable); ok {
		err = runBare(order)
	} else if order, ok := os.LookupEnv(loadVariable); ok {
		err = runLoad(order)
	} else {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Run measures the server on the socket at path, which has a cached token for account, as
//
//	line/kept, line/new, line/64, http/kept, http/new, http/64
//
// with one connection that is kept, a new connection for each request, and 64 connections at once. Each takes turns
// with the bare server in one run, because absolute figures drift. The ratio is that of the medians: of the time of one
// answer, and with 64 clients of the throughput. max-ms is the slowest answer of all.
func Run(b *testing.B, path, account string) {
	for _, protocol := range []string{"line", "http"} {
		request := `{"account":"` + account + `"}` + "\n"
		if protocol == "http" {
			request = "GET /v1/token?account=" + account + " HTTP/1.1\r\nHost: oauthd\r\n\r\n"
		}
		answer := sample(b, path, protocol, request)
		bare := startBare(b, protocol, answer)
		for _, way := range []string{"kept", "new", "64"} {
			b.Run(protocol+"/"+way, func(b *testing.B) {
				r := measure(b, load{Ours: path, Bare: bare, Protocol: protocol, Request: request, Way: way, N: b.N})
				if way == "64" {
					b.ReportMetric(r.Bare.PerSecond, "bare-req/s")
					b.ReportMetric(r.Ours.PerSecond, "req/s")
					b.ReportMetric(r.Ours.PerSecond/r.Bare.PerSecond, "ratio")
					b.ReportMetric(r.Bare.Slowest.Seconds()*1e3, "bare-max-ms")
					b.ReportMetric(r.Ours.Slowest.Seconds()*1e3, "max-ms")
					return
				}
				b.ReportMetric(float64(r.Bare.Median), "bare-p50-ns")
				b.ReportMetric(float64(r.Ours.Median), "p50-ns")
				b.ReportMetric(float64(r.Ours.Median)/float64(r.Bare.Median), "ratio")
			})
		}
	}
}

// Beside measures the server on the socket at path beside another one, which has a token for the same account, as line/kept
// and line/new. The ratio is that of the medians.
func Beside(b *testing.B, path, other, account string) {
	request := `{"account":"` + account + `"}` + "\n"
	for _, server := range []string{path, other} {
		sample(b, server, "line", request)
	}
	for _, way := range []string{"kept", "new"} {
		b.Run("line/"+way, func(b *testing.B) {
			r := measure(b, load{Ours: path, Bare: other, Protocol: "line", Request: request, Way: way, N: b.N})
			b.ReportMetric(float64(r.Bare.Median), "other-p50-ns")
			b.ReportMetric(float64(r.Ours.Median), "p50-ns")
			b.ReportMetric(float64(r.Ours.Median)/float64(r.Bare.Median), "ratio")
		})
	}
}

// sample returns the body of one answer.
func sample(b *testing.B, path, protocol, request string) []byte {
	c, err := net.Dial("unix", path)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(request)); err != nil {
		b.Fatal(err)
	}
	body, err := readAnswer(bufio.NewReader(c), protocol)
	if err != nil {
		b.Fatal(err)
	}
	return slices.Clone(body)
}

// startBare starts a bare server that answers with body, and returns its socket.
func startBare(b *testing.B, protocol string, body []byte) string {
	dir, err := os.MkdirTemp("", "o")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "bare.sock")
	cmd := child(b, bareVariable, bare{Path: path, Protocol: protocol, Answer: body})
	in, err := cmd.StdinPipe() // its end ends the server
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		b.Fatal(err)
	}
	return path
}

// measure runs the client.
func measure(b *testing.B, order load) (r report) {
	out, err := child(b, loadVariable, order).Output()
	if err == nil {
		err = json.Unmarshal(out, &r)
	}
	if err != nil {
		b.Fatal(err)
	}
	return r
}

func child(b *testing.B, variable string, order any) *exec.Cmd {
	text, err := json.Marshal(order)
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), variable+"="+string(text))
	cmd.Stderr = os.Stderr
	return cmd
}
