package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"oauthd/ipc/api"
	"oauthd/keystore/storetest"
)

// tenant is somebody with a home and a runtime directory, a store in memory, and no desktop.
type tenant struct {
	dir, oauthd string
	env         []string
	systemd     int // the pid of their systemd; 0 if there is none
}

func newTenant(t *testing.T, h *house) *tenant {
	t.Helper()
	dir, err := os.MkdirTemp("", "o") // a socket's path has to be short
	if err != nil {
		t.Fatal(err)
	}
	p := &tenant{dir: dir, oauthd: filepath.Join(dir, "bin", "oauthd")}
	p.env = []string{"HOME=" + dir, "XDG_RUNTIME_DIR=" + filepath.Join(dir, "run"), "PATH=" + filepath.Dir(p.oauthd) + ":/usr/bin:/bin"}
	p.write(t, ".config/oauthd/config.toml", "[keystore]\nbackend = \"memory\"\n")
	for _, name := range []string{"run", "bin"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	p.install(t, h.oauthd)
	t.Cleanup(func() {
		p.run("stop")
		_ = os.RemoveAll(dir)
	})
	return p
}

func (p *tenant) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(p.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// install puts a copy of program where the person's oauthd is, as package managers do. Another program writes it: a child
// of another test could inherit what this one writes to, and until it has closed that, the copy cannot be run.
func (p *tenant) install(t *testing.T, program string) {
	t.Helper()
	out, err := exec.Command("install", "-m", "700", program, p.oauthd+".new").CombinedOutput()
	if err := errors.Join(err, os.Rename(p.oauthd+".new", p.oauthd)); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func (p *tenant) socket() string { return filepath.Join(p.dir, "run", "oauthd", "oauthd.sock") }

// run runs a command of oauthd's, or, if args begin with a path, another program.
func (p *tenant) run(args ...string) result { return p.runWith(nil, args...) }

func (p *tenant) runWith(more []string, args ...string) result {
	program := p.oauthd
	if filepath.IsAbs(args[0]) {
		program, args = args[0], args[1:]
	}
	var stdout, stderr strings.Builder
	if p.systemd != 0 { // systemctl looks for /run/systemd
		args = append([]string{"--mount", "--wd=/", "--target", strconv.Itoa(p.systemd), program}, args...)
		program = "/usr/bin/nsenter"
	}
	cmd := exec.Command(program, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(p.env, more...), &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		return result{-1, "", err.Error()}
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// want runs a command, and checks how it ends and that what it prints has some text in it.
func (p *tenant) want(t *testing.T, exit int, text string, args ...string) {
	t.Helper()
	if r := p.run(args...); r.exit != exit || !strings.Contains(r.stdout+r.stderr, text) {
		t.Errorf("%s: got exit %d, %s%s, want exit %d and %q", strings.Join(args, " "), r.exit, r.stdout, r.stderr, exit, text)
	}
}

func (p *tenant) status(t *testing.T) (s api.Status) {
	t.Helper()
	r := p.run("status", "--json")
	if err := json.Unmarshal([]byte(r.stdout), &s); err != nil {
		t.Fatalf("oauthd status: got exit %d, %s", r.exit, r.stderr)
	}
	return s
}

// startSystemd starts the person's own systemd, as logind would, in a mount and cgroup namespace where nothing of this
// machine's is in its way.
func (p *tenant) startSystemd(t *testing.T) {
	t.Helper()
	const script = `set -e
mkdir -p /run/systemd
mount -t tmpfs tmpfs /run/systemd
mkdir -p /run/systemd/system
for root in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
	mkdir "$root/$1" 2>/dev/null && echo $$ 2>/dev/null >"$root/$1/cgroup.procs" && break
done
exec unshare -C /lib/systemd/systemd --user --log-target=console`
	name := filepath.Base(p.dir)
	cmd := exec.Command("unshare", "-m", "sh", "-c", script, "sh", name)
	var log strings.Builder
	cmd.Env, cmd.Stdout, cmd.Stderr = p.env, &log, &log
	cmd.WaitDelay = time.Second // a service may have its output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.systemd = cmd.Process.Pid
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	t.Cleanup(func() {
		p.run("stop")
		p.run("/usr/bin/systemctl", "--user", "exit")
		p.systemd = 0
		select {
		case <-ended:
		case <-time.After(waitLimit):
			_ = cmd.Process.Kill()
			<-ended
			t.Error("systemd does not end")
		}
		if t.Failed() {
			t.Logf("systemd: %s", log.String())
		}
		for _, root := range []string{"/sys/fs/cgroup/systemd/", "/sys/fs/cgroup/unified/", "/sys/fs/cgroup/"} {
			removeGroups(root + name)
		}
	})
	up := poll(func() bool {
		return strings.Contains(p.run("/usr/bin/systemctl", "--user", "is-system-running").stdout, "running")
	})
	if !up {
		t.Fatal("systemd does not start")
	}
}

// removeGroups removes an empty cgroup and those in it.
func removeGroups(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() {
			removeGroups(filepath.Join(dir, e.Name()))
		}
	}
	_ = os.Remove(dir)
}

// testServices runs one systemd after another: two at once stop each other's services.
func testServices(t *testing.T, h *house) {
	storetest.Need(t, "systemctl", "unshare")
	if os.Getuid() != 0 {
		t.Skip("needs root, for a systemd of its own")
	}
	t.Parallel()
	t.Run("the daemon's socket", func(t *testing.T) { testService(t, h) })
	t.Run("the socket for oidc-agent's clients", func(t *testing.T) { testOIDCAgentService(t, h) })
}

func testService(t *testing.T, h *house) {
	p := newTenant(t, h)
	p.startSystemd(t)
	units := filepath.Join(p.dir, ".config", "systemd", "user")
	active := func(unit string) string {
		return strings.TrimSpace(p.run("/usr/bin/systemctl", "--user", "is-active", unit).stdout)
	}

	p.want(t, 0, "not installed", "service", "status")
	p.want(t, 0, "no service is installed", "service", "uninstall")
	p.want(t, 0, "No accounts yet", "accounts") // a child of that command
	p.want(t, 0, "has ended", "service", "install")
	p.want(t, 0, "installed and active", "service", "status")

	// What must not start a daemon leaves it asleep.
	p.want(t, 6, "no oauthd daemon is running", "status")
	p.want(t, 6, "no oauthd daemon is running", "stop")
	for _, verb := range []string{"accounts", "token"} {
		if r := p.runWith([]string{"OAUTHD_NO_AUTOSTART=1"}, verb, "work"); verb == "token" && r.exit != 6 {
			t.Errorf("oauthd %s: got exit %d, %s, want 6", verb, r.exit, r.stderr)
		}
	}
	if got := active("oauthd.service"); got != "inactive" {
		t.Errorf("the service is %s, want inactive", got)
	}

	// A connection starts it, and systemd gets the right states.
	p.want(t, 0, "No accounts yet", "accounts")
	first := p.status(t)
	if first.StartedBy != "systemd" || active("oauthd.service") != "active" {
		t.Errorf("got a daemon started by %q, and a service that is %s", first.StartedBy, active("oauthd.service"))
	}
	if group, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", first.PID)); err != nil || !strings.Contains(string(group), "oauthd.service") {
		t.Errorf("the daemon's cgroups: got %s, %v, want that of the service", group, err)
	}
	p.want(t, 0, "", "/usr/bin/systemctl", "--user", "reload", "oauthd.service")

	// After a crash, and after a stop, the next command has a daemon.
	if err := syscall.Kill(first.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.want(t, 0, "No accounts yet", "accounts")
	if again := p.status(t); again.PID == first.PID || again.StartedBy != "systemd" {
		t.Errorf("after a crash: got pid %d, started by %q", again.PID, again.StartedBy)
	}
	p.want(t, 0, "has ended", "stop")
	p.want(t, 6, "systemd starts one", "status")
	p.want(t, 1, "systemctl --user stop oauthd.socket", "serve")
	p.want(t, 0, "No accounts yet", "accounts")
	p.want(t, 0, "has ended", "stop")

	// A daemon that cannot start says why, and begins as soon as it can.
	p.write(t, ".config/oauthd/config.toml", "backend =\n")
	p.want(t, 2, "config.toml:1", "accounts")
	p.write(t, ".config/oauthd/config.toml", "[keystore]\nbackend = \"memory\"\n")
	p.want(t, 0, "No accounts yet", "accounts")
	if s := p.status(t); s.StartedBy != "systemd" {
		t.Errorf("after it was mended: got a daemon started by %q", s.StartedBy)
	}

	// A unit that a person has changed stays; otherwise nothing is left.
	text, err := os.ReadFile(filepath.Join(units, "oauthd.service"))
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, ".config/systemd/user/oauthd.service", string(text)+"# mine\n")
	p.want(t, 0, "changed by hand", "service", "status")
	p.want(t, 2, "stays as it is", "service", "install")
	p.want(t, 2, "stays as it is", "service", "uninstall")
	p.write(t, ".config/systemd/user/oauthd.service", string(text))
	p.want(t, 0, "removed", "service", "uninstall")
	if left, err := filepath.Glob(units + "/*"); len(left) > 0 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
	if _, err := os.Lstat(api.ActivatedMark(p.socket())); err == nil {
		t.Error("the socket's mark is left")
	}
}

// testOIDCAgentService has systemd hold the socket for oidc-agent's clients too. A new program that takes over leaves both
// sockets to systemd.
func testOIDCAgentService(t *testing.T, h *house) {
	storetest.Need(t, "oidc-token")
	p := newTenant(t, h)
	p.startSystemd(t)
	p.want(t, 0, "systemd now holds the socket", "service", "install")
	p.want(t, 0, "No accounts yet", "accounts")
	p.write(t, ".config/oauthd/config.toml", "[keystore]\nbackend = \"memory\"\n\n[oidc_agent]\nsocket = true\n")
	p.want(t, 0, "has ended", "service", "install") // the daemon that has one socket
	p.want(t, 0, "oauthd-oidc-agent.socket (installed)", "service", "status")

	agent := filepath.Join(filepath.Dir(p.socket()), "oidc-agent.sock")
	ask := func(when string) {
		t.Helper()
		if r := p.runWith([]string{"OIDC_SOCK=" + agent}, "/usr/bin/oidc-token", "work"); r.exit != 1 || !strings.Contains(r.stderr, `there is no account "work"`) {
			t.Errorf("oidc-token, %s: got exit %d, %s%s, want an answer of oauthd's", when, r.exit, r.stdout, r.stderr)
		}
	}
	ask("which starts the daemon")
	before := p.status(t)
	if before.StartedBy != "systemd" || before.OIDCSocket != agent || before.OIDCProblem != "" {
		t.Errorf("got a daemon started by %q, socket %q, %q", before.StartedBy, before.OIDCSocket, before.OIDCProblem)
	}
	p.install(t, h.oauthd)
	p.takenOver(t, before.PID)
	if after := p.status(t); after.Upgrade != nil || after.PID != before.PID || after.OIDCSocket != agent || after.OIDCProblem != "" {
		t.Errorf("got %+v, want the new program in the same process, with both sockets", after)
	}
	ask("after a new program took over")
	p.want(t, 0, "has ended", "stop")
	ask("which starts the daemon again")
	p.want(t, 0, "No accounts yet", "accounts")

	// The line may be gone by then: what was installed is uninstalled.
	p.write(t, ".config/oauthd/config.toml", "[keystore]\nbackend = \"memory\"\n")
	p.want(t, 0, "oauthd-oidc-agent.socket", "service", "uninstall")
	if left, err := filepath.Glob(filepath.Join(p.dir, ".config", "systemd", "user", "*")); len(left) > 0 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
	if _, err := os.Lstat(agent); err == nil {
		t.Error("the socket is left")
	}
}

// testNewProgram replaces the program of a daemon that runs. It takes over when nothing has happened for a while.
func testNewProgram(t *testing.T, h *house) {
	if os.Getuid() != 0 {
		t.Skip("a daemon that cannot be dumped shows its /proc entry to root alone")
	}
	t.Parallel()
	p := newTenant(t, h)
	p.want(t, 0, "No accounts yet", "accounts")
	before := p.status(t)
	if before.Upgrade != nil {
		t.Errorf("before: got %+v, want no upgrade", before.Upgrade)
	}
	p.write(t, "bin/oauthd.new", "#!/bin/sh\nexit 1\n")
	if err := errors.Join(os.Chmod(p.oauthd+".new", 0o700), os.Rename(p.oauthd, p.oauthd+".old"), os.Rename(p.oauthd+".new", p.oauthd)); err != nil {
		t.Fatal(err)
	}
	p.want(t, 1, "", "status") // it is no oauthd
	r := p.run(p.oauthd+".old", "status", "--json")
	if !strings.Contains(r.stdout, "does not run") {
		t.Errorf("a program that does not run: got %s%s", r.stdout, r.stderr)
	}
	p.install(t, h.oauthd)
	during := p.status(t)
	if during.Upgrade == nil || during.Upgrade.Version != release || during.Upgrade.Waiting != "" {
		t.Errorf("got %+v, want an upgrade to %s that waits for nothing", during.Upgrade, release)
	}
	p.want(t, 0, "takes over at the next idle moment", "status")
	p.takenOver(t, before.PID)
	after := p.status(t)
	if after.PID != before.PID || after.Upgrade != nil || after.StartedBy != before.StartedBy {
		t.Errorf("after: got %+v, want the same process with the new program", after)
	}
	p.want(t, 0, "has ended", "stop")
	if _, err := os.Lstat(p.socket()); err == nil {
		t.Error("the socket is left")
	}
}

// takenOver waits until the process of that pid runs the program that is installed now. It does not ask the daemon, which has
// to be idle for that.
func (p *tenant) takenOver(t *testing.T, pid int) {
	t.Helper()
	exe := fmt.Sprintf("/proc/%d/exe", pid)
	over := func() bool { now, err := os.Readlink(exe); return err == nil && now == p.oauthd }
	for range 3 { // a poll's patience is just the longest that this takes
		if poll(over) {
			return
		}
	}
	t.Fatal("the new program does not take over")
}
