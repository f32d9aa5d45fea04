package main

import (
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"oauthd/daemon/oauthtest"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// seat is where a person sits: a home with a memory store, a directory to work in, and a provider to log in at.
type seat struct {
	dir, home string // the person works in dir
	env       []string
	provider  *oauthtest.Running
	secret    string // of the provider's client post
}

// newSeat starts a provider that agrees to everything at once.
func newSeat(t *testing.T, cfg oauthtest.Config) *seat {
	t.Helper()
	s := &seat{dir: t.TempDir(), secret: "cs-ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
	s.home = filepath.Join(s.dir, "home")
	if err := os.MkdirAll(filepath.Join(s.home, ".config", "oauthd"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.write(t, filepath.Join("home", ".config", "oauthd", "config.toml"), "[keystore]\nbackend = \"memory\"\n")
	sockets, err := os.MkdirTemp("", "o") // a socket's path has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := endDaemons(s.dir, sockets); err != nil {
			t.Errorf("at the end: %v", err)
		}
		_ = os.RemoveAll(sockets)
		checkFiles(t, s.home)
	})
	s.env = []string{
		"HOME=" + s.home, "XDG_RUNTIME_DIR=" + sockets, "XDG_STATE_HOME=" + filepath.Join(s.home, "state"),
		"DBUS_SESSION_BUS_ADDRESS=unix:path=" + filepath.Join(sockets, "no-bus"),
		"PATH=" + os.Getenv("PATH"), "TERM=xterm", "GORACE=" + os.Getenv("GORACE"), "GOCOVERDIR=" + os.Getenv("GOCOVERDIR"),
	}
	loopback := []string{"http://127.0.0.1/callback"}
	cfg.AutoApprove = true
	cfg.AlwaysRefreshToken = true
	cfg.Clients = []oauthtest.Client{
		{ID: "native", RedirectURIs: loopback},
		{ID: "post", Secret: s.secret, AuthMethod: oauthtest.AuthPost, RedirectURIs: loopback},
	}
	if s.provider, err = oauthtest.Listen(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.provider.Close() })
	return s
}

func (s *seat) write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, file), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// accountFile returns what the daemon wrote about an account, "" for nothing.
func (s *seat) accountFile(name string) string {
	text, _ := os.ReadFile(filepath.Join(s.home, ".config", "oauthd", "accounts", name+".toml"))
	return string(text)
}

// run runs a command without a terminal.
func (s *seat) run(t *testing.T, stdin string, argv ...string) (exit int, stdout, stderr string) {
	t.Helper()
	program, err := exec.LookPath(argv[0])
	if err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	cmd := exec.CommandContext(t.Context(), program, argv[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = s.dir, s.env, strings.NewReader(stdin), &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// wantNothing checks that no account is left.
func (s *seat) wantNothing(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.home, ".config", "oauthd", "accounts", "*"))
	if err != nil || len(files) > 0 {
		t.Errorf("account files: got %q, %v, want none", files, err)
	}
}

// wantOver checks that the login of an authorization URL has ended, and that anyone who agrees to it later gets a page that says so.
func (s *seat) wantOver(t *testing.T, authorizationURL string) {
	t.Helper()
	if !poll(func() bool {
		exit, _, stderr := s.run(t, "", "oauthd", "login", "work", "--cancel")
		return exit == 1 && strings.Contains(stderr, "no login of work is waiting")
	}) {
		t.Error("the login does not end")
	}
	u, err := url.Parse(authorizationURL)
	if err != nil || !u.Query().Has("redirect_uri") {
		t.Fatal("the authorization URL cannot be parsed")
	}
	if tooLate(u) == "" {
		t.Error("an answer that comes too late: got no page that says so")
	}
}

// answer is a browser that cannot reach the redirect server: it returns the address that the provider sends it to.
func (s *seat) answer(t *testing.T, authorizationURL string) string {
	t.Helper()
	agent := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := agent.Get(authorizationURL)
	if err != nil {
		t.Fatalf("open the authorization URL: %v", withoutURL(err))
	}
	_ = response.Body.Close()
	to := response.Header.Get("Location")
	if response.StatusCode != http.StatusSeeOther || !strings.Contains(to, "code=") {
		t.Fatalf("open the authorization URL: got status %d, a code %t", response.StatusCode, strings.Contains(to, "code="))
	}
	return to
}

// program is an oauthd at a terminal.
type program struct {
	keyboard *os.File // also the end where the screen is read
	screen   transcript
	seen     int // how much of the screen await has gone through
	before   unix.Termios
}

const (
	ctrlC = "\x03"
	ctrlD = "\x04"
	enter = "\r"
)

// start starts an oauthd at a terminal of that size. A redirection is the shell's, such as "2>file"; "" leaves all three
// streams to the terminal. The shell stays when oauthd has ended, because the end of a session resets its terminal.
func (s *seat) start(t *testing.T, size pty.Winsize, redirection string, args ...string) *program {
	t.Helper()
	keyboard, tty, err := pty.Open()
	if err != nil {
		t.Fatalf("open a terminal: %v", err)
	}
	defer tty.Close()
	stay, leave, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stay.Close()
	p := &program{keyboard: keyboard}
	if err := pty.Setsize(tty, &size); err != nil {
		t.Fatal(err)
	}
	p.before = p.modes(t)
	cmd := exec.Command("/bin/sh", append([]string{"-c",
		`trap : INT; oauthd "$@" 3<&- ` + redirection + `; echo "[exit $?]"; read forever <&3`, "sh"}, args...)...)
	cmd.Dir, cmd.Env = s.dir, s.env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.ExtraFiles = []*os.File{stay}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		buffer := make([]byte, 4096)
		for {
			n, err := keyboard.Read(buffer)
			_, _ = p.screen.Write(buffer[:n])
			if err != nil {
				return // the last program has closed the terminal
			}
		}
	}()
	t.Cleanup(func() {
		_ = leave.Close()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // the session is our own
		_ = cmd.Wait()
		<-read
		_ = keyboard.Close()
		if kinds := leaks(p.screen.String(), true); len(kinds) > 0 {
			t.Errorf("the screen shows %s", strings.Join(kinds, ", "))
		}
	})
	return p
}

