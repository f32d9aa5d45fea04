package storetest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// Need ends the test unless all programs are installed: as skipped, or as failed if OAUTHD_TEST_REQUIRE is set.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err == nil {
			continue
		}
		if os.Getenv("OAUTHD_TEST_REQUIRE") != "" {
			t.Fatalf("%s is not installed, and OAUTHD_TEST_REQUIRE is set", program)
		}
		t.Skipf("%s is not installed", program)
	}
}

// StartBus starts a session bus that belongs to the test and returns its address. The bus starts no services by itself.
// On macOS and Windows StartBus skips the test: there the keychain is the person's own, whatever the bus.
func StartBus(t testing.TB) (address string) {
	t.Helper()
	return startBus(t, shortDir(t)).address
}

type bus struct {
	address string
	kill    func() // returns when the bus is gone
}

const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>`

func startBus(t testing.TB, dir string) bus {
	t.Helper()
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		t.Skip("the keychain of this system is not reached over a bus")
	}
	Need(t, "dbus-daemon")
	config := filepath.Join(dir, "bus.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, busConfig, filepath.Join(dir, "private-bus")), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("dbus-daemon", "--config-file="+config, "--nofork", "--nopidfile", "--print-address=1")
	cmd.Env = homeEnv(dir)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	kill := startProcess(t, cmd)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("dbus-daemon: got no address: %v", err)
	}
	return bus{strings.TrimSpace(line), kill}
}

// connect returns a connection of the test's own to the bus at address.
func connect(t testing.TB, address string, options ...dbus.ConnOption) *dbus.Conn {
	t.Helper()
	conn, err := dbus.Connect(address, options...)
	if err != nil {
		t.Fatalf("connect to the private bus: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// startProcess starts cmd and returns what ends it, by its own pid, and waits; the end of the test does so too.
func startProcess(t testing.TB, cmd *exec.Cmd) (kill func()) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = cmd.Process.Wait() // not cmd.Wait, which would close a pipe that is still being read
	}()
	kill = func() {
		_ = cmd.Process.Kill()
		<-gone
	}
	t.Cleanup(kill)
	return kill
}

// shortDir is a directory whose name leaves room for a socket's: t.TempDir is too long for one.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "o")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Mkdir(filepath.Join(dir, "home"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func homeEnv(dir string) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(dir, "home"), "XDG_RUNTIME_DIR=" + dir}
}

// sessionEnv returns the environment of a desktop session in dir. It shares only PATH with the test's own session.
func sessionEnv(dir, address string) []string {
	return append(homeEnv(dir),
		"DBUS_SESSION_BUS_ADDRESS="+address,
		"GORACE=atexit_sleep_ms=10", // a child built with -race sleeps 1 s at exit otherwise
	)
}
