package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"oauthd/ipc/api"
	"oauthd/keystore/storetest"

	"golang.org/x/sys/unix"
)

const lineAnswer = `{"access_token":"tok.en","token_type":"Bearer","expires_in":3599,"account":"work"}` + "\n"

// TestFastLane runs both programs as they are built. Whatever happens, the fast lane must be told from the usual path only
// by what was initialised meanwhile.
func TestFastLane(t *testing.T) {
	storetest.Need(t, "go")
	p := buildPrograms(t)
	for _, part := range []struct {
		name string
		run  func(*testing.T, programs)
	}{
		{"it answers before os is there", testFastAndLean},
		{"a real daemon's answer", testFastRealDaemon},
		{"the usual path does the rest", testFastOrUsual},
		{"a surprise looks as usual", testFastSurprises},
		{"Ctrl-C while the daemon thinks", testFastInterrupted},
		{"an answer that does not go out whole", testFastRest},
		{"another user", testFastOtherUser},
		{"the helper passes on", testHelperPassesOn},
		{"a program with a token", testFastExec},
		{"a credential for git", testFastGit},
	} {
		t.Run(part.name, func(t *testing.T) { t.Parallel(); part.run(t, p) })
	}
}

// programs are the two that we build.
type programs struct{ dir, oauthd, helper string }

func (p programs) both() []string { return []string{p.oauthd, p.helper} }

func buildPrograms(t testing.TB) programs {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", dir+"/", ".", "./oauthd-helper")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return programs{dir, filepath.Join(dir, "oauthd"), filepath.Join(dir, "oauthd-helper")}
}

// lineDaemon is a stand-in for a daemon: its socket is made as a daemon makes it, and each request gets what the test says.
type lineDaemon struct {
	dir, socket string
	visits      atomic.Int32 // connections
	requests    atomic.Int32 // lines
}

// newLineDaemon listens by listen, nil for the usual way. Each request gets answer's text.
func newLineDaemon(t testing.TB, listen func(fd int) error, answer func() string) *lineDaemon {
	t.Helper()
	dir, err := os.MkdirTemp("", "o")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	d := &lineDaemon{dir: filepath.Join(dir, "oauthd"), socket: filepath.Join(dir, "oauthd", "oauthd.sock")}
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), d.socket)
	defer file.Close()
	if listen == nil {
		listen = func(fd int) error { return syscall.Listen(fd, 128) }
	}
	err = errors.Join(os.Mkdir(d.dir, 0o700), syscall.Bind(fd, &syscall.SockaddrUnix{Name: d.socket}), os.Chmod(d.socket, 0o600), listen(fd))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.FileListener(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			d.visits.Add(1)
			go func() {
				defer c.Close()
				in := bufio.NewReaderSize(c, 512)
				for {
					if _, err := in.ReadSlice('\n'); err != nil {
						return
					}
					d.requests.Add(1)
					if _, err := io.WriteString(c, answer()); err != nil {
						return
					}
				}
			}()
		}
	}()
	return d
}

func saying(text string) func() string { return func() string { return text } }

func (d *lineDaemon) env(more ...string) []string {
	return append([]string{"HOME=" + d.dir, "XDG_RUNTIME_DIR=" + filepath.Dir(d.dir), "OAUTHD_NO_AUTOSTART=1"}, more...)
}

// ended is how a process ended.
type ended struct {
	stdout, stderr string
	status         syscall.WaitStatus
}

// runProgram runs program to its end; prepare may change how it starts.
func runProgram(t testing.TB, env []string, prepare func(*exec.Cmd), program string, args ...string) ended {
	t.Helper()
	var stdout, stderr bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &stdout, &stderr
	if prepare != nil {
		prepare(cmd)
	}
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatalf("%s: %v", program, err)
	}
	status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ended{stdout.String(), stderr.String(), status}
}

// inTime repeats run until it reports that the fast lane had its answer in time, which a busy machine may prevent. The
// last try counts in any case.
func inTime(run func() bool) {
	for range 20 {
		if run() {
			return
		}
	}
}

// runLean is runProgram for a command line that the fast lane should answer.
func (d *lineDaemon) runLean(t testing.TB, env []string, prepare func(*exec.Cmd), program string, args ...string) (r ended) {
	t.Helper()
	inTime(func() bool {
		d.visits.Store(0)
		d.requests.Store(0)
		r = runProgram(t, env, prepare, program, args...)
		return d.requests.Load() == 1
	})
	return r
}

var initLine = regexp.MustCompile(`(?m)^init (\S+) @.*\n`)

