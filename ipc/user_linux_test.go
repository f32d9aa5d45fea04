package ipc

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"oauthd/ipc/api"
)

func TestOtherUser(t *testing.T) {
	if os.Getuid() != 0 {
		if os.Getenv("OAUTHD_TEST_REQUIRE") != "" {
			t.Fatal("needs root, to become another user")
		}
		t.Skip("needs root, to become another user")
	}
	r := start(t, &fake{}, nil)
	// The directory and the socket's mode keep other users out by themselves; open both to reach the peer check.
	dir := filepath.Dir(r.path)
	for path, m := range map[string]os.FileMode{filepath.Dir(dir): 0o755, dir: 0o755, r.path: 0o666} {
		if err := os.Chmod(path, m); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(dir, "child")
	copyFile(t, os.Args[0], program)
	for _, tc := range []struct{ name, text, want string }{
		{"line", `{"account":"work"}` + "\n", `{"error":{"code":"forbidden"`},
		{"http", "GET /v1/token?account=work HTTP/1.1\r\nHost: oauthd\r\n\r\n", "HTTP/1.1 403 Forbidden\r\n"},
		{"silent", "", `{"error":{"code":"forbidden"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cmd := exec.Command(program)
			cmd.Dir = dir
			cmd.Env = []string{"OAUTHD_TEST_DIAL=" + r.path, "OAUTHD_TEST_SEND=" + tc.text, "GORACE=atexit_sleep_ms=10"}
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.HasPrefix(string(out), tc.want) {
				t.Errorf("got %v, %s, want %s", err, out, tc.want)
			}
			if strings.Contains(string(out), "access_token") {
				t.Error("another user got a token")
			}
		})
	}
	if log := r.log.String(); strings.Count(log, `"uid":65534`) != 3 || !strings.Contains(log, "refused") {
		t.Errorf("got log %s\nwant one line for each of 3 refused connections (%s)", log, api.Forbidden)
	}
}

// Another user is not even asked what they want in another protocol.
func TestOtherUserOfAnotherProtocol(t *testing.T) {
	if os.Getuid() != 0 {
		if os.Getenv("OAUTHD_TEST_REQUIRE") != "" {
			t.Fatal("needs root, to become another user")
		}
		t.Skip("needs root, to become another user")
	}
	r := speaking(t, &fake{}, nil)
	dir := filepath.Dir(r.path)
	for path, m := range map[string]os.FileMode{filepath.Dir(dir): 0o755, dir: 0o755, r.path: 0o666} {
		if err := os.Chmod(path, m); err != nil {
			t.Fatal(err)
		}
	}
	if got := sayAsNobody(t, dir, r.path, "work\n"); got != "forbidden" {
		t.Errorf("got %q, want forbidden", got)
	}
	if log := r.log.String(); !strings.Contains(log, `"uid":65534`) {
		t.Errorf("got log %s, want the uid", log)
	}
}

// sayAsNobody sends text to the socket path as another user, from a copy of this program in dir.
func sayAsNobody(t *testing.T, dir, path, text string) string {
	t.Helper()
	program := filepath.Join(dir, "child")
	copyFile(t, os.Args[0], program)
	cmd := exec.Command(program)
	cmd.Dir = dir
	cmd.Env = []string{"OAUTHD_TEST_DIAL=" + path, "OAUTHD_TEST_SEND=" + text, "GORACE=atexit_sleep_ms=10"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	return string(out)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(out, in)
	if closeErr := out.Close(); err != nil || closeErr != nil {
		t.Fatal(err, closeErr)
	}
}
