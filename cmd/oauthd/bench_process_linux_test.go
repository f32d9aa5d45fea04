package main

import (
	"bufio"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"oauthd/ipc"
	"oauthd/ipc/api"

	"github.com/rs/zerolog"
)

// benchToken is as long as many a token is.
var benchToken = strings.Repeat("t", 200)

// BenchmarkTokenProcess runs whole processes in turn: `oauthd token NAME` and `oauthd-helper token NAME`, the usual path,
// and for comparison an empty Go program, oidc-token (Debian package oidc-agent-cli) if it is installed, and a C program
// that connects, writes, reads and prints. oidc-token asks twice: an agent that does the least, and our socket for it. The
// figures are medians, as multiples of the C program's. They all ask this process, which answers at once.
//
//	go test -run - -bench TokenProcess -benchtime 1000x ./cmd/oauthd
func BenchmarkTokenProcess(b *testing.B) {
	p := buildPrograms(b)
	d := newLineDaemon(b, nil, saying(`{"access_token":"`+benchToken+`","token_type":"Bearer","expires_in":3599,"account":"work"}`+"\n"))
	type contestant struct {
		name string
		argv []string
		env  []string
		took []time.Duration
	}
	env := d.env("OAUTHD_SOCK=" + d.socket)
	contestants := []*contestant{
		{name: "oauthd", argv: []string{p.oauthd, "token", "work"}, env: env},
		{name: "oauthd-helper", argv: []string{p.helper, "token", "work"}, env: env},
		{name: "usual-path", argv: []string{p.oauthd, "token", "work", "--format", "raw"}, env: env},
		{name: "empty-go", argv: []string{buildEmpty(b)}, env: env},
	}
	if c := buildC(b, tokenC); c != "" {
		contestants = append(contestants, &contestant{name: "C", argv: []string{c, "token", "work"}, env: env})
	}
	if oidcToken, err := exec.LookPath("oidc-token"); err == nil {
		contestants = append(contestants, &contestant{
			name: "oidc-token", argv: []string{oidcToken, "work"}, env: append(env, "OIDC_SOCK="+oidcAgent(b)),
		}, &contestant{
			name: "oidc-token-here", argv: []string{oidcToken, "work"}, env: append(env, "OIDC_SOCK="+oidcAgentSocket(b)),
		})
	} else {
		b.Log("oidc-token is not installed; it is in Debian's package oidc-agent-cli")
	}
	printed, stdout, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = printed.Close(); _ = stdout.Close() })
	buffer := make([]byte, 4096)
	run := func(c *contestant) {
		began := time.Now()
		pid, err := syscall.ForkExec(c.argv[0], c.argv, &syscall.ProcAttr{Env: c.env, Files: []uintptr{0, stdout.Fd(), 2}})
		if err != nil {
			b.Fatalf("%s: %v", c.name, err)
		}
		var status syscall.WaitStatus
		for {
			if _, err = syscall.Wait4(pid, &status, 0, nil); err != syscall.EINTR {
				break
			}
		}
		c.took = append(c.took, time.Since(began))
		if err != nil || status != 0 {
			b.Fatalf("%s: got %v, status %#x, want 0", c.name, err, status)
		}
		if c.name == "empty-go" {
			return
		}
		if n, err := printed.Read(buffer); string(buffer[:n]) != benchToken+"\n" || err != nil {
			b.Fatalf("%s: got %d bytes, %v, want the token of %d", c.name, n, err, len(benchToken)+1)
		}
	}
	for b.Loop() {
		for _, c := range contestants {
			run(c)
		}
	}
	median := func(c *contestant) float64 { slices.Sort(c.took); return float64(c.took[len(c.took)/2]) }
	base, unit := 1e3, "µs"
	if i := slices.IndexFunc(contestants, func(c *contestant) bool { return c.name == "C" }); i >= 0 {
		base, unit = median(contestants[i]), "C"
		b.ReportMetric(base/1e3, "C-µs")
	}
	for _, c := range contestants {
		if c.name != "C" {
			b.ReportMetric(median(c)/base, c.name+"/"+unit)
		}
	}
}

