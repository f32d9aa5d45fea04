package files

import (
	"os"
	"strconv"
)

// knowsCallers says that the system names the program that asks.
const knowsCallers = true

// sameView reports whether a process sees the same file system as we do (mount_namespaces(7)).
func sameView(pid int) bool {
	ours, err := os.Readlink("/proc/self/ns/mnt")
	if err != nil {
		return false
	}
	theirs, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/ns/mnt")
	return err == nil && ours == theirs
}
