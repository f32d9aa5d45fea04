//go:build unix

package peer

import (
	"net"
	"syscall"
)

// identify returns who is at the other end of c.
func identify(c net.Conn) (p Peer, err error) {
	socket, ok := c.(syscall.Conn)
	if !ok {
		return Peer{}, ErrUnsupported
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return Peer{}, err
	}
	if outer := raw.Control(func(fd uintptr) { p.UID, p.PID, err = credentials(int(fd)) }); outer != nil {
		return Peer{}, outer
	}
	return p, err
}
