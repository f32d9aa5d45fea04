package peer

import (
	"bytes"
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"
)

func credentials(fd int) (uid, pid int, err error) {
	c, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return 0, 0, os.NewSyscallError("getsockopt LOCAL_PEERCRED", err)
	}
	pid, err = unix.GetsockoptInt(fd, unix.SOL_LOCAL, unix.LOCAL_PEERPID)
	if err != nil {
		// A process that has ended has no pid any more; its uid still counts.
		pid = 0
	}
	return int(c.Uid), pid, nil
}

func executable(pid int) string {
	// kern.procargs2 is argc (32 bits), followed by the path from which the program was started, and the arguments.
	b, err := unix.SysctlRaw("kern.procargs2", pid)
	if err != nil || len(b) < binary.Size(int32(0)) {
		return ""
	}
	path, _, ok := bytes.Cut(b[binary.Size(int32(0)):], []byte{0})
	if !ok {
		return ""
	}
	return string(path)
}
