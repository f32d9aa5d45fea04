// Package peer tells who is at the other end of a Unix socket, as the kernel names it.
//
// The uid is the boundary: it was taken by the kernel when the connection was made (or, seen from a client, when the
// server began to listen) and cannot be forged. The pid and the executable are advice: a process may end and its pid
// go to another one before anybody looks.
package peer

import (
	"errors"
	"fmt"
	"net"
	"sync"
)

// ErrUnsupported is returned by [Of] where the system does not tell who is at the other end.
var ErrUnsupported = errors.New("peer credentials are not known on this system")

// Peer is the process at the other end of a connection.
type Peer struct {
	UID int
	// PID is 0 where the system does not tell, or where the process lives in a PID namespace we cannot see.
	PID int
	// Executable looks up the program's path at its first call and keeps the answer; "" where the system does not
	// tell. It is never nil in a Peer that [Of] returned, and safe for concurrent use.
	Executable func() string
}

// Of asks the kernel who is at the other end of c. On the server's side that is the process that connected; on the
// client's side it is the process that made the socket listen. It costs one system call.
func Of(c *net.UnixConn) (Peer, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return Peer{}, fmt.Errorf("peer: %w", err)
	}
	var p Peer
	var credErr error
	if err := raw.Control(func(fd uintptr) { p.UID, p.PID, credErr = credentials(int(fd)) }); err != nil {
		return Peer{}, fmt.Errorf("peer: %w", err)
	}
	if credErr != nil {
		return Peer{}, fmt.Errorf("peer: %w", credErr)
	}
	pid := p.PID
	p.Executable = sync.OnceValue(func() string {
		if pid <= 0 {
			return ""
		}
		return executable(pid)
	})
	return p, nil
}