// initialised cuts the lines of GODEBUG=inittrace=1 out of stderr and returns the packages that they name, in order.
func initialised(stderr string) (packages []string, rest string) {
	for _, m := range initLine.FindAllStringSubmatch(stderr, -1) {
		packages = append(packages, m[1])
	}
	return packages, initLine.ReplaceAllString(stderr, "")
}

// mostInits is how many packages may be initialised before an answer: those of the runtime that syscall needs, and those
// that need as little and come earlier in the alphabet. There are more than a hundred in all.
const mostInits = 16

const quickPackage = "oauthd/ipc/quick"

// wantLean checks that an answer came from the fast lane: before its own initialisation was over.
func wantLean(t testing.TB, r ended) {
	t.Helper()
	packages, _ := initialised(r.stderr)
	if len(packages) == 0 || len(packages) > mostInits {
		t.Errorf("got %d packages initialised, want 1 to %d: %q", len(packages), mostInits, packages)
	}
	for _, p := range packages {
		if p == "os" || p == "net" || p == "fmt" || p == quickPackage {
			t.Errorf("got %s initialised before the answer, want it after", p)
		}
	}
}

// wantUsual checks that the usual path ran, and that the fast lane had its chance before os was there.
func wantUsual(t testing.TB, r ended) {
	t.Helper()
	packages, _ := initialised(r.stderr)
	at := make(map[string]int)
	for i, p := range packages {
		if _, seen := at[p]; !seen {
			at[p] = i + 1
		}
	}
	if at[quickPackage] == 0 || at["os"] < at[quickPackage] {
		t.Errorf("got the packages %q, want %s before os", packages, quickPackage)
	}
}

func testFastAndLean(t *testing.T, p programs) {
	d := newLineDaemon(t, nil, saying(lineAnswer))
	for _, program := range p.both() {
		r := d.runLean(t, d.env("GODEBUG=inittrace=1"), nil, program, "token", "work")
		if r.stdout != "tok.en\n" || r.status != 0 {
			t.Errorf("%s: got %q, status %#x, want the token", filepath.Base(program), r.stdout, r.status)
		}
		wantLean(t, r)
		if n := d.requests.Load(); n != 1 {
			t.Errorf("%s: got %d requests, want one", filepath.Base(program), n)
		}
	}
}

func testFastRealDaemon(t *testing.T, p programs) {
	c, _ := benchDaemon(t)
	want, err := c.Token(t.Context(), api.TokenRequest{Account: "fast"})
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"HOME=" + t.TempDir(), "OAUTHD_SOCK=" + c.Socket, "GODEBUG=inittrace=1"}
	for _, program := range p.both() {
		var r ended
		inTime(func() bool {
			r = runProgram(t, env, nil, program, "token", "fast")
			packages, _ := initialised(r.stderr)
			return len(packages) <= mostInits
		})
		if r.stdout != want.AccessToken+"\n" || r.status != 0 {
			t.Errorf("%s: got %d bytes, status %#x, want the token", filepath.Base(program), len(r.stdout), r.status)
		}
		wantLean(t, r)
	}
	r := runProgram(t, env, nil, p.oauthd, "token", "nobody")
	if _, stderr := initialised(r.stderr); r.status.ExitStatus() != api.UnknownAccount.ExitStatus() || !strings.Contains(stderr, "nobody") {
		t.Errorf("an unknown account: got status %#x, %s, want the usual error", r.status, stderr)
	}
}

func testFastOrUsual(t *testing.T, p programs) {
	const most = 1 << 10 // bytes of arguments that the fast lane looks at
	for _, tt := range []struct {
		name string
		argv []string
		env  []string
		lean bool
	}{
		{"token NAME", []string{"oauthd", "token", "work"}, nil, true},
		{"variables that do not matter", []string{"oauthd", "token", "work"}, []string{"OAUTHD_PASSPHRASE_FILE=/nowhere"}, true},
		{"a variable of ours that nobody knows", []string{"oauthd", "token", "work"}, []string{"OAUTHD_NEW=1"}, false},
		{"a flag", []string{"oauthd", "token", "work", "--force"}, nil, false},
		{"a flag before", []string{"oauthd", "token", "--force", "work"}, nil, false},
		{"a flag out of sight", []string{strings.Repeat("/", most-len("oauthd_token_work_")) + "oauthd", "token", "work", "--force"}, nil, false},
		{"a path that is not plain", []string{"oauthd", "token", "work"}, []string{"OAUTHD_SOCK=DIR/../oauthd/oauthd.sock"}, false},
		{"another program's name", []string{"oauthd-1.2", "token", "work"}, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newLineDaemon(t, nil, saying(lineAnswer))
			env := d.env("GODEBUG=inittrace=1")
			for _, entry := range tt.env {
				env = append(env, strings.ReplaceAll(entry, "DIR", d.dir))
			}
			r := d.runLean(t, env, func(cmd *exec.Cmd) { cmd.Args = tt.argv }, p.oauthd)
			if r.stdout != "tok.en\n" || r.status != 0 || d.requests.Load() != 1 {
				t.Errorf("got %q, status %#x after %d requests, want the token after one", r.stdout, r.status, d.requests.Load())
			}
			if tt.lean {
				wantLean(t, r)
			} else {
				wantUsual(t, r)
			}
		})
	}
}

