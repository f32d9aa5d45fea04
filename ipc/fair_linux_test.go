package ipc

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The test is a greedy program too: with FAIR_CONNECT it opens connections there until one is refused, says how many it
// got, and keeps them until its input ends.
func init() {
	to := os.Getenv("FAIR_CONNECT")
	if to == "" {
		return
	}
	var held []net.Conn
	for {
		c, err := net.Dial("unix", to)
		if err != nil {
			break
		}
		if _, err := io.WriteString(c, "{\"account\":\"work\"}\n"); err != nil {
			break
		}
		line, err := bufio.NewReader(c).ReadString('\n')
		if err != nil || strings.Contains(line, `"busy"`) {
			break
		}
		held = append(held, c)
	}
	fmt.Println(len(held))
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// A program that opens as many connections as it gets leaves room for others.
func TestNoProgramTakesAllConnections(t *testing.T) {
	const most = 4 * minShare
	r := start(t, &fake{}, func(s *Server) { s.cfg.MaxConns = most })
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	greedy := func() int {
		t.Helper()
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), "FAIR_CONNECT="+r.path)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
		var n int
		if _, err := fmt.Fscan(out, &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := greedy(); n != most/2 {
		t.Errorf("the first program got %d connections, want half of %d", n, most)
	}
	if n := greedy(); n != minShare {
		t.Errorf("another one got %d, want its share, %d", n, minShare)
	}
}
