package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oauthd/cmd/oauthd/screen"
	"oauthd/cmd/oauthd/screen/screentest"
)

// Every verb shows what it waits for, if the daemon takes its time, and takes that off the terminal.
func TestEveryVerbShowsThatItWaits(t *testing.T) {
	const daemon = "Waiting for the daemon"
	file := filepath.Join(t.TempDir(), "saved.json")
	if err := os.WriteFile(file, []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ args, text string }{
		{"unlock", daemon},
		{"lock", daemon},
		{"stop", daemon},
		{"status", daemon},
		{"accounts", daemon},
		{"providers", daemon},
		{"reload", daemon},
		{"file list", daemon},
		{"import " + file, daemon},
		{"logout work", "Waiting for the provider to revoke the grant"},
		{"token work", "Waiting for a token of work"},
		{"exec -e TOKEN=work -- true", "Waiting for a token of work"},
	} {
		t.Run(test.args, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "o") // a socket's path has to be short
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"} {
				t.Setenv(name, dir)
			}
			t.Setenv("TERM", "xterm")
			t.Setenv("OAUTHD_NO_AUTOSTART", "1")
			t.Setenv("OAUTHD_SOCK", filepath.Join(dir, "oauthd.sock"))
			terminal := screentest.Open(t, 80, 24)
			slowDaemon(t, filepath.Join(dir, "oauthd.sock"), func() { terminal.Shows(test.text) })
			std := stdio{strings.NewReader(""), screen.On(io.Discard), screen.On(terminal.TTY)}
			run(context.Background(), strings.Fields(test.args), std)
			got := terminal.End()
			if !strings.Contains(got, "⠋ "+test.text+"\x1b[K") {
				t.Errorf("got %q, want %q with a spinner", got, test.text)
			}
			if _, after, _ := strings.Cut(got[strings.LastIndex(got, test.text):], "\r"); !strings.HasPrefix(after, "\x1b[K") {
				t.Errorf("got %q, want the spinner taken off", got)
			}
		})
	}
}

// slowDaemon answers the first request on socket after wait has returned, by an error that has no name, and all requests
// in either protocol.
func slowDaemon(t *testing.T, socket string, wait func()) {
	t.Helper()
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	const problem = `{"error":{"code":"internal","message":"it is slow","hint":"wait"}}`
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			first, _ := bufio.NewReader(conn).ReadString('\n')
			wait()
			if strings.Contains(first, "HTTP/1.1") {
				_, _ = io.WriteString(conn, "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n")
			}
			_, _ = io.WriteString(conn, problem+"\n")
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-ended })
}