// buildEmpty builds the least that a Go program can be.
func buildEmpty(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	source, program := filepath.Join(dir, "empty.go"), filepath.Join(dir, "empty")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	build(b, "go", "build", "-o", program, source)
	return program
}

// tokenC is the program that `oauthd token NAME` is compared with.
const tokenC = `
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv) {
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	char text[8192], *token, *end;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), n;
	if (argc != 3) return 2;
	strncpy(to.sun_path, getenv("OAUTHD_SOCK"), sizeof to.sun_path - 1);
	if (connect(fd, (struct sockaddr *)&to, sizeof to)) return 1;
	n = snprintf(text, sizeof text, "{\"account\":\"%s\"}\n", argv[2]);
	if (write(fd, text, n) != n) return 1;
	if ((n = read(fd, text, sizeof text - 1)) <= 0) return 1;
	text[n] = 0;
	if (!(token = strstr(text, "\"access_token\":\""))) return 1;
	token += strlen("\"access_token\":\"");
	if (!(end = strchr(token, '"'))) return 1;
	*end = 0;
	puts(token);
	return 0;
}
`

// buildC builds a program in C that others are compared with; "" if there is no compiler.
func buildC(b *testing.B, text string) string {
	b.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		b.Log("there is no C compiler, so the figures are times")
		return ""
	}
	dir := b.TempDir()
	source, program := filepath.Join(dir, "program.c"), filepath.Join(dir, "program")
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	build(b, cc, "-O2", "-o", program, source)
	return program
}

func build(b *testing.B, program string, args ...string) {
	b.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%s: %v\n%s", filepath.Base(program), err, out)
	}
}

// oidcAgent stands in for an oidc-agent and returns its socket. oidc-token sends a public key and then boxes its request
// for the key that comes back. The agent need not read it: the answer may be plain JSON.
func oidcAgent(b *testing.B) string {
	b.Helper()
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	public := base64.StdEncoding.EncodeToString(key.PublicKey().Bytes())
	answer := `{"status":"success","access_token":"` + benchToken + `","issuer":"https://id.example.com/","expires_at":4102444800}`
	dir, err := os.MkdirTemp("", "o")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "agent"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				theirs := make([]byte, len(public))
				if _, err := io.ReadFull(c, theirs); err != nil {
					return
				}
				if _, err := io.WriteString(c, public); err != nil {
					return
				}
				if _, err := bufio.NewReader(c).Peek(1); err != nil {
					return
				}
				_, _ = io.WriteString(c, answer)
			}()
		}
	}()
	return l.Addr().String()
}

// benchBackend has one token, for an account with an issuer.
type benchBackend struct{ unasked }

type unasked = ipc.Accounts // what no client here asks for

func (benchBackend) Token(_ context.Context, r api.TokenRequest) (api.Token, error) {
	at := time.Unix(4102444800, 0)
	return api.Token{AccessToken: benchToken, TokenType: "Bearer", Account: r.Account, ExpiresAt: &at}, nil
}

func (benchBackend) Account(_ context.Context, name string) (api.Account, error) {
	return api.Account{Name: name, Issuer: "https://id.example.com/"}, nil
}

// oidcAgentSocket serves oidc-agent's clients as the daemon does, and returns the socket.
func oidcAgentSocket(b *testing.B) string {
	b.Helper()
	dir, err := os.MkdirTemp("", "o")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	door := newSideDoor(filepath.Join(dir, "s", "oauthd.sock"), handed{}, zerolog.Nop())
	door.wanted = func() bool { return true }
	server := ipc.New(ipc.Config{Backend: ipc.Backend{Tokens: benchBackend{}, Accounts: benchBackend{}}, UID: os.Getuid()})
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() { defer close(over); door.run(ctx, server) }()
	b.Cleanup(func() { cancel(); <-over })
	if !poll(func() bool { socket, problem := door.state(); return socket != "" && problem == "" }) {
		b.Fatal("nobody listens")
	}
	return door.place()
}
