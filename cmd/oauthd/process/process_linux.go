package process

import (
	"bytes"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// forbidDump makes the process undumpable, which also keeps others of the same user from tracing it.
func forbidDump() { _ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }

// Own reports whether pid is a process of our user's. The owner of /proc/PID does not say so, because a process
// that cannot be dumped belongs to root there (proc_pid(5)).
func Own(pid int) bool {
	if pid <= 0 {
		return false
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	_, rest, _ := bytes.Cut(status, []byte("\nUid:\t"))
	real, effective := -1, -1
	_, err = fmt.Sscan(string(rest), &real, &effective)
	return err == nil && real == os.Getuid() && effective == os.Geteuid()
}
