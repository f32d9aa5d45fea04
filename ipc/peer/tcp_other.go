//go:build !linux

package peer

import "net/netip"

// tcpTables is empty: the system does not show who is at the other end of a TCP connection.
type tcpTables struct{}

func procNet() tcpTables { return tcpTables{} }

func tcpOwner(_, _ netip.AddrPort) (uid int, err error) { return -1, ErrUnsupported }

func (tcpTables) readable() bool { return false }
