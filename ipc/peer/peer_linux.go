package peer

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func credentials(fd int) (uid, pid int, err error) {
	c, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, 0, os.NewSyscallError("getsockopt SO_PEERCRED", err)
	}
	return int(c.Uid), int(c.Pid), nil
}

func executable(pid int) string {
	path, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
	if err != nil {
		return ""
	}
	// The kernel marks a program that was replaced on disk, by an upgrade for instance; it is the same program.
	return strings.TrimSuffix(path, " (deleted)")
}
