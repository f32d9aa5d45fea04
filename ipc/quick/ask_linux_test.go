package quick

import (
	"bufio"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	sample = `{"access_token":"ya29.a0-_~+/=","token_type":"Bearer","expires_in":3599,"account":"work"}` + "\n"
	nobody = 65534 // a user who is not us

	// How long a step may take in tests, in nanoseconds: where an answer comes, and where none does.
	long, short = int64(time.Minute), int64(10 * time.Millisecond)
)

// server is a socket made as the daemon makes it, and what comes of it.
type server struct {
	socket   string
	uid      uint32
	requests chan string  // the lines that came in
	visits   atomic.Int32 // the connections that were accepted
}

// newServer listens like the daemon. serve gets each connection after its first line has been read.
func newServer(t *testing.T, serve func(net.Conn)) *server {
	t.Helper()
	return newServerBy(t, func(fd int) error { return syscall.Listen(fd, 16) }, serve)
}

// newServerBy is newServer for one who listens in their own way.
func newServerBy(t *testing.T, listen func(fd int) error, serve func(net.Conn)) *server {
	t.Helper()
	dir, err := os.MkdirTemp("", "q")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &server{socket: filepath.Join(dir, "oauthd.sock"), uid: uint32(os.Getuid()), requests: make(chan string, 16)}
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "socket")
	defer file.Close()
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: s.socket}); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(s.socket, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := listen(fd); err != nil {
		t.Fatal(err)
	}
	l, err := net.FileListener(file)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { _ = l.Close(); <-ended })
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.visits.Add(1)
			line, err := bufio.NewReader(c).ReadString('\n')
			if err == nil {
				s.requests <- line
				serve(c)
			}
			_ = c.Close()
		}
	}()
	return s
}

func (s *server) place() place { return place{socket: s.socket, uid: s.uid} }

// answers returns a serve that writes text at once.
func answers(text string) func(net.Conn) {
	return func(c net.Conn) { _, _ = c.Write([]byte(text)) }
}

// wantNothing checks that nobody came to s, or that nobody who came said anything.
func (s *server) wantNothing(t *testing.T, mayConnect bool) {
	t.Helper()
	if n := s.visits.Load(); n > 0 && !mayConnect {
		t.Errorf("got %d connections, want none", n)
	}
	select {
	case line := <-s.requests:
		t.Errorf("the server got %q, want nothing", line)
	default:
	}
}

func TestAsk(t *testing.T) {
	s := newServer(t, answers(sample))
	answer, ok := ask(s.place(), named("work"), long)
	if string(answer) != sample || !ok {
		t.Errorf("got %q, %t, want %q", answer, ok, sample)
	}
	if got, want := <-s.requests, `{"account":"work"}`+"\n"; got != want {
		t.Errorf("request: got %q, want %q", got, want)
	}
}

