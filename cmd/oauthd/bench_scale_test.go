//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"oauthd/cmd/oauthd/process"
	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
	"oauthd/ipc/client"
)

// The benchmarks of this file run the program as it is built, in processes of their own, with the memory store.
//
//	go test -run - -bench 'Scale|Unknown|Expiry|Command' -benchtime 1x ./cmd/oauthd
//	OAUTHD_BENCH_IDLE=1m go test -run - -bench Idle -benchtime 1x ./cmd/oauthd

// scale is a daemon that knows many accounts, some of them logged in at a provider that speaks TLS.
type scale struct {
	b        *testing.B
	program  string
	env      []string
	socket   string
	daemon   *exec.Cmd
	provider *oauthtest.Server
	browser  *http.Client
	client   *client.Client
}

func newScale(b *testing.B, program string, accounts int) *scale {
	b.Helper()
	dir, err := os.MkdirTemp("", "o")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &scale{b: b, program: program, socket: filepath.Join(dir, "oauthd.sock")}

	var endpoint http.Handler
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { endpoint.ServeHTTP(w, r) }))
	b.Cleanup(server.Close)
	s.provider = oauthtest.New(oauthtest.Config{
		Issuer:      server.URL,
		Clients:     []oauthtest.Client{{ID: "app", RedirectURIs: []string{"http://127.0.0.1/callback"}}},
		AutoApprove: true, AlwaysRefreshToken: true, KeepRefreshTokens: true,
	})
	endpoint = s.provider
	s.browser = &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
	}}

	certificate := filepath.Join(dir, "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	config := filepath.Join(dir, "config", "oauthd")
	s.write(certificate, text)
	s.write(filepath.Join(config, "config.toml"), []byte("[keystore]\nbackend = \"memory\"\n"))
	for i := range accounts {
		s.write(filepath.Join(config, "accounts", accountName(i)+".toml"), fmt.Appendf(nil,
			"# Written by oauthd; a login rewrites it.\nissuer = %q\nclient_id = \"app\"\nscopes = [\"openid\", \"email\"]\n", server.URL))
	}
	s.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "XDG_CONFIG_HOME=" + filepath.Join(dir, "config"),
		"XDG_STATE_HOME=" + filepath.Join(dir, "state"), "OAUTHD_SOCK=" + s.socket, "OAUTHD_NO_AUTOSTART=1",
		"SSL_CERT_FILE=" + certificate,
	}
	s.client = &client.Client{Socket: s.socket}
	b.Cleanup(s.stop)
	return s
}

func accountName(i int) string { return fmt.Sprintf("account-%05d", i) }

func (s *scale) write(file string, text []byte) {
	s.b.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		s.b.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		s.b.Fatal(err)
	}
}

// start runs the daemon, and returns how long it took until it listened.
func (s *scale) start() time.Duration {
	s.b.Helper()
	ready, tell, err := os.Pipe()
	if err != nil {
		s.b.Fatal(err)
	}
	defer ready.Close()
	s.daemon = exec.Command(s.program, "serve", "--log-level", "error", "--ready-fd", "3")
	s.daemon.Env, s.daemon.Dir, s.daemon.Stderr, s.daemon.ExtraFiles = s.env, "/", os.Stderr, []*os.File{tell}
	began := time.Now()
	err = s.daemon.Start()
	_ = tell.Close()
	if err != nil {
		s.daemon = nil
		s.b.Fatal(err)
	}
	var told readiness
	if err := json.NewDecoder(ready).Decode(&told); err != nil || told.Error != nil {
		s.b.Fatalf("the daemon is not ready: %v, %v", err, told.Error)
	}
	return time.Since(began)
}

func (s *scale) stop() {
	_ = s.client.Close()
	if s.daemon != nil {
		_ = s.daemon.Process.Kill()
		_ = s.daemon.Wait()
		s.daemon = nil
	}
}

func (s *scale) login(i int) {
	s.b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var browser sync.WaitGroup
	defer browser.Wait()
	err := s.client.Login(ctx, accountName(i), api.AccountDefinition{}, func(e api.LoginEvent) error {
		if e.Event == api.EventAuthorize {
			browser.Go(func() { _, _ = oauthtest.Follow(ctx, s.browser, e.URL, oauthtest.Allow) })
		}
		return nil
	})
	if err != nil {
		s.b.Fatalf("log in: %v", err)
	}
}

// token asks on a connection that is kept, and returns how long it took.
func (s *scale) token(c *client.Client, r api.TokenRequest) time.Duration {
	began := time.Now()
	if _, err := c.Token(context.Background(), r); err != nil {
		s.b.Error(err)
	}
	return time.Since(began)
}

