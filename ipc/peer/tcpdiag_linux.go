package peer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// errNoDiag means that the kernel does not say whose one connection is.
var errNoDiag = errors.New("no answer from sock_diag")

const (
	diagRequest  = 16 + 56 // a header (nlmsghdr), and inet_diag_req_v2
	diagAnswer   = 16 + 72 // a header, and inet_diag_msg
	diagByFamily = 20      // SOCK_DIAG_BY_FAMILY
	established  = 1       // TCP_ESTABLISHED
)

// diagOwner asks the kernel for the owner of client's socket that is connected to server (sock_diag(7)). It does so without
// looking at any other connection, of which there may be thousands in the tables of proc(5).
func diagOwner(client, server netip.AddrPort) (uid int, err error) {
	s, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return -1, errNoDiag
	}
	defer unix.Close(s)
	if err := unix.SetsockoptTimeval(s, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1}); err != nil {
		return -1, errNoDiag
	}
	id := diagID(client, server, netip.Addr.Unmap)
	if err := unix.Sendto(s, diagQuestion(client, id), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return -1, errNoDiag
	}
	var answer [4096]byte
	n, from, err := unix.Recvfrom(s, answer[:], 0)
	if kernel, ok := from.(*unix.SockaddrNetlink); err != nil || !ok || kernel.Pid != 0 {
		return -1, errNoDiag
	}
	// An IPv6 socket with a mapped address is found by the IPv4 one, and shown with its own.
	return diagUID(answer[:n], id, diagID(client, server, func(a netip.Addr) netip.Addr { return netip.AddrFrom16(a.As16()) }))
}

// diagID is inet_diag_sockid up to the interface: the ports and the addresses in that form, in network order.
func diagID(client, server netip.AddrPort, form func(netip.Addr) netip.Addr) []byte {
	id := make([]byte, 0, 36)
	id = binary.BigEndian.AppendUint16(id, client.Port())
	id = binary.BigEndian.AppendUint16(id, server.Port())
	for _, a := range []netip.Addr{form(client.Addr()), form(server.Addr())} {
		id = append(id, a.AsSlice()...)
		id = append(id, make([]byte, 16-a.BitLen()/8)...)
	}
	return id
}

func diagQuestion(client netip.AddrPort, id []byte) []byte {
	family := byte(unix.AF_INET6)
	if client.Addr().Unmap().Is4() {
		family = unix.AF_INET
	}
	order := binary.NativeEndian
	q := make([]byte, 0, diagRequest)
	q = order.AppendUint32(q, diagRequest)
	q = order.AppendUint16(q, diagByFamily)
	q = order.AppendUint16(q, unix.NLM_F_REQUEST)
	q = append(q, make([]byte, 8)...) // a number, and whose it is
	q = append(q, family, unix.IPPROTO_TCP, 0, 0)
	q = order.AppendUint32(q, 1<<established)
	q = append(q, id...)
	q = append(q, make([]byte, 4)...)                                // any interface
	return append(q, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff) // no cookie is known
}

// diagUID reads an answer about the connection of one of these ids.
func diagUID(answer []byte, ids ...[]byte) (uid int, err error) {
	order := binary.NativeEndian
	if len(answer) < diagAnswer || order.Uint16(answer[4:]) != diagByFamily {
		return -1, errNoDiag // or an error, such as that there is none
	}
	m := answer[16:]
	if m[1] != established || !slices.ContainsFunc(ids, func(id []byte) bool { return bytes.Equal(m[4:4+len(id)], id) }) {
		return -1, errNoDiag
	}
	return int(order.Uint32(m[64:])), nil
}
