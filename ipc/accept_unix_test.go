//go:build unix

package ipc

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestPassing(t *testing.T) {
	for err, want := range map[error]bool{
		syscall.EMFILE: true, syscall.ENFILE: true, syscall.ECONNABORTED: true, syscall.ENOBUFS: true, syscall.ENOMEM: true,
		syscall.EBADF: false, syscall.EINVAL: false, net.ErrClosed: false,
	} {
		wrapped := &net.OpError{Op: "accept", Net: "unix", Err: os.NewSyscallError("accept4", err)}
		if got := passing(wrapped); got != want {
			t.Errorf("%v: got %t, want %t", err, got, want)
		}
	}
}

// A process that may open no more files cannot accept a connection. The daemon goes on, and accepts it once it can.
func TestAcceptOutlivesALackOfDescriptors(t *testing.T) {
	r := start(t, &fake{}, nil)
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "client")
	defer file.Close()
	allow := allowNoMoreFiles(t)
	defer allow()
	if err := syscall.Connect(fd, &syscall.SockaddrUnix{Name: r.path}); err != nil {
		t.Fatal(err)
	}
	giveUp := time.Now().Add(10 * time.Second)
	for !strings.Contains(r.log.String(), "connection not accepted") {
		if time.Now().After(giveUp) {
			t.Fatalf("got log %q, want a line about the connection that was not accepted", r.log.String())
		}
		runtime.Gosched()
	}
	allow()
	c, err := net.FileConn(file)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	for range 2 {
		send(t, c, `{"account":"work"}`+"\n")
		if got := codeOf(t, readLine(t, bufio.NewReader(c))); got != "" {
			t.Errorf("got %s, want a token", got)
		}
	}
}

// allowNoMoreFiles lowers the limit of open files to what is open. allow puts it back.
func allowNoMoreFiles(t *testing.T) (allow func()) {
	t.Helper()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	// The lowest number that is free: all below it are taken.
	next, err := syscall.Dup(0)
	if err != nil {
		t.Fatal(err)
	}
	_ = syscall.Close(next)
	none := before
	if _, err := fmt.Sscan(fmt.Sprint(next), &none.Cur); err != nil { // its type is not the same everywhere
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
			t.Fatal(err)
		}
	}
}
