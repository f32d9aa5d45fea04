package process

import "golang.org/x/sys/unix"

// forbidDump keeps others of the same user from tracing the process (PT_DENY_ATTACH of ptrace(2)).
func forbidDump() { _ = unix.PtraceDenyAttach() }
