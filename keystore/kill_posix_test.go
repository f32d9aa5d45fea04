//go:build !windows

package keystore_test

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"oauthd/keystore"
)

// What the child has started ends with it: on macOS that is the program that waits for the prompt.
func TestGrandchildIsKilled(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		f, err := os.Open(fifo) // waits for the grandchild
		if err == nil {
			_, err = io.Copy(io.Discard, f) // until it is gone
			_ = f.Close()
		}
		ended <- err
	}()
	k := keystore.NewKeychain(keystore.KeychainConfig{
		Service: "oauthd", Timeout: 500 * time.Millisecond, Env: []string{noBusEnv},
		Command: []string{"/bin/sh", "-c", "/bin/sleep 60 > " + fifo + " & wait"},
	})
	_, err := k.Get(t.Context(), "work")
	wantError(t, "Get", err, keystore.ErrUnavailable, "did not answer within 500ms")
	select {
	case err := <-ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the grandchild is still there after 10 s")
	}
}

// What has left the child's group and still holds its answer open delays nobody for longer than a second.
func TestGrandchildThatGotAway(t *testing.T) {
	t.Parallel()
	setsid, err := exec.LookPath("setsid")
	if err != nil && os.Getenv("OAUTHD_TEST_REQUIRE") == "" {
		t.Skip("needs setsid")
	}
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	letGo, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = letGo.Close() }()
	k := keystore.NewKeychain(keystore.KeychainConfig{
		Service: "oauthd", Env: []string{noBusEnv}, Command: []string{"/bin/sh", "-c", setsid + " /bin/cat " + fifo + " & echo {}"},
	})
	started := time.Now()
	_, err = k.Get(t.Context(), "work")
	wantError(t, "Get", err, keystore.ErrUnavailable, "its child process")
	if took := time.Since(started); took > 10*time.Second {
		t.Errorf("got an answer after %v, want it soon", took)
	}
}

// A write that waits for a person holds up no read of the same record.
func TestReadDuringAPrompt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"began", "never"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	k := keystore.NewKeychain(keystore.KeychainConfig{
		Service: "oauthd", Timeout: 30 * time.Second, Env: []string{noBusEnv}, Command: []string{"/bin/sh", "-c", `
			case $(/bin/cat) in
			*'"op":"put"'*) echo > ` + dir + `/began; /bin/cat ` + dir + `/never;;
			*) echo '{"value":"a2VwdA=="}';;
			esac`},
	})
	ctx, cancel := context.WithCancel(t.Context())
	written := make(chan error, 1)
	go func() { written <- k.Put(ctx, "work", []byte("new")) }()
	if _, err := os.ReadFile(filepath.Join(dir, "began")); err != nil {
		t.Fatal(err)
	}
	wantKept(t, k, "work", "kept")
	cancel()
	wantError(t, "Put", <-written, context.Canceled, "")
}

func TestChildEnvironment(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("no /proc here")
	}
	seen := filepath.Join(t.TempDir(), "environ")
	want := []string{"A=1", noBusEnv}
	k := keystore.NewKeychain(keystore.KeychainConfig{
		Service: "oauthd", Env: want, Command: []string{"/bin/sh", "-c", "/bin/cat /proc/$$/environ > " + seen},
	})
	_, err := k.Get(t.Context(), "work")
	wantError(t, "Get", err, keystore.ErrUnavailable, "did not answer in JSON")
	environ, err := os.ReadFile(seen)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimRight(string(environ), "\x00"), "\x00")
	if !slices.Equal(got, want) {
		t.Errorf("got %d variables, want %q alone", len(got), want)
	}
}