// measured reads a line of proc(5)'s status files, summed over the threads where it is one of theirs.
func (s *scale) measured(name string, perThread bool) float64 {
	s.b.Helper()
	files := []string{fmt.Sprintf("/proc/%d/status", s.daemon.Process.Pid)}
	if perThread {
		files, _ = filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", s.daemon.Process.Pid))
	}
	sum := 0.0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			s.b.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if value, ok := strings.CutPrefix(line, name+":"); ok {
				n, err := strconv.ParseFloat(strings.Fields(value)[0], 64)
				if err != nil {
					s.b.Fatal(err)
				}
				sum += n
			}
		}
	}
	return sum
}

func percentile(times []time.Duration, p int) float64 {
	slices.Sort(times)
	return float64(times[min(len(times)*p/100, len(times)-1)])
}

func buildProgram(b *testing.B) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), "oauthd")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as the README has it installed
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// BenchmarkScale says what a daemon with many accounts costs: start-up, resident memory, and a cached token.
func BenchmarkScale(b *testing.B) {
	program := buildProgram(b)
	for _, accounts := range []int{1, 1000, 10_000} {
		b.Run(fmt.Sprintf("accounts=%d", accounts), func(b *testing.B) {
			s := newScale(b, program, accounts)
			var starts, times []time.Duration
			for b.Loop() {
				for range 5 {
					s.stop()
					starts = append(starts, s.start())
				}
				b.ReportMetric(s.measured("VmRSS", false), "started-KB")
				s.login(accounts / 2)
				r := api.TokenRequest{Account: accountName(accounts / 2)}
				for range 5000 {
					times = append(times, s.token(s.client, r))
				}
			}
			b.ReportMetric(percentile(starts, 50)/1e6, "start-ms")
			b.ReportMetric(s.measured("VmRSS", false), "KB")
			b.ReportMetric(percentile(times, 50)/1e3, "p50-µs")
			b.ReportMetric(percentile(times, 99)/1e3, "p99-µs")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkUnknownNames measures a cached token beside 16 clients that ask for names that no account has, each as fast as
// it can, and calm, that is, without them.
func BenchmarkUnknownNames(b *testing.B) {
	s := newScale(b, buildProgram(b), 10_000)
	s.start()
	s.login(1)
	median := func() float64 {
		times := make([]time.Duration, 5000)
		for i := range times {
			times[i] = s.token(s.client, api.TokenRequest{Account: accountName(1)})
		}
		return percentile(times, 50) / 1e3
	}
	for b.Loop() {
		calm := median()
		ctx, cancel := context.WithCancel(context.Background())
		var others sync.WaitGroup
		for i := range 16 {
			others.Go(func() {
				c := &client.Client{Socket: s.socket}
				defer c.Close()
				for n := 0; ctx.Err() == nil; n++ {
					_, _ = c.Token(ctx, api.TokenRequest{Account: fmt.Sprintf("nobody-%d-%d", i, n)})
				}
			})
		}
		beside := median()
		cancel()
		others.Wait()
		b.ReportMetric(calm, "calm-µs")
		b.ReportMetric(beside, "beside-µs")
		b.ReportMetric(beside/calm, "beside/calm")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkExpiry has 100 clients ask at one expiry, at a provider that takes 100 ms: how many requests it gets, and how
// much longer than the provider the last client waits.
func BenchmarkExpiry(b *testing.B) {
	const clients, takes = 100, 100 * time.Millisecond
	s := newScale(b, buildProgram(b), 1)
	s.start()
	s.login(0)
	callers := make([]*client.Client, clients)
	for i := range callers {
		callers[i] = &client.Client{Socket: s.socket}
		defer callers[i].Close()
		s.token(callers[i], api.TokenRequest{Account: accountName(0)})
	}
	var lasts []time.Duration
	before := s.provider.Requests(oauthtest.Token)
	for b.Loop() {
		hold := s.provider.Hold(oauthtest.Token)
		began := make(chan struct{})
		times := make([]time.Duration, clients)
		var asking sync.WaitGroup
		// More than the token has left, so that it is as good as expired.
		least := int64(2 * 3600)
		for i, c := range callers {
			asking.Go(func() {
				<-began
				times[i] = s.token(c, api.TokenRequest{Account: accountName(0), MinTTL: &least})
			})
		}
		close(began)
		<-hold.Arrived
		<-time.After(takes)
		hold.Release()
		asking.Wait()
		lasts = append(lasts, slices.Max(times)-takes)
	}
	b.ReportMetric(float64(s.provider.Requests(oauthtest.Token)-before)/float64(len(lasts)), "refreshes")
	b.ReportMetric(percentile(lasts, 50)/1e6, "last-over-provider-ms")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkIdle shows the resident memory of a daemon whose accounts were all refreshed over TLS, after a burst of 64
// clients, and how often it wakes up while nothing is due.
func BenchmarkIdle(b *testing.B) {
	const clients = 64
	idle, err := time.ParseDuration(os.Getenv("OAUTHD_BENCH_IDLE"))
	if err != nil {
		b.Skip("OAUTHD_BENCH_IDLE says how long to be idle, such as 1m")
	}
	program := buildProgram(b)
	for _, accounts := range []int{0, 100} {
		b.Run(fmt.Sprintf("accounts=%d", accounts), func(b *testing.B) {
			s := newScale(b, program, accounts)
			s.start()
			for i := range accounts {
				s.login(i)
			}
			for b.Loop() {
				for i := range accounts {
					s.token(s.client, api.TokenRequest{Account: accountName(i), Force: true})
				}
				b.ReportMetric(s.measured("VmRSS", false), "refreshed-KB")
				var burst sync.WaitGroup
				for range clients {
					burst.Go(func() {
						c := &client.Client{Socket: s.socket}
						defer c.Close()
						for i := range accounts {
							s.token(c, api.TokenRequest{Account: accountName(i)})
						}
					})
				}
				burst.Wait()
				_ = s.client.Close()
				b.ReportMetric(s.measured("VmRSS", false), "burst-KB")
				<-time.After(2*process.RestAfter + time.Second) // going to rest is not rest
				before := s.measured("voluntary_ctxt_switches", true)
				<-time.After(idle)
				b.ReportMetric((s.measured("voluntary_ctxt_switches", true)-before)*float64(time.Minute)/float64(idle), "switches/min")
				b.ReportMetric(s.measured("VmRSS", false), "idle-KB")
				b.ReportMetric(s.measured("RssAnon", false), "idle-anonymous-KB")
				b.ReportMetric(s.measured("Threads", false), "threads")
				began := time.Now()
				if _, err := s.client.Status(context.Background()); err != nil {
					b.Error(err)
				}
				b.ReportMetric(float64(time.Since(began).Microseconds()), "first-status-µs")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// peerProgram is the least that a client can be.
const peerProgram = `
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
int main(int argc, char **argv) {
	static char answer[65536], token[65536];
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	const char *request = "{\"account\":\"account-00000\"}\n";
	int n, length = 0, s = socket(AF_UNIX, SOCK_STREAM, 0);
	strncpy(at.sun_path, argv[1], sizeof at.sun_path - 1);
	if (connect(s, (struct sockaddr *)&at, sizeof at) || write(s, request, strlen(request)) < 0) return 1;
	while ((n = read(s, answer + length, sizeof answer - 1 - length)) > 0 && answer[(length += n) - 1] != '\n');
	char *access = strstr(answer, "\"access_token\":\"");
	if (!access || sscanf(access + 16, "%65535[^\"]", token) != 1) return 1;
	return puts(token) < 0;
}
`

// BenchmarkCommand compares oauthd token NAME, the whole process, with a C program that does no more than it must.
func BenchmarkCommand(b *testing.B) {
	if _, err := exec.LookPath("cc"); err != nil {
		b.Skip("cc is not installed")
	}
	s := newScale(b, buildProgram(b), 1)
	source, peer := filepath.Join(b.TempDir(), "peer.c"), filepath.Join(b.TempDir(), "peer")
	s.write(source, []byte(peerProgram))
	if out, err := exec.Command("cc", "-O2", "-o", peer, source).CombinedOutput(); err != nil {
		b.Fatalf("cc: %v\n%s", err, out)
	}
	s.start()
	s.login(0)
	var ours, floor []time.Duration
	once := func(program string, args ...string) time.Duration {
		cmd := exec.Command(program, args...)
		cmd.Env = s.env
		began := time.Now()
		out, err := cmd.Output()
		took := time.Since(began)
		if err != nil || !strings.HasPrefix(string(out), "at-") {
			b.Fatalf("%s: got %d bytes, %v, want a token", filepath.Base(program), len(out), err)
		}
		return took
	}
	for b.Loop() {
		for range 200 {
			floor = append(floor, once(peer, s.socket))
			ours = append(ours, once(s.program, "token", accountName(0)))
		}
	}
	b.ReportMetric(percentile(floor, 50)/1e3, "c-p50-µs")
	b.ReportMetric(percentile(ours, 50)/1e3, "p50-µs")
	b.ReportMetric(percentile(ours, 50)/percentile(floor, 50), "ratio")
	b.ReportMetric(0, "ns/op")
}