// modes returns how the terminal is set.
func (p *program) modes(t *testing.T) unix.Termios {
	t.Helper()
	modes, err := unix.IoctlGetTermios(int(p.keyboard.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatalf("read the terminal's modes: %v", err)
	}
	return *modes
}

// press sends what a person types or pastes.
func (p *program) press(t *testing.T, text string) {
	t.Helper()
	if _, err := p.keyboard.WriteString(text); err != nil {
		t.Fatalf("type: %v", err)
	}
}

// shown returns the screen, fit for a failure message.
func (p *program) shown() string {
	return tokenPattern.ReplaceAllString(secretPattern.ReplaceAllString(p.screen.String(), "[redacted]"), "[redacted]")
}

// colours are what a word is surrounded by to stand out.
var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// match waits until pattern is on the screen behind what was awaited before, and returns its groups.
func (p *program) match(t *testing.T, pattern string) []string {
	t.Helper()
	wanted := regexp.MustCompile(pattern)
	deadline := time.After(patience)
	for {
		changed := p.screen.changes()
		text := colours.ReplaceAllString(p.screen.String(), "")
		if at := wanted.FindStringSubmatchIndex(text[p.seen:]); at != nil {
			groups := wanted.FindStringSubmatch(text[p.seen:])
			p.seen += at[1]
			return groups
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("the screen does not come to show %q, it is\n%s", pattern, p.shown())
		}
	}
}

// await waits for texts on the screen, in this order.
func (p *program) await(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		p.match(t, regexp.QuoteMeta(text))
	}
}

// url returns the authorization URL on the screen, or if that shows a short address, the one in the file that $BROWSER
// noted it in.
func (p *program) url(t *testing.T, noted ...string) string {
	t.Helper()
	address := p.match(t, `\n  (http://\S+)\r\n`)[1]
	if !strings.Contains(address, "/go/") {
		return address
	}
	for _, file := range noted {
		var text []byte
		if !poll(func() bool { text, _ = os.ReadFile(file); return len(text) > 0 }) {
			t.Fatal("the browser was not opened")
		}
		address = strings.TrimSpace(string(text))
	}
	return address
}

// wantExit waits for the end, and checks that the terminal is as it was.
func (p *program) wantExit(t *testing.T, want int) {
	t.Helper()
	got, err := strconv.Atoi(p.match(t, `\[exit (\d+)\]`)[1])
	if err != nil || got != want {
		t.Errorf("got exit status %d, want %d, the screen is\n%s", got, want, p.shown())
	}
	if after := p.modes(t); after != p.before {
		t.Errorf("the terminal's modes: got %+v, want them as before, %+v", after, p.before)
	}
}
