package process

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMain is also the process that is pinned.
func TestMain(m *testing.M) {
	if os.Getenv("OAUTHD_TEST_PIN") != "" {
		pin()
		before, err := os.ReadFile("/proc/self/status")
		dropFilePages()
		after, err2 := os.ReadFile("/proc/self/status")
		if err != nil || err2 != nil {
			os.Exit(1)
		}
		_, _ = os.Stdout.Write(before)
		_, _ = os.Stdout.Write(after)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// A process that may lock all its memory does so, but for the file pages that a rest lets go of; one that may lock a little
// locks nothing.
func TestPin(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	kB := func(field string, status []byte) (before, after int) {
		t.Helper()
		m := regexp.MustCompile(field+`:\s+(\d+) kB`).FindAllSubmatch(status, -1)
		if len(m) != 2 {
			t.Fatalf("no %s in %s", field, status)
		}
		before, _ = strconv.Atoi(string(m[0][1]))
		after, _ = strconv.Atoi(string(m[1][1]))
		return before, after
	}
	status := func(argv ...string) []byte {
		t.Helper()
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Env = append(os.Environ(), "OAUTHD_TEST_PIN=1")
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if _, err := exec.LookPath("setpriv"); err == nil && os.Geteuid() == 0 {
		if got, _ := kB("VmLck", status("prlimit", "--memlock=65536:65536", "setpriv", "--bounding-set", "-ipc_lock", "--inh-caps", "-ipc_lock", self)); got != 0 {
			t.Errorf("with a limit: got %d kB locked, want none", got)
		}
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
		t.Fatal(err)
	}
	if !mayLockAll() && limit.Max != unix.RLIM_INFINITY {
		t.Skip("this user may lock a little memory only")
	}
	pinned := status(self)
	if _, after := kB("VmLck", pinned); after == 0 {
		t.Error("nothing is locked")
	}
	if before, after := kB("RssFile", pinned); after >= before {
		t.Errorf("got %d kB of files resident, want less than %d", after, before)
	}
}
