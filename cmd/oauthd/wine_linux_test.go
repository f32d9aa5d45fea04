package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// wineLimit is how long one program of Windows may take.
const wineLimit = time.Minute

// wine is a Windows of its own, as far as the wine of Debian makes one, with the built oauthd.exe in it.
type wine struct {
	program string // wine itself
	prefix  string
	oauthd  string
	env     []string
}

// newWine makes the files of a Windows, which takes a quarter of a minute. The test's end is its end.
func newWine(t *testing.T) *wine {
	t.Helper()
	program := needWine(t)
	dir := t.TempDir()
	w := &wine{program: program, prefix: filepath.Join(dir, "prefix"), oauthd: filepath.Join(dir, "oauthd.exe")}
	w.env = []string{
		"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "WINEPREFIX=" + w.prefix, "WINEARCH=win64", "WINEDEBUG=-all",
		// No Mono, no Gecko and no desktop menu: each would ask a person.
		"WINEDLLOVERRIDES=mscoree,mshtml,winemenubuilder.exe=",
		// Nothing opens a browser.
		"BROWSER=no-such-browser",
	}
	buildForWindows(t, w.oauthd, ".")
	t.Cleanup(func() { w.end(t) })
	if r := w.start(t, "", "wineboot.exe", "--init").wait(t); r.exit != 0 {
		t.Fatalf("wineboot: %v", r)
	}
	missing := filepath.Join(w.prefix, "drive_c", "windows", "system32", "bcryptprimitives.dll")
	if _, err := os.Stat(missing); errors.Is(err, os.ErrNotExist) {
		dll := forwardingDLL("bcryptprimitives.dll", "ProcessPrng", "advapi32.SystemFunction036")
		if err := os.WriteFile(missing, dll, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func buildForWindows(t *testing.T, to, pkg string) {
	t.Helper()
	build := exec.Command("go", "build", "-o", to, pkg)
	build.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build for Windows: %v\n%s", err, out)
	}
}

// needWine returns the path of wine for programs of 64 bits.
func needWine(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"wine64", "/usr/lib/wine/wine64", "wine"} {
		if program, err := exec.LookPath(name); err == nil {
			return program
		}
	}
	if os.Getenv("OAUTHD_TEST_REQUIRE") != "" {
		t.Fatal("wine64 is not installed, and OAUTHD_TEST_REQUIRE is set")
	}
	t.Skip("wine64 is not installed")
	return ""
}

// end ends all programs of this Windows.
func (w *wine) end(t *testing.T) {
	server, err := exec.LookPath("wineserver")
	if err != nil {
		server = filepath.Join(filepath.Dir(w.program), "wineserver64") // where Debian has it
	}
	for _, flag := range []string{"-k", "-w"} { // kill, then wait
		cmd := exec.Command(server, flag)
		cmd.Env = w.env
		if out, err := cmd.CombinedOutput(); err != nil && flag == "-w" {
			t.Errorf("wineserver %s: %v\n%s", flag, err, out)
		}
	}
}

// windowsProgram is a program that runs. Its output goes to files, because wine's own processes stay and would keep a
// pipe open.
type windowsProgram struct {
	cmd      *exec.Cmd
	out, err string
}

type windowsResult struct {
	exit        int
	stdout, err string
}

// start starts a program of Windows with stdin.
func (w *wine) start(t *testing.T, stdin string, args ...string) *windowsProgram {
	t.Helper()
	dir := t.TempDir()
	p := &windowsProgram{out: filepath.Join(dir, "out"), err: filepath.Join(dir, "err")}
	in := filepath.Join(dir, "in")
	if err := os.WriteFile(in, []byte(stdin), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), wineLimit)
	t.Cleanup(cancel)
	p.cmd = exec.CommandContext(ctx, w.program, args...)
	p.cmd.Env = w.env
	for _, f := range []struct {
		path string
		flag int
		use  func(*os.File)
	}{
		{in, os.O_RDONLY, func(f *os.File) { p.cmd.Stdin = f }},
		{p.out, os.O_WRONLY | os.O_CREATE, func(f *os.File) { p.cmd.Stdout = f }},
		{p.err, os.O_WRONLY | os.O_CREATE, func(f *os.File) { p.cmd.Stderr = f }},
	} {
		file, err := os.OpenFile(f.path, f.flag, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		f.use(file)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// text returns what has been written to one of p's files, with the ends of lines as here.
func text(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(data), "\r\n", "\n")
}

// wait waits for the end of p.
func (p *windowsProgram) wait(t *testing.T) windowsResult {
	t.Helper()
	err := p.cmd.Wait()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	return windowsResult{p.cmd.ProcessState.ExitCode(), text(t, p.out), text(t, p.err)}
}

// await waits until what p writes to stderr matches pattern, and returns the first group.
func (p *windowsProgram) await(t *testing.T, pattern string) string {
	t.Helper()
	expression := regexp.MustCompile(pattern)
	deadline := time.NewTimer(wineLimit)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		written := text(t, p.err)
		if found := expression.FindStringSubmatch(written); found != nil {
			return found[1]
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("got %q, want %q in it", written, pattern)
		}
	}
}

// run runs oauthd.exe to its end and wants that exit status.
func (w *wine) run(t *testing.T, want int, stdin string, args ...string) windowsResult {
	t.Helper()
	r := w.start(t, stdin, append([]string{w.oauthd}, args...)...).wait(t)
	if r.exit != want {
		t.Errorf("oauthd %s: got exit %d, want %d\n%s%s", strings.Join(args, " "), r.exit, want, r.stdout, r.err)
	}
	return r
}

// status returns the daemon's.
func (w *wine) status(t *testing.T) api.Status {
	t.Helper()
	var s api.Status
	if err := json.Unmarshal([]byte(w.run(t, 0, "", "status", "--json").stdout), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// home returns the path of a file in the home of the one user.
func (w *wine) home(t *testing.T, path string) string {
	t.Helper()
	homes, err := filepath.Glob(filepath.Join(w.prefix, "drive_c", "users", "*", "AppData"))
	if err != nil {
		t.Fatal(err)
	}
	for _, home := range homes {
		if !strings.Contains(home, "Public") {
			return filepath.Join(home, path)
		}
	}
	t.Fatal("no user has a home")
	return ""
}

// login logs work in and pastes the address to which the browser was sent.
func (w *wine) login(t *testing.T, provider *oauthtest.Running) {
	t.Helper()
	p := w.start(t, "", w.oauthd, "login", "work", "--issuer", provider.Issuer(), "--client-id", "native",
		"--scope", "openid", "--scope", "email", "--no-browser")
	authorization := p.await(t, `(?m)^\s*(http://127\.0\.0\.1:\d+/\S*code_challenge=\S+)$`)
	s := &seat{}
	w.run(t, 0, "", "login", "work", "--paste", s.answer(t, authorization))
	if r := p.wait(t); r.exit != 0 || !strings.Contains(r.stdout, "work: logged in as ada@example.com") {
		t.Errorf("the login: got exit %d, %s%s", r.exit, r.stdout, r.err)
	}
}

// token wants a token of work, and returns it.
func (w *wine) token(t *testing.T) string {
	t.Helper()
	token := strings.TrimSpace(w.run(t, 0, "", "token", "work").stdout)
	if !strings.HasPrefix(token, "at-") {
		t.Error("oauthd token work: no token came")
	}
	return token
}

// TestWindows is a first day with oauthd on Windows.
func TestWindows(t *testing.T) {
	t.Parallel()
	w := newWine(t)
	provider, err := oauthtest.Listen(oauthtest.Config{
		Clients:     []oauthtest.Client{{ID: "native", RedirectURIs: []string{"http://127.0.0.1/callback"}}},
		AutoApprove: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = provider.Close() })

	var demo sync.WaitGroup
	demo.Go(func() {
		if r := w.run(t, 0, "", "demo"); !strings.Contains(r.stdout, "10 callers, 1 refresh at the provider") {
			t.Errorf("oauthd demo: got %s%s", r.stdout, r.err)
		}
	})
	defer demo.Wait()

	pipe := strings.TrimSpace(w.run(t, 0, "", "status", "--socket").stdout)
	if !strings.HasPrefix(pipe, `\\.\pipe\oauthd-`) {
		t.Errorf("the socket: got %q, want a pipe", pipe)
	}
	if r := w.run(t, 6, "", "status"); !strings.Contains(r.err, "no oauthd daemon is running") {
		t.Errorf("without a daemon: got %s", r.err)
	}
	if r := w.start(t, "", w.oauthd, "doctor").wait(t); !regexp.MustCompile(`(?m)^ok +socket: \\\\\.\\pipe`).MatchString(r.stdout) {
		t.Errorf("oauthd doctor: got exit %d, %s%s, want the pipe to be in order", r.exit, r.stdout, r.err)
	}
	w.login(t, provider) // which starts a daemon; Credential Manager is its keychain
	token := w.token(t)
	before := w.status(t)
	if before.Socket != pipe || before.StartedBy != "auto" || before.Store.Backend != "keychain" {
		t.Errorf("the daemon: got %+v", before)
	}
	for _, file := range []string{`Roaming/oauthd/accounts/work.toml`, `Local/oauthd/daemon.log`, `Local/oauthd/lock`} {
		if _, err := os.Stat(w.home(t, file)); err != nil {
			t.Error(err)
		}
	}
	command := w.start(t, "", w.oauthd, "exec", "-e", "TOKEN=work", "--", "cmd.exe", "/c", "echo %TOKEN%& exit 3").wait(t)
	if command.exit != 3 || strings.TrimSpace(command.stdout) != token {
		t.Errorf("oauthd exec: got exit %d, the token %t, %s, want 3 and the token", command.exit, strings.Contains(command.stdout, token), command.err)
	}
	if r := w.run(t, 1, "", "serve"); !strings.Contains(r.err, "a daemon already runs") {
		t.Errorf("a second daemon: got %s", r.err)
	}

	// A daemon that is killed leaves a lock and a pipe that do not keep the next one out.
	if r := w.start(t, "", "taskkill.exe", "/F", "/PID", strconv.Itoa(before.PID)).wait(t); r.exit != 0 {
		t.Fatalf("taskkill: %v", r)
	}
	if again := w.token(t); again == token {
		t.Error("after a restart: got the same token, want one of a refresh")
	}
	if after := w.status(t); after.PID == before.PID {
		t.Errorf("after the kill: got the same daemon, pid %d", after.PID)
	}
	w.run(t, 0, "", "stop")
	w.run(t, 6, "", "status")
	w.interrupt(t)
	w.files(t, provider)
}

// interrupt ends a daemon in the foreground by Ctrl-C.
func (w *wine) interrupt(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	source, err := os.ReadFile(filepath.Join("testdata", "ctrlc.go.txt")) // no Go file, as it builds for Windows alone
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "main.go"), source, 0o600); err != nil {
		t.Fatal(err)
	}
	presser := filepath.Join(dir, "ctrlc.exe")
	buildForWindows(t, presser, filepath.Join(dir, "main.go"))
	if r := w.start(t, "", presser, w.oauthd, "serve").wait(t); r.exit != 0 || !strings.Contains(r.stdout, "listening") {
		t.Errorf("oauthd serve, Ctrl-C: got exit %d, %s%s, want 0 after it has listened", r.exit, r.stdout, r.err)
	}
	w.run(t, 6, "", "status")
}

// files is the same with the file store.
func (w *wine) files(t *testing.T, provider *oauthtest.Running) {
	config := w.home(t, `Roaming/oauthd/config.toml`)
	if err := os.WriteFile(config, []byte("[keystore]\r\nbackend = \"file\"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const passphrase = "correct horse battery staple\r\n"
	w.run(t, 0, passphrase, "unlock", "--passphrase-stdin")
	w.login(t, provider)
	w.token(t)
	for _, file := range []string{`Local/oauthd/identity.age`, `Local/oauthd/credentials/work.age`} {
		if _, err := os.Stat(w.home(t, file)); err != nil {
			t.Error(err)
		}
	}
	w.run(t, 0, "", "stop")
	w.run(t, 5, "", "token", "work") // locked, and nobody is there to ask
	w.run(t, 0, passphrase, "unlock", "--passphrase-stdin")
	w.token(t)
	w.run(t, 0, "", "stop")
}
