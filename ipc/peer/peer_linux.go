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
	// The kernel adds this if the file was replaced, by an upgrade for example; it is the same program.
	return strings.TrimSuffix(path, " (deleted)")
}
