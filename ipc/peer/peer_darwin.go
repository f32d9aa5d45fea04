package peer

import (
	"os"
	"syscall"
	"unsafe"

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

// What proc_info(2) wants to hear, from the sources of xnu (bsd/sys/proc_info.h).
const (
	callPIDInfo = 2
	pidPathInfo = 11
	maxPidPath  = 4 << 10 // bytes
)

// executable asks for the path as the kernel knows it: the one among the arguments of a process (kern.procargs2) is in its
// own memory, where it can write another.
func executable(pid int) string {
	path := make([]byte, maxPidPath)
	_, _, errno := syscall.Syscall6(syscall.SYS_PROC_INFO, callPIDInfo, uintptr(pid), pidPathInfo, 0, uintptr(unsafe.Pointer(&path[0])), maxPidPath)
	if errno != 0 {
		return ""
	}
	return unix.ByteSliceToString(path)
}
