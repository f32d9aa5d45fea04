package process

import "golang.org/x/sys/unix"

// pin keeps the process's memory out of the swap space, if there is no limit to how much a process may lock: with one, the
// runtime could get no memory any more when it is reached. Pages are locked as they are used.
func pin() {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit) != nil {
		return
	}
	if limit.Cur != unix.RLIM_INFINITY && limit.Max == unix.RLIM_INFINITY {
		limit.Cur = limit.Max
		_ = unix.Setrlimit(unix.RLIMIT_MEMLOCK, &limit)
	}
	if limit.Cur == unix.RLIM_INFINITY || mayLockAll() {
		_ = unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT)
	}
}

// mayLockAll reports whether this process may lock memory beyond the limit (CAP_IPC_LOCK of capabilities(7)).
func mayLockAll() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	return unix.Capget(&header, &data[0]) == nil && data[0].Effective&(1<<unix.CAP_IPC_LOCK) != 0
}
