package main

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// newerSystemd is a mount namespace with a systemd that has systemd-creds --user, and its server for
// io.systemd.Credentials as systemd-creds.socket would start it.
type newerSystemd struct {
	root string
	pid  int // of a process in the namespace
}

const eve = 54322

// startNewerSystemd makes the namespace; all that is written there ends with it.
func startNewerSystemd(t *testing.T, h *house) *newerSystemd {
	t.Helper()
	s := &newerSystemd{root: os.Getenv("OAUTHD_TEST_SYSTEMD")}
	if s.root == "" {
		t.Skip("OAUTHD_TEST_SYSTEMD is to be what .ci/newer-systemd makes")
	}
	if _, err := os.Stat(filepath.Join(s.root, "complete")); err != nil {
		t.Fatalf("OAUTHD_TEST_SYSTEMD has no systemd: %v", err)
	}
	const script = `set -e
cd "$1"
mount -t proc proc proc
mount --rbind /dev dev
for d in run tmp home; do mount -t tmpfs -o mode=755 tmpfs $d; done
mount --bind "$3" var
chmod 1777 tmp
mkdir -p run/systemd var/lib/systemd
for user in ada:54321 eve:54322; do
	mkdir -m 700 home/${user%:*} run/${user%:*}
	chown ${user#*:} home/${user%:*} run/${user%:*}
done
cp "$2" home/oauthd
exec chroot . /usr/bin/systemd-socket-activate --accept --fdname=varlink -l /run/systemd/io.systemd.Credentials /usr/bin/systemd-creds`
	// The machine's key is not made in memory.
	kept, err := os.MkdirTemp(filepath.Dir(s.root), "var-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(kept) })
	if err := os.Chmod(kept, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", s.root, h.oauthd, kept)
	var log transcript
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.pid = cmd.Process.Pid
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if !poll(func() bool { return strings.Contains(log.String(), "Listening on") }) {
		t.Fatalf("systemd-creds is not there: %s", log.String())
	}
	s.as(t, 0, "chmod", "666", filepath.Join(s.root, "run/systemd/io.systemd.Credentials"))
	return s
}

// command is a command in the namespace: a person's oauthd, or for root another program, outside the newer system.
func (s *newerSystemd) command(uid int, args ...string) *exec.Cmd {
	inside := append([]string{"--mount", "--target", strconv.Itoa(s.pid)}, args...)
	if uid != 0 {
		user := strconv.Itoa(uid)
		inside = append([]string{
			"--mount", "--target", strconv.Itoa(s.pid), "chroot", "--userspec=" + user + ":" + user, s.root, "/home/oauthd",
		}, args...)
	}
	cmd := exec.Command("nsenter", inside...)
	name := map[int]string{ada: "ada", eve: "eve"}[uid]
	cmd.Env = []string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "HOME=/home/" + name, "XDG_RUNTIME_DIR=/run/" + name}
	return cmd
}

func (s *newerSystemd) as(t *testing.T, uid int, args ...string) result {
	t.Helper()
	var stdout, stderr strings.Builder
	cmd := s.command(uid, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	r := result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	if uid == 0 && r.exit != 0 {
		t.Fatalf("%q: got exit %d, %s", args, r.exit, r.stderr)
	}
	return r
}

// testSeal has the real systemd-creds seal the key of a file store: after a crash, as after a boot, nothing has to be typed,
// and neither another user nor another machine can open the files.
func testSeal(t *testing.T, h *house) {
	if os.Getuid() != 0 {
		t.Skip("needs root, for a mount namespace")
	}
	t.Parallel()
	s := startNewerSystemd(t, h)
	provider, err := oauthtest.Listen(oauthtest.Config{
		Clients:     []oauthtest.Client{{ID: "app", RedirectURIs: []string{"http://127.0.0.1/callback"}}},
		AutoApprove: true, AlwaysRefreshToken: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = provider.Close() })
	inside := filepath.Join("/proc", strconv.Itoa(s.pid), "root")
	home := filepath.Join(inside, "home", "ada")
	config := filepath.Join(home, ".config", "oauthd")
	if err := os.MkdirAll(config, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(config, "config.toml"), []byte("[keystore]\nbackend = \"file\"\nseal = \"systemd-creds\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(s.root, "home", "ada")
	s.as(t, 0, "chown", "-R", strconv.Itoa(ada), own)

	var stderr transcript
	login := s.command(ada, "login", "work", "--no-browser", "--issuer", provider.Issuer(), "--client-id", "app")
	login.Stderr = &stderr
	if err := login.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.as(t, ada, "stop") })
	if !poll(func() bool { return authorizationURL.MatchString(stderr.String()) }) {
		_ = login.Process.Kill()
		_ = login.Wait()
		t.Fatalf("login: %s", stderr.String())
	}
	if _, err := oauthtest.Follow(context.Background(), nil, authorizationURL.FindStringSubmatch(stderr.String())[1], oauthtest.Allow); err != nil {
		t.Fatal(err)
	}
	if err := login.Wait(); err != nil {
		t.Fatalf("login: %v, %s", err, stderr.String())
	}

	// The next daemon, which has nothing but the files.
	again := func() result {
		s.as(t, ada, "stop")
		return s.as(t, ada, "token", "work")
	}
	if r := again(); r.exit != 0 || !strings.HasPrefix(r.stdout, "at-") {
		t.Errorf("after a restart: got exit %d, %s", r.exit, r.stderr)
	}
	err = filepath.WalkDir(home, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "AGE-SECRET-KEY") || strings.Contains(string(text), "rt-") {
			t.Errorf("%s has a secret in the clear", filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}

	// Another user who has a copy of the files.
	s.as(t, 0, "sh", "-c", "cp -R "+own+"/. "+filepath.Join(s.root, "home", "eve")+" && chown -R "+strconv.Itoa(eve)+" "+filepath.Join(s.root, "home", "eve"))
	t.Cleanup(func() { s.as(t, eve, "stop") })
	if r := s.as(t, eve, "token", "work"); r.exit == 0 || r.stdout != "" || !strings.Contains(r.stderr, "this machine does not open it") {
		t.Errorf("another user: got exit %d, %s", r.exit, r.stderr)
	}
	// The files on another machine: its key is another one.
	key := filepath.Join(s.root, "var", "lib", "systemd", "credential.secret")
	s.as(t, 0, "mv", key, key+".away")
	if r := again(); r.exit != api.Locked.ExitStatus() || r.stdout != "" || !strings.Contains(r.stderr, "this machine does not open it") {
		t.Errorf("another machine: got exit %d, %s", r.exit, r.stderr)
	}
	if r := s.as(t, ada, "unlock"); r.exit != api.KeystoreUnavailable.ExitStatus() || !strings.Contains(r.stderr, "systemd-creds --user has to work here") {
		t.Errorf("another machine, unlock: got exit %d, %s", r.exit, r.stderr)
	}
	s.as(t, 0, "mv", key+".away", key)
	if r := again(); r.exit != 0 {
		t.Errorf("on its own machine again: got exit %d, %s", r.exit, r.stderr)
	}
}