// testFastSurprises compares `token work` with `token work --format raw`, which always goes the usual path.
func testFastSurprises(t *testing.T, p programs) {
	const refused = `{"error":{"code":"login_required","message":"log in","hint":"oauthd login work"}}` + "\n"
	stdoutTo := func(name string, flags int) func(*exec.Cmd) {
		return func(cmd *exec.Cmd) {
			f, err := os.OpenFile(name, flags, 0)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = f.Close() })
			cmd.Stdout = f
		}
	}
	for _, tt := range []struct {
		name    string
		answer  string
		env     []string
		prepare func(*exec.Cmd)
		lean    bool // the fast lane gets it done
	}{
		{name: "a token", answer: lineAnswer, lean: true},
		{name: "an error", answer: refused},
		{name: "a token with escapes", answer: `{"access_token":"a\u002fb\/c","token_type":"Bearer","account":"work"}` + "\n"},
		{name: "a token that is not ASCII", answer: `{"access_token":"tök","token_type":"Bearer","account":"work"}` + "\n"},
		{name: "a long token", answer: `{"access_token":"` + strings.Repeat("x", 100<<10) + `","token_type":"Bearer","account":"work"}` + "\n"},
		{name: "no JSON", answer: "what?\n"},
		{name: "no token", answer: "{}\n"},
		{name: "no daemon", env: []string{"XDG_RUNTIME_DIR=/nowhere"}},
		{name: "a full disk", answer: lineAnswer, prepare: stdoutTo("/dev/full", os.O_WRONLY)},
		{name: "stdout cannot be written to", answer: lineAnswer, prepare: stdoutTo("/dev/null", os.O_RDONLY)},
		{name: "stdout is closed", answer: lineAnswer, lean: true, prepare: func(cmd *exec.Cmd) {
			cmd.Args = append([]string{"sh", "-c", `exec "$0" "$@" >&-`, cmd.Path}, cmd.Args[1:]...)
			cmd.Path = "/bin/sh"
		}},
		{name: "nobody reads", answer: lineAnswer, prepare: func(cmd *exec.Cmd) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			_ = r.Close()
			t.Cleanup(func() { _ = w.Close() })
			cmd.Stdout = w
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newLineDaemon(t, nil, saying(tt.answer))
			env := d.env(append(tt.env, "GODEBUG=inittrace=1")...)
			usual := runProgram(t, env, tt.prepare, p.oauthd, "token", "work", "--format", "raw")
			_, usual.stderr = initialised(usual.stderr)
			for _, program := range p.both() {
				var got ended
				var packages []string
				inTime(func() bool {
					got = runProgram(t, env, tt.prepare, program, "token", "work")
					packages, _ = initialised(got.stderr)
					return !tt.lean || len(packages) <= mostInits
				})
				if (len(packages) <= mostInits) != tt.lean {
					t.Errorf("%s: got %d packages initialised, want the fast lane to answer: %t", filepath.Base(program), len(packages), tt.lean)
				}
				if _, got.stderr = initialised(got.stderr); got != usual {
					t.Errorf("%s: got %d bytes, %q, status %#x, want as usual %d bytes, %q, status %#x", filepath.Base(program),
						len(got.stdout), got.stderr, got.status, len(usual.stdout), usual.stderr, usual.status)
				}
			}
		})
	}
}

