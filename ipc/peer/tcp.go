package peer

import (
	"errors"
	"net/netip"
)

// ErrNoConnection is returned by [TCPOwner] if this machine has no such connection.
var ErrNoConnection = errors.New("peer: there is no such connection")

// TCPOwner returns the uid of the user whose end of a TCP connection on this machine client is; server is the other end,
// ours. The kernel knows it, so it cannot be forged. The error is [ErrUnsupported] on a system that does not say, and
// [ErrNoConnection] if the client has closed its end, or was never on this machine.
func TCPOwner(client, server netip.AddrPort) (uid int, err error) {
	return tcpOwner(client, server)
}

// ShowsTCPOwner reports whether [TCPOwner] works here.
func ShowsTCPOwner() bool { return procNet().readable() }
