//go:build !linux

package peer

import "net"

// evidence is the process and its program; these systems' sessions are not looked into.
func evidence(_ net.Conn, p Peer) (Evidence, error) {
	if p.PID <= 0 {
		return Evidence{}, ErrUnsupported
	}
	return Evidence{Identity: Identity{PID: p.PID, Executable: p.Executable()}}, nil
}

// OtherTerminal is not known here: a person may have one.
func OtherTerminal(int) bool { return true }

// startedAt is of use where evidence is.
func startedAt(net.Conn, int) uint64 { return 0 }