// testFastInterrupted holds the first answer back until the fast lane has given up.
func testFastInterrupted(t *testing.T, p programs) {
	for _, program := range p.both() {
		asked, release := make(chan struct{}, 8), make(chan struct{})
		d := newLineDaemon(t, nil, func() string { asked <- struct{}{}; <-release; return lineAnswer })
		var stderr bytes.Buffer
		cmd := exec.CommandContext(t.Context(), program, "token", "work")
		cmd.Env, cmd.Stderr = d.env(), &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		tries := 2 // the fast lane's and the usual path's
		if program == p.helper {
			tries++ // the fast lane of each program
		}
		for range tries {
			<-asked
		}
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait()
		close(release)
		if got := cmd.ProcessState.ExitCode(); got != exitInterrupted || stderr.String() != "oauthd: interrupted\n" {
			t.Errorf("%s: got exit %d, %q, want %d and a word", filepath.Base(program), got, stderr.String(), exitInterrupted)
		}
	}
}

const pipePage = 4096

// testFastRest gives the programs a pipe that takes a part of the token at once, and takes no more until it is read.
func testFastRest(t *testing.T, p programs) {
	token := strings.Repeat("0123456789", pipePage/8)
	d := newLineDaemon(t, nil, saying(`{"access_token":"`+token+`","token_type":"Bearer","account":"work"}`+"\n"))
	for _, program := range p.both() {
		for _, reads := range []bool{true, false} {
			var got string
			var r ended
			inTime(func() bool {
				d.requests.Store(0)
				got, r = intoFullPipe(t, d.env(), reads, program)
				return d.requests.Load() == 1
			})
			name := filepath.Base(program)
			switch {
			case d.requests.Load() != 1:
				t.Errorf("%s: got %d requests, want one", name, d.requests.Load())
			case reads && (got != token+"\n" || r.status != 0 || r.stderr != ""):
				t.Errorf("%s: got %d bytes, status %#x, %q, want %d", name, len(got), r.status, r.stderr, len(token)+1)
			case !reads && r.status.Signal() != syscall.SIGPIPE:
				t.Errorf("%s, nobody reads on: got status %#x, %q, want SIGPIPE", name, r.status, r.stderr)
			}
		}
	}
}

// intoFullPipe runs `program token work` with a pipe of one page for its output. It begins to read, and then reads on or
// does not.
func intoFullPipe(t *testing.T, env []string, on bool, program string) (got string, r ended) {
	t.Helper()
	var fds [2]int
	if err := syscall.Pipe2(fds[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	out, in := os.NewFile(uintptr(fds[0]), "out"), os.NewFile(uintptr(fds[1]), "in")
	defer out.Close()
	defer in.Close()
	if _, err := unix.FcntlInt(uintptr(fds[1]), unix.F_SETPIPE_SZ, pipePage); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, "token", "work")
	cmd.Env, cmd.Stdout, cmd.Stderr = env, in, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = in.Close()
	began, rest := make([]byte, 10), []byte(nil)
	_, err := io.ReadFull(out, began)
	if err == nil && on {
		rest, err = io.ReadAll(out)
	}
	if err != nil {
		t.Errorf("read what %s prints: %v", filepath.Base(program), err)
	}
	_ = out.Close()
	_ = cmd.Wait()
	status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	return string(began) + string(rest), ended{"", stderr.String(), status}
}

func testFastOtherUser(t *testing.T, p programs) {
	if os.Getuid() != 0 {
		if os.Getenv("OAUTHD_TEST_REQUIRE") != "" {
			t.Fatal("needs root, to become another user")
		}
		t.Skip("needs root, to become another user")
	}
	chown := func(path func(*lineDaemon) string) func(*lineDaemon) error {
		return func(d *lineDaemon) error { return os.Chown(path(d), nobody, nobody) }
	}
	dir, socket := chown(func(d *lineDaemon) string { return d.dir }), chown(func(d *lineDaemon) string { return d.socket })
	nothing := func(*lineDaemon) error { return nil }
	both := func(d *lineDaemon) error { return errors.Join(dir(d), socket(d)) }
	expect := func(d *lineDaemon) []string {
		return []string{"OAUTHD_SOCK=" + d.socket, "OAUTHD_SOCK_UID=" + strconv.Itoa(nobody)}
	}
	for _, tt := range []struct {
		name     string
		listen   func(int) error
		give     func(*lineDaemon) error
		env      func(*lineDaemon) []string
		lean     bool
		token    bool  // the usual path gets it, if the fast lane does not
		requests int32 // that the server got, from two programs
		visits   int32
	}{
		{name: "the directory is another user's", give: dir, token: true, requests: 2, visits: 2},
		{name: "the socket is another user's", give: socket, token: true, requests: 2, visits: 2},
		// The usual path connects too, before it knows; nobody says a word.
		{name: "the server is another user", listen: listenAsNobody, give: nothing, visits: 5},
		{name: "all is another user's", listen: listenAsNobody, give: both, visits: 2},
		{name: "another user is expected, and it is us", give: nothing, env: expect, visits: 2},
		{name: "another user is expected, and the files are ours", listen: listenAsNobody, give: nothing, env: expect, token: true, requests: 2, visits: 2},
		{name: "another user is expected, and the server is us", give: both, env: expect, visits: 5},
		{name: "another user is expected, and there", listen: listenAsNobody, give: both, env: expect, lean: true, token: true, requests: 2, visits: 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newLineDaemon(t, tt.listen, saying(lineAnswer))
			if err := tt.give(d); err != nil {
				t.Fatal(err)
			}
			env := d.env("GODEBUG=inittrace=1")
			if tt.env != nil {
				env = append(env, tt.env(d)...)
			}
			var visits, requests int32
			for _, program := range p.both() {
				run := runProgram
				if tt.lean {
					run = d.runLean
				}
				d.visits.Store(0)
				d.requests.Store(0)
				r := run(t, env, nil, program, "token", "work")
				poll(func() bool { return tt.lean || d.visits.Load() >= tt.visits/int32(len(p.both())) }) // one may not be counted yet
				visits, requests = visits+d.visits.Load(), requests+d.requests.Load()
				want, exit := "", api.Forbidden.ExitStatus()
				if tt.token {
					want, exit = "tok.en\n", 0
				}
				if r.stdout != want || r.status.ExitStatus() != exit {
					t.Errorf("%s: got %q, status %#x, want %q, exit %d", filepath.Base(program), r.stdout, r.status, want, exit)
				}
				if tt.lean {
					wantLean(t, r)
				} else {
					wantUsual(t, r)
				}
			}
			if visits != tt.visits || requests != tt.requests {
				t.Errorf("got %d connections with %d requests, want %d with %d", visits, requests, tt.visits, tt.requests)
			}
		})
	}
}