func TestAskGivesUp(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	for name, serve := range map[string]func(net.Conn){
		"a server that hangs up":   func(net.Conn) {},
		"half an answer":           answers(sample[:20]),
		"an answer without an end": answers(strings.TrimSuffix(sample, "\n")),
		"two answers":              answers(sample + sample),
		"an answer too long":       answers(`{"access_token":"` + strings.Repeat("x", maxAnswer) + "\"}\n"),
	} {
		t.Run(name, func(t *testing.T) {
			answer, ok := ask(newServer(t, serve).place(), named("work"), long)
			if ok {
				_, _, ok = accessToken(answer)
			}
			if ok {
				t.Errorf("got a token from %d bytes, want none", len(answer))
			}
		})
	}
	t.Run("a server that is silent", func(t *testing.T) {
		s := newServer(t, func(net.Conn) { <-release })
		if _, ok := ask(s.place(), named("work"), short); ok {
			t.Error("got an answer, want none")
		}
		release <- struct{}{}
	})
	t.Run("nobody accepts", func(t *testing.T) {
		// A full backlog: connecting waits.
		s := newServerBy(t, func(fd int) error { return syscall.Listen(fd, 0) }, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
		hold := make([]net.Conn, 0, 8)
		defer func() {
			for _, c := range hold {
				_ = c.Close()
			}
		}()
		for range 8 {
			c, err := net.Dial("unix", s.socket)
			if err != nil {
				break
			}
			hold = append(hold, c)
		}
		if _, ok := ask(s.place(), named("work"), short); ok {
			t.Error("got an answer, want none")
		}
	})
}

func TestAskLeavesAlone(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, s *server, dir string) error{
		"a directory that others may enter": func(_ *testing.T, _ *server, dir string) error { return os.Chmod(dir, 0o755) },
		"a socket that others may use":      func(_ *testing.T, s *server, _ string) error { return os.Chmod(s.socket, 0o666) },
		"a link to the directory": func(t *testing.T, s *server, dir string) error {
			link := filepath.Join(t.TempDir(), "l")
			s.socket = filepath.Join(link, "oauthd.sock")
			return os.Symlink(dir, link)
		},
		"a link to the socket": func(_ *testing.T, s *server, dir string) error {
			to := s.socket
			s.socket = filepath.Join(dir, "l")
			return os.Symlink(to, s.socket)
		},
		"a file that is no socket": func(_ *testing.T, s *server, dir string) error {
			s.socket = filepath.Join(dir, "f")
			return os.WriteFile(s.socket, []byte(sample), 0o600)
		},
		"no socket": func(_ *testing.T, s *server, _ string) error { return os.Remove(s.socket) },
		"a directory of another user": func(t *testing.T, _ *server, dir string) error {
			needRoot(t)
			return os.Chown(dir, nobody, nobody)
		},
		"a socket of another user": func(t *testing.T, s *server, _ string) error {
			needRoot(t)
			return os.Chown(s.socket, nobody, nobody)
		},
		"files of the user we expect, who is another": func(_ *testing.T, s *server, _ string) error { s.uid++; return nil },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, answers(sample))
			if err := spoil(t, s, filepath.Dir(s.socket)); err != nil {
				t.Fatal(err)
			}
			if _, ok := ask(s.place(), named("work"), long); ok {
				t.Error("got an answer, want none")
			}
			s.wantNothing(t, false)
		})
	}
}

// TestAskSaysNothingToAnotherUser has another user listen on a socket that is ours in a directory that is ours, so that
// only the kernel's word on the server is left.
func TestAskSaysNothingToAnotherUser(t *testing.T) {
	needRoot(t)
	s := newServerBy(t, listenAsNobody, answers(sample))
	if _, ok := ask(s.place(), named("work"), long); ok {
		t.Error("got an answer, want none")
	}
	s.wantNothing(t, true)
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
		result <- syscall.Listen(fd, 16)
	}()
	return <-result
}

func needRoot(t *testing.T) {
	t.Helper()
	switch {
	case os.Getuid() == 0:
	case os.Getenv("OAUTHD_TEST_REQUIRE") != "":
		t.Fatal("needs root, to become another user")
	default:
		t.Skip("needs root, to become another user")
	}
}

// TestAskWakesNobody asks under OAUTHD_NO_AUTOSTART where systemd holds the socket: the fast lane leaves that to package
// client, which knows whether a daemon runs.
func TestAskWakesNobody(t *testing.T) {
	s := newServer(t, answers(sample))
	at, ok := find([]string{"OAUTHD_SOCK=" + s.socket, "OAUTHD_NO_AUTOSTART=1"}, os.Getuid(), privateDir)
	if !ok {
		t.Fatal("the environment is not plain")
	}
	if _, ok := ask(at, named("work"), long); !ok {
		t.Error("a daemon that runs was not asked")
	}
	<-s.requests
	s.visits.Store(0)
	if err := os.Symlink(s.socket, filepath.Join(filepath.Dir(s.socket), "systemd.sock")); err != nil {
		t.Fatal(err)
	}
	if _, ok := ask(at, named("work"), long); ok {
		t.Error("got an answer")
	}
	s.wantNothing(t, false)
	if _, ok := ask(s.place(), named("work"), long); !ok {
		t.Error("without OAUTHD_NO_AUTOSTART the socket was left alone")
	}
}
