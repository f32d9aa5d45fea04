// Package peer asks the kernel who is at the other end of a Unix socket, a named pipe of Windows, or a TCP connection on
// this machine.
//
// The uid is a boundary: the kernel records it when the connection is made (seen from a client: when the server begins
// to listen), and it cannot be forged. On Windows the boundary is the pipe itself: its access list admits clients of its
// own user alone, and its owner is the server's user. The pid and the executable are only advice: before anybody looks, the process
// may have ended, and its pid may belong to another one.
package peer

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
)

// ErrUnsupported is returned by [Of] on a system that does not say who is at the other end.
var ErrUnsupported = errors.New("this system does not say who is at the other end of a socket")

// Peer is the process at the other end of a connection.
type Peer struct {
	// UID is the process's user. Windows has no uids: there it is -1, as os.Getuid says, if the user is ours, and
	// [Stranger] if not.
	UID int
	// SID is the process's user on Windows; "" if only the pipe's access list says that it is ours.
	SID string
	// PID is 0 if the system does not say, or if the process is in a PID namespace that we cannot see.
	PID int
	// Executable returns the program's path, which is looked up once; "" if the system does not say. It is never nil in
	// a Peer that [Of] returned, and may be called concurrently.
	Executable func() string
	// Evidence returns what else the system says of the process, which is read once, at the first call, while the
	// connection is open. The error says that the process has ended, or that the system says nothing. It is never nil in a
	// Peer that [Of] returned, and may be called concurrently.
	Evidence func() (Evidence, error)

	start uint64 // see startedAt
}

// Stranger is the UID of another user on Windows.
const Stranger = -2

// User returns what to call the process's user in a message.
func (p Peer) User() string {
	if p.SID != "" {
		return p.SID
	}
	return "uid " + strconv.Itoa(p.UID)
}

// Of asks the kernel who is at the other end of c, a Unix socket's or a named pipe's connection. For the server that is
// the process that connected, for the client the process that listens. On Unix it takes one system call.
func Of(c net.Conn) (Peer, error) {
	p, err := identify(c)
	if err != nil {
		return Peer{}, fmt.Errorf("peer: %w", err)
	}
	pid := p.PID
	p.Executable = sync.OnceValue(func() string {
		if pid <= 0 {
			return ""
		}
		return executable(pid)
	})
	p.start = startedAt(c, pid)
	known := p
	p.Evidence = sync.OnceValues(func() (Evidence, error) { return evidence(c, known) })
	return p, nil
}
