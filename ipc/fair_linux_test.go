package ipc

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The test is a greedy program too: with FAIR_CONNECT it opens connections there until one is refused, and then as many
// as FAIR_SILENT says, on which it sends nothing. It prints how many it got, and keeps them until its input ends.
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
	got := len(held)
	silent, _ := strconv.Atoi(os.Getenv("FAIR_SILENT"))
	for range silent {
		c, err := net.Dial("unix", to)
		if err != nil {
			break
		}
		held = append(held, c)
	}
	fmt.Println(got)
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// greedy runs a greedy program against the server at path, and returns how many connections it got.
func greedy(t *testing.T, path string, silent int) int {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "FAIR_CONNECT="+path, fmt.Sprintf("FAIR_SILENT=%d", silent))
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

// A program that opens as many connections as it gets leaves room for others.
func TestNoProgramTakesAllConnections(t *testing.T) {
	const most = 4 * minShare
	r := start(t, &fake{}, func(s *Server) { s.cfg.MaxConns = most })
	if n := greedy(t, r.path, 0); n != most/2 {
		t.Errorf("the first program got %d connections, want half of %d", n, most)
	}
	if n := greedy(t, r.path, 0); n != minShare {
		t.Errorf("another one got %d, want its share, %d", n, minShare)
	}
}

// A program that goes on opening connections although it has its share takes no place with those that are refused, while
// their first byte is waited for. Others get their answers meanwhile.
func TestRefusedConnectionsTakeNoPlace(t *testing.T) {
	const most = 4 * minShare
	longRefusals := func(s *Server) { s.cfg.MaxConns, s.limits.refuse = most, time.Minute }
	r := start(t, &fake{}, longRefusals)
	greedy(t, r.path, 2*most)
	c := dial(t, r.path)
	send(t, c, `{"account":"work"}`+"\n")
	if got := codeOf(t, readLine(t, bufio.NewReader(c))); got != "" {
		t.Errorf("got %s, want a token", got)
	}
}