// listenAsNobody listens on a thread that belongs to another user and ends with the goroutine, because its lock is never
// undone. The kernel takes the server's uid from the thread that listens.
func listenAsNobody(fd int) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, nobody, nobody, nobody); errno != 0 {
			result <- errno
			return
		}
		result <- syscall.Listen(fd, 128)
	}()
	return <-result
}

func testHelperPassesOn(t *testing.T, p programs) {
	env := []string{"HOME=" + t.TempDir(), "XDG_RUNTIME_DIR=/nowhere", "OAUTHD_NO_AUTOSTART=1"}
	for _, args := range [][]string{{"--version"}, {"token"}, {"token", "--help"}, {"token", "work", "--format", "json"}, {"status"}, {"no-such-verb"}, nil} {
		want := runProgram(t, env, nil, p.oauthd, args...)
		if got := runProgram(t, env, nil, p.helper, args...); got != want {
			t.Errorf("%q: got %+v, want %+v", args, got, want)
		}
	}

	t.Run("the name it was called by", func(t *testing.T) {
		// This test binary is oauthd here, and acts by its name.
		dir := t.TempDir()
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		helper := filepath.Join(dir, "oauthd-helper")
		if err := errors.Join(os.Link(p.helper, helper), os.Symlink(self, filepath.Join(dir, "oauthd"))); err != nil {
			t.Fatal(err)
		}
		// Beside the program, not beside a link to it.
		link, note := filepath.Join(t.TempDir(), "agent"), filepath.Join(dir, "note")
		if err := os.Symlink(helper, link); err != nil {
			t.Fatal(err)
		}
		r := runProgram(t, env, nil, link, "note", "a b", note)
		if text, err := os.ReadFile(note); string(text) != "a b\n" || err != nil || r.status != 0 {
			t.Errorf("got %q, %v, status %#x, %s, want what the program of that name writes", text, err, r.status, r.stderr)
		}
	})
	t.Run("no oauthd beside it", func(t *testing.T) {
		helper := filepath.Join(t.TempDir(), "oauthd-helper")
		if err := os.Link(p.helper, helper); err != nil {
			t.Fatal(err)
		}
		r := runProgram(t, env, nil, helper, "status")
		want := "oauthd: " + filepath.Join(filepath.Dir(helper), "oauthd") + " cannot be run: no such file or directory\n" +
			"hint: install oauthd in the same directory as oauthd-helper\n"
		if r.stderr != want || r.stdout != "" || r.status.ExitStatus() != 1 {
			t.Errorf("got %q, %q, status %#x, want exit 1 and %q", r.stdout, r.stderr, r.status, want)
		}
	})
}
