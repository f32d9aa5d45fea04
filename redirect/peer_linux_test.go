package redirect

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// asNobody runs the child that the variable name selects as another user, and returns what it printed.
func asNobody(t *testing.T, name, value string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "redirect")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "program")
	copyFile(t, program, "/proc/self/exe")
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Dir = dir
	cmd.Env = []string{name + "=" + value, "GORACE=atexit_sleep_ms=10"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("program of another user: %v", err)
	}
	return strings.TrimSpace(string(out))
}

func copyFile(t *testing.T, to, from string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOtherUserIsRefused(t *testing.T) {
	require(t, os.Getuid() == 0, "root")
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		t.Run(host, func(t *testing.T) {
			if host == "[::1]" {
				needIPv6(t)
			}
			s, noticed := startNoticing(t, Config{Host: host, PeerUID: os.Getuid()})
			if got := asNobody(t, childURL, good(s)); got != "404" {
				t.Errorf("another user with the right state: got %s, want 404", got)
			}
			if got := asNobody(t, childURL, strings.Replace(good(s), "state=", "state=x", 1)); got != "404" {
				t.Errorf("another user with a wrong state: got %s, want 404", got)
			}
			stillWaits(t, s)
			noticed(NoticeOtherUser)
		})
	}
}

func TestOtherUserCannotMakeABrowserSpeakTLS(t *testing.T) {
	require(t, os.Getuid() == 0, "root")
	s, noticed := startNoticing(t, Config{PeerUID: os.Getuid()})
	if got := asNobody(t, childTLS, s.authority); !strings.Contains(got, "protocol version not supported") {
		t.Errorf("got %q, want the alert", got)
	}
	stillWaits(t, s)
	noticed()
}

func TestOtherUserGetsNoOtherPage(t *testing.T) {
	require(t, os.Getuid() == 0, "root")
	s := start(t, Config{PeerUID: os.Getuid()})
	entrance := s.Entrance(authorizationURL)
	wantNone := func(when string) {
		t.Helper()
		for _, address := range []string{entrance, good(s), s.resultPath, s.latePath, iconPath, "/favicon.ico"} {
			if strings.HasPrefix(address, "/") {
				address = "http://" + s.authority + address
			}
			if got := asNobody(t, childURL, address); got != "404" {
				t.Errorf("%s: got %s, want 404", when, got)
			}
		}
	}
	wantNone("while the login waits")
	if resp, _ := get(t, entrance); resp.Header.Get("Location") != authorizationURL {
		t.Error("another user has used the link up")
	}
	get(t, good(s))
	s.Finish(Page{Success: true})
	wantNone("after its end")
}

func TestAllowedUsers(t *testing.T) {
	require(t, os.Getuid() == 0, "root")
	tests := []struct {
		name    string
		peerUID int
		request func(*testing.T, *Server)
	}{
		{"the named one", 65534, func(t *testing.T, s *Server) { asNobody(t, childURL, good(s)) }},
		{"root", 65534, func(t *testing.T, s *Server) { get(t, good(s)) }},
		{"anybody, when not checked", -1, func(t *testing.T, s *Server) { asNobody(t, childURL, good(s)) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, Config{PeerUID: tt.peerUID})
			tt.request(t, s)
			wantCode(t, s)
		})
	}
}
