package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/keystore/storetest"
)

// conformanceScenarios is how many scenarios of clients that log in the suite has, so that none gets lost.
const conformanceScenarios = 22

// conformanceSuite returns a Node that is new enough, and the suite's program.
func conformanceSuite(t *testing.T) (node, suite string) {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	modules := filepath.Join(cache, "oauthd-tests", "conformance", "node_modules")
	node = filepath.Join(modules, ".bin", "node")
	suite = filepath.Join(modules, "@modelcontextprotocol", "conformance", "dist", "index.js")
	for _, file := range []string{node, suite} {
		_, err := os.Stat(file)
		if err != nil && os.Getenv("OAUTHD_TEST_REQUIRE") != "" {
			t.Fatalf("%v, and OAUTHD_TEST_REQUIRE is set; .ci/run installs it", err)
		}
		if err != nil {
			t.Skipf("MCP's conformance suite is not installed; .ci/run does it: %v", err)
		}
	}
	return node, suite
}

// TestConformance runs the scenarios of MCP's own suite for clients that log in. In each, a client made with the SDK uses
// the suite's server through oauthd mcp, which has never heard of that server.
func TestConformance(t *testing.T) {
	node, suite := conformanceSuite(t)
	list, err := exec.CommandContext(t.Context(), node, suite, "list", "--client").Output()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(list)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "- auth/"); ok {
			name, _, _ = strings.Cut(name, " ")
			names = append(names, "auth/"+name)
		}
	}
	if len(names) != conformanceScenarios {
		t.Errorf("got %d scenarios, want %d: %q", len(names), conformanceScenarios, names)
	}
	for _, name := range names {
		t.Run(strings.TrimPrefix(name, "auth/"), func(t *testing.T) {
			t.Parallel()
			runConformance(t, name, node, suite)
		})
	}
}

// runConformance has the suite run one scenario. A person sits at the desktop, and agrees to what the daemon asks.
func runConformance(t *testing.T, name, node, suite string) {
	s := newSeat(t, oauthtest.Config{})
	address := storetest.StartBus(t)
	b := newBoard(t, address, "DISPLAY=:7", "BROWSER=agent allow %s")
	s.env = append(s.env, "DBUS_SESSION_BUS_ADDRESS="+address, "BROWSER=agent allow %s")
	over, stop := context.WithCancel(t.Context())
	asked := make(chan int, 1)
	go func() {
		questions := 0
		for {
			select {
			case n := <-b.shown:
				questions++
				_ = b.conn.Emit(boardPath, "org.freedesktop.Notifications.ActionInvoked", n.id, n.actions[0])
			case <-over.Done():
				asked <- questions
				return
			}
		}
	}()
	cmd := exec.CommandContext(t.Context(), node, suite, "client", "--command", "mcp-client", "--scenario", name, "--timeout", "60000")
	cmd.Dir, cmd.Env = s.dir, s.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a shell and the client are in it too
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	output, err := cmd.CombinedOutput()
	stop()
	questions := <-asked
	if err != nil {
		t.Errorf("%v\n%s", err, output)
	}
	want := 0
	if name == "auth/scope-step-up" {
		want = 1
	}
	if questions != want {
		t.Errorf("the daemon asked %d questions, want %d", questions, want)
	}
}
