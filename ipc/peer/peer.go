// Package peer asks the kernel who is at the other end of a Unix socket.
//
// The uid is a boundary: the kernel records it when the connection is made (seen from a client: when the server begins
// to listen), and it cannot be forged. The pid and the executable are only advice: before anybody looks, the process
// may have ended, and its pid may belong to another one.
package peer

import (
	"errors"
	"fmt"
	"net"
	"sync"
)

// ErrUnsupported is returned by [Of] on a system that does not say who is at the other end.
var ErrUnsupported = errors.New("this system does not say who is at the other end of a socket")

// Peer is the process at the other end of a connection.
type Peer struct {
	UID int
	// PID is 0 if the system does not say, or if the process is in a PID namespace that we cannot see.
	PID int
	// Executable returns the program's path, which is looked up once; "" if the system does not say. It is never nil in
	// a Peer that [Of] returned, and may be called concurrently.
	Executable func() string
}

// Of asks the kernel who is at the other end of c. For the server that is the process that connected, for the client
// the process that called listen. It takes one system call.
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
