package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"oauthd/ipc/api"
)

// ada is the user whose files are attacked: one that the system's list of users does not have, so that a home is in HOME
// or nowhere.
const ada = 54321

// neighbour is a user with a home of their own, and what is around it.
type neighbour struct {
	h   *house
	dir string // root's; others may enter it
	uid int
	env []string
}

// newNeighbour makes a home with a memory store, a runtime directory, and a file that must stay as it is.
func newNeighbour(t *testing.T, h *house, uid int) *neighbour {
	t.Helper()
	if os.Getuid() != 0 {
		if os.Getenv("OAUTHD_TEST_REQUIRE") != "" {
			t.Fatal("needs root, to become another user")
		}
		t.Skip("needs root, to become another user")
	}
	dir, err := os.MkdirTemp("", "o")
	if err != nil {
		t.Fatal(err)
	}
	p := &neighbour{h: h, dir: dir, uid: uid}
	t.Cleanup(func() {
		p.run(t, "stop")
		_ = os.RemoveAll(dir)
		_ = os.RemoveAll(fmt.Sprintf("/tmp/oauthd-%d", uid))
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p.write(t, uid, "home/.config/oauthd/config.toml", "[keystore]\nbackend = \"memory\"\n")
	p.write(t, uid, "home/precious", "precious")
	p.mkdir(t, uid, "run")
	p.env = []string{"HOME=" + p.path("home"), "XDG_RUNTIME_DIR=" + p.path("run")}
	return p
}

func (p *neighbour) path(name string) string { return filepath.Join(p.dir, name) }

func (p *neighbour) mkdir(t *testing.T, uid int, name string) {
	t.Helper()
	at := p.dir
	for _, step := range strings.Split(name, "/") {
		at = filepath.Join(at, step)
		if err := os.Mkdir(at, 0o700); errors.Is(err, os.ErrExist) {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		if err := os.Lchown(at, uid, uid); err != nil {
			t.Fatal(err)
		}
	}
}

func (p *neighbour) write(t *testing.T, uid int, name, text string) {
	t.Helper()
	p.mkdir(t, uid, filepath.Dir(name))
	if err := errors.Join(os.WriteFile(p.path(name), []byte(text), 0o600), os.Lchown(p.path(name), uid, uid)); err != nil {
		t.Fatal(err)
	}
}

// plant has another user put a link to the precious file into a directory of theirs.
func (p *neighbour) plant(t *testing.T, name string) {
	t.Helper()
	p.mkdir(t, nobody, filepath.Dir(name))
	if err := os.Symlink(p.path("home/precious"), p.path(name)); err != nil {
		t.Fatal(err)
	}
	for dir := filepath.Dir(name); dir != "."; dir = filepath.Dir(dir) {
		if err := os.Chmod(p.path(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// run runs the program as they do.
func (p *neighbour) run(t *testing.T, args ...string) result {
	t.Helper()
	return p.runIn(t, p.dir, p.env, args...)
}

func (p *neighbour) runIn(t *testing.T, dir string, env []string, args ...string) result {
	t.Helper()
	var stdout, stderr strings.Builder
	cmd := exec.Command(p.h.oauthd, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, &stdout, &stderr
	cmd.Stdin = strings.NewReader("correct horse\n")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(p.uid), Gid: uint32(p.uid)}}
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatalf("oauthd %s: %v", strings.Join(args, " "), err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// wantRefused checks how a command ended, and that the precious file is as it was.
func (p *neighbour) wantRefused(t *testing.T, r result, code api.Code, want ...string) {
	t.Helper()
	if r.exit != code.ExitStatus() || r.stdout != "" {
		t.Errorf("got exit %d, stdout %q, want %d and nothing", r.exit, r.stdout, code.ExitStatus())
	}
	for _, text := range want {
		if !strings.Contains(r.stderr, text) {
			t.Errorf("got %q, want %q in it", r.stderr, text)
		}
	}
	if text, err := os.ReadFile(p.path("home/precious")); string(text) != "precious" {
		t.Errorf("the precious file: got %q, %v, want it untouched", text, err)
	}
}

// testPlaces has other users plant files wherever a daemon might put its own. Its parts share /tmp/oauthd-UID, so they run
// one after another.
func testPlaces(t *testing.T, h *house) {
	t.Run("a link in /tmp", func(t *testing.T) {
		p := newNeighbour(t, h, ada)
		at := fmt.Sprintf("/tmp/oauthd-%d", ada)
		if err := errors.Join(os.Mkdir(at, 0o755), os.Symlink(p.path("home/precious"), at+"/oauthd.lock"), os.Chown(at, nobody, nobody)); err != nil {
			t.Fatal(err)
		}
		r := p.runIn(t, "/", p.env[:1], "accounts")
		p.wantRefused(t, r, api.ConfigInvalid, at+" belongs to uid 65534, not to you (uid 54321)", "set XDG_RUNTIME_DIR")
	})
	t.Run("no home, in another user's directory", func(t *testing.T) {
		p := newNeighbour(t, h, ada)
		p.plant(t, "stranger/.local/state/oauthd/daemon.log")
		for _, env := range [][]string{{}, {"HOME=."}, {"XDG_STATE_HOME=.local/state", "XDG_CONFIG_HOME=.config"}} {
			r := p.runIn(t, p.path("stranger"), env, "accounts")
			p.wantRefused(t, r, api.ConfigInvalid, "there is no home directory: HOME is not", "set HOME to the absolute path")
		}
	})
	t.Run("another user's state directory", func(t *testing.T) {
		p := newNeighbour(t, h, ada)
		p.write(t, ada, "home/.config/oauthd/config.toml", "[keystore]\nbackend = \"file\"\n")
		p.plant(t, "stranger/oauthd/lock")
		r := p.runIn(t, "/", append(p.env, "XDG_STATE_HOME="+p.path("stranger")), "accounts")
		p.wantRefused(t, r, api.ConfigInvalid, "/stranger belongs to uid 65534, not to you")
	})
	t.Run("another user's runtime directory", func(t *testing.T) {
		p := newNeighbour(t, h, ada)
		if err := os.Chown(p.path("run"), nobody, nobody); err != nil {
			t.Fatal(err)
		}
		want := []string{"/run belongs to uid 65534, not to you (uid 54321) (XDG_RUNTIME_DIR is ", "unset XDG_RUNTIME_DIR", "su - and sudo -i"}
		p.wantRefused(t, p.run(t, "accounts"), api.Forbidden, want...)
		p.wantRefused(t, p.run(t, "serve"), api.ConfigInvalid, want...)
		p.uid = 0 // as sudo leaves it
		p.wantRefused(t, p.run(t, "serve"), api.ConfigInvalid, "belongs to uid ")
		if entries, err := os.ReadDir(p.path("run")); len(entries) != 0 {
			t.Errorf("got %v, %v in another user's directory, want nothing", entries, err)
		}
	})
	t.Run("a runtime directory that is missing", func(t *testing.T) {
		p := newNeighbour(t, h, ada)
		p.env[1] = fmt.Sprintf("XDG_RUNTIME_DIR=/run/user/%d", ada)
		for verb, code := range map[string]api.Code{"accounts": api.ConfigInvalid, "status": api.NoDaemon} {
			p.wantRefused(t, p.run(t, verb), code, "there is no directory /run/user/54321 (XDG_RUNTIME_DIR is ", "unset XDG_RUNTIME_DIR", "loginctl enable-linger")
		}
	})
	t.Run("a read-only home", func(t *testing.T) {
		p := newNeighbour(t, h, ada)
		if err := errors.Join(os.Chown(p.path("home"), 0, 0), os.Chmod(p.path("home"), 0o755)); err != nil {
			t.Fatal(err)
		}
		if r := p.run(t, "accounts", "--json"); r.exit != 0 || strings.TrimSpace(r.stdout) != "[]" {
			t.Errorf("got exit %d, %q, %s, want no accounts", r.exit, r.stdout, r.stderr)
		}
		if _, err := os.Lstat(p.path("run/oauthd/daemon.log")); err != nil {
			t.Errorf("the log: got %v, want it beside the socket", err)
		}
	})
	t.Run("a runtime directory that disappears", testVanishingRuntimeDir(h))
}

// testVanishingRuntimeDir takes the runtime directory away from a daemon that holds the key to the file store.
func testVanishingRuntimeDir(h *house) func(t *testing.T) {
	return func(t *testing.T) {
		p := newNeighbour(t, h, ada)
		status := func() (s api.Status) {
			t.Helper()
			r := p.run(t, "status", "--json")
			if err := json.Unmarshal([]byte(r.stdout), &s); err != nil || r.exit != 0 {
				t.Fatalf("status: got exit %d, %v, %s", r.exit, err, r.stderr)
			}
			return s
		}
		p.write(t, ada, "home/.config/oauthd/config.toml", "[keystore]\nbackend = \"file\"\n")
		if r := p.run(t, "unlock", "--passphrase-stdin"); r.exit != 0 {
			t.Fatalf("unlock: got exit %d, %s", r.exit, r.stderr)
		}
		before := status()
		if err := os.RemoveAll(p.path("run")); err != nil {
			t.Fatal(err)
		}
		log := p.path("home/.local/state/oauthd/daemon.log")
		waitFor(t, "the daemon to listen elsewhere", func() bool {
			text, _ := os.ReadFile(log)
			return strings.Contains(string(text), "so the daemon listens elsewhere")
		})
		for _, again := range []bool{false, true} {
			if again { // the next session
				p.mkdir(t, ada, "run")
			}
			after := status()
			if after.PID != before.PID || after.Socket != fmt.Sprintf("/tmp/oauthd-%d/oauthd.sock", ada) || after.Store.State != "ok" {
				t.Errorf("got %+v, want daemon %d at its other place, with its store open", after, before.PID)
			}
		}
	}
}
