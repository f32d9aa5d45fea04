package peer

import (
	"net"
	"os"

	"golang.org/x/sys/windows"
)

// identify returns who is at the other end of c, which must be the connection of a named pipe.
func identify(c net.Conn) (Peer, error) {
	pipe, ok := c.(interface{ Fd() uintptr })
	if !ok {
		return Peer{}, ErrUnsupported
	}
	handle := windows.Handle(pipe.Fd())
	var flags uint32
	if err := windows.GetNamedPipeInfo(handle, &flags, nil, nil, nil); err != nil {
		return Peer{}, os.NewSyscallError("GetNamedPipeInfo", err)
	}
	if flags&windows.PIPE_SERVER_END != 0 {
		return client(handle)
	}
	return server(handle)
}

// client returns who connected to the server's end of a pipe. If its token cannot be read, because it has ended or runs as
// administrator and we do not, the access list has said that it is our user.
func client(pipe windows.Handle) (Peer, error) {
	var pid uint32
	if err := windows.GetNamedPipeClientProcessId(pipe, &pid); err != nil {
		return Peer{}, os.NewSyscallError("GetNamedPipeClientProcessId", err)
	}
	ours, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return Peer{}, os.NewSyscallError("GetTokenInformation", err)
	}
	p := Peer{UID: os.Getuid(), PID: int(pid)}
	if theirs := userOf(pid); theirs != nil {
		p.SID = theirs.String()
		if !theirs.Equals(ours.User.Sid) {
			p.UID = Stranger
		}
	}
	return p, nil
}

// server returns who made the pipe of which we have the client's end: its owner.
func server(pipe windows.Handle) (Peer, error) {
	sd, err := windows.GetSecurityInfo(pipe, windows.SE_KERNEL_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return Peer{}, os.NewSyscallError("GetSecurityInfo", err)
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return Peer{}, os.NewSyscallError("GetSecurityDescriptorOwner", err)
	}
	ours, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return Peer{}, os.NewSyscallError("GetTokenInformation", err)
	}
	p := Peer{UID: Stranger}
	if owner != nil {
		p.SID = owner.String()
		if owner.Equals(ours.User.Sid) {
			p.UID = os.Getuid()
		}
	}
	var pid uint32
	if windows.GetNamedPipeServerProcessId(pipe, &pid) == nil {
		p.PID = int(pid)
	}
	return p, nil
}

// userOf returns the user of a process; nil if that cannot be known.
func userOf(pid uint32) *windows.SID {
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, pid)
	if err != nil {
		return nil
	}
	defer func() { _ = windows.CloseHandle(process) }()
	var token windows.Token
	if windows.OpenProcessToken(process, windows.TOKEN_QUERY, &token) != nil {
		return nil
	}
	defer func() { _ = token.Close() }()
	user, err := token.GetTokenUser()
	if err != nil {
		return nil
	}
	return user.User.Sid
}

func executable(pid int) string {
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return ""
	}
	defer func() { _ = windows.CloseHandle(process) }()
	path := make([]uint16, windows.MAX_LONG_PATH)
	size := uint32(len(path))
	if windows.QueryFullProcessImageName(process, 0, &path[0], &size) != nil {
		return ""
	}
	return windows.UTF16ToString(path[:size])
}
