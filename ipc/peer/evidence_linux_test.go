package peer_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"oauthd/ipc/peer"
)

// The test is a caller too: with PEER_CONNECT it connects there and waits until its input ends.
func init() {
	to := os.Getenv("PEER_CONNECT")
	if to == "" {
		return
	}
	if _, err := net.Dial("unix", to); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	os.Exit(0)
}

// caller starts a command line that ends in this program as a caller, and returns its connection.
func caller(t *testing.T, script string) (net.Conn, *exec.Cmd) {
	t.Helper()
	dir, err := os.MkdirTemp("", "o")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c", strings.ReplaceAll(script, "CALLER", self))
	cmd.Env = append(os.Environ(), "PEER_CONNECT="+l.Addr().String())
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
		if errs.Len() > 0 {
			t.Error(errs.String())
		}
	})
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, cmd
}

// A caller that is the daemon's own program is a front end: who ran it is who asks.
func TestEvidence(t *testing.T) {
	c, cmd := caller(t, "CALLER; true")
	p, err := peer.Of(c)
	if err != nil {
		t.Fatal(err)
	}
	e, err := p.Evidence()
	if err != nil {
		t.Fatal(err)
	}
	shell, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	if e.PID != cmd.Process.Pid || e.Executable != shell || e.Start == 0 {
		t.Errorf("got %+v, want the shell, pid %d, %s", e.Identity, cmd.Process.Pid, shell)
	}
	if e.Through.PID != p.PID || e.Through.Executable != p.Executable() {
		t.Errorf("through: got %+v, want pid %d", e.Through, p.PID)
	}
	if e.Origin().PID == 0 || e.Origin().Start > e.Start {
		t.Errorf("got origin %+v, want one that began no later than the caller", e.Origin())
	}
}

// A shell that runs nothing but our program, as git's does, is passed over, and one that does more is not.
func TestEvidenceThroughAShell(t *testing.T) {
	for script, passed := range map[string]bool{"CALLER": true, "CALLER; true": false} {
		c, cmd := caller(t, "sh -c '"+script+"'; true")
		p, err := peer.Of(c)
		if err != nil {
			t.Fatal(err)
		}
		e, err := p.Evidence()
		if err != nil {
			t.Fatal(err)
		}
		if got := e.PID == cmd.Process.Pid; got != passed {
			t.Errorf("%s: got %+v by %+v, want the shell passed over: %v", script, e.Identity, e.Parents, passed)
		}
	}
}

// Once the caller has ended, nothing is said of whatever has its pid.
func TestEvidenceOfAnEndedProcess(t *testing.T) {
	c, _ := caller(t, "CALLER </dev/null")
	p, err := peer.Of(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Fatal("got a byte, want the end")
	}
	for {
		if _, err := os.Stat(fmt.Sprintf("/proc/%d/exe", p.PID)); err != nil {
			break
		}
		if exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.PID)); exe == "" {
			break // it is a zombie
		}
	}
	if e, err := p.Evidence(); err == nil && e.Executable != "" {
		t.Errorf("got %+v, want an error", e)
	}
}
