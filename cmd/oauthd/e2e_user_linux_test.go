package main

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"oauthd/ipc/api"
	"oauthd/keystore/storetest"
)

// nobody is a user who is not the daemon's.
const nobody = 65534

// asNobody runs a program as another user, and returns how it ended.
func asNobody(t *testing.T, h *house, d *desk, program string, args ...string) result {
	t.Helper()
	var stdout, stderr strings.Builder
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = h.dir
	cmd.Env = []string{
		"HOME=" + h.dir, "OAUTHD_SOCK=" + d.socket(), "OAUTHD_SOCK_UID=" + strconv.Itoa(os.Getuid()),
		"OAUTHD_NO_AUTOSTART=1", "GORACE=atexit_sleep_ms=10",
	}
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatalf("run %s as another user: %v", filepath.Base(program), err)
	}
	d.keep(output{filepath.Base(program) + " of another user", "stdout", stdout.String(), false})
	d.keep(output{filepath.Base(program) + " of another user", "stderr", stderr.String(), false})
	return result{cmd.ProcessState.ExitCode(), stdout.String(), d.provider.redact(stderr.String())}
}

func testOtherUser(t *testing.T, h *house) {
	t.Parallel()
	if os.Getuid() != 0 {
		if os.Getenv("OAUTHD_TEST_REQUIRE") != "" {
			t.Fatal("needs root, to become another user")
		}
		t.Skip("needs root, to become another user")
	}
	d := newDesk(t, h, storetest.Keyring{})
	d.loginWork(t)

	t.Run("the socket's mode keeps others out", func(t *testing.T) {
		wantForbidden(t, asNobody(t, h, d, h.oauthd, "token", "work"), "may not be used by this user")
	})
	t.Run("the daemon refuses others", func(t *testing.T) {
		for path, mode := range map[string]os.FileMode{d.dir: 0o755, filepath.Dir(d.socket()): 0o755, d.socket(): 0o666} {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			defer os.Chmod(path, info.Mode().Perm())
		}
		wantForbidden(t, asNobody(t, h, d, h.oauthd, "token", "work"), "this daemon serves another user")
		d.token(t, "work")
	})
	t.Run("the redirect server does not know others", func(t *testing.T) {
		login := d.start(t, "", "login", "work", "--no-browser")
		address := login.url(t)
		for _, answer := range []url.Values{{"code": {"a code of the other user's own"}}, {"error": {"access_denied"}}} {
			r := asNobody(t, h, d, h.agent, "allow", answerTo(t, address, answer))
			if r.exit == 0 || !strings.Contains(r.stderr, "(status 404)") {
				t.Errorf("another user with the right state: got exit %d, %s, want status 404", r.exit, r.stderr)
			}
		}
		d.provider.signIn(t, address)
		if r := login.wait(t); r.exit != 0 {
			t.Errorf("the login goes on: got exit %d, %s, want 0", r.exit, r.stderr)
		}
	})
}

func wantForbidden(t *testing.T, r result, message string) {
	t.Helper()
	if r.exit != api.Forbidden.ExitStatus() || r.stdout != "" || !strings.Contains(r.stderr, message) {
		t.Errorf("got exit %d, %d bytes on stdout, stderr %s, want %d and %q",
			r.exit, len(r.stdout), r.stderr, api.Forbidden.ExitStatus(), message)
	}
}
