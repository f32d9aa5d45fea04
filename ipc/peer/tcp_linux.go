package peer

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// tcpReads is how often the system's tables are read: while sockets come and go, one read may miss a row.
const tcpReads = 3

// tcpTables are the paths of the kernel's tables of TCP sockets.
type tcpTables struct{ tcp, tcp6 string }

func procNet() tcpTables { return tcpTables{"/proc/net/tcp", "/proc/net/tcp6"} }

// tcpOwner is [TCPOwner]. A kernel that does not answer about one connection has its tables read.
func tcpOwner(client, server netip.AddrPort) (uid int, err error) {
	if uid, err = diagOwner(client, server); err == nil {
		return uid, nil
	}
	return procNet().owner(client, server)
}

// readable reports whether the tables are there; without IPv6 there is one.
func (t tcpTables) readable() bool {
	f, err := os.Open(t.tcp)
	if err != nil {
		return false
	}
	return f.Close() == nil
}

// owner is lookup, with patience.
func (t tcpTables) owner(client, server netip.AddrPort) (uid int, err error) {
	err = ErrNoConnection
	for range tcpReads {
		if uid, err = t.lookup(client, server); err == nil {
			return uid, nil
		}
	}
	return -1, err
}

// lookup returns the owner of the client's socket. An IPv4 connection may be in either table, because the client's
// socket may be an IPv6 one with a mapped address.
func (t tcpTables) lookup(client, server netip.AddrPort) (uid int, err error) {
	if !client.Addr().Unmap().Is4() {
		return lookupFile(t.tcp6, client, server, TableAddr6)
	}
	if uid, err = lookupFile(t.tcp, client, server, TableAddr4); err == nil {
		return uid, nil
	}
	if mapped, none := lookupFile(t.tcp6, client, server, TableAddr6); none == nil {
		return mapped, nil
	}
	return uid, err
}

func lookupFile(path string, client, server netip.AddrPort, format func(netip.AddrPort) string) (int, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return lookupTable(f, format(client), format(server))
}

// lookupTable finds the row of the socket at local that is connected to remote, and returns its uid (proc(5)).
func lookupTable(table io.Reader, local, remote string) (int, error) {
	// The row of a socket that its owner has closed shows uid 0, whoever that was; one that waits for an answer is
	// established.
	const established = "01"
	wanted := []byte(": " + local + " " + remote + " " + established + " ")
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		if !bytes.Contains(lines.Bytes(), wanted) { // a busy machine has thousands of rows
			continue
		}
		if f := strings.Fields(lines.Text()); len(f) > 7 { // sl local rem st tx:rx tr:tm retr uid …
			return strconv.Atoi(f[7])
		}
	}
	if err := lines.Err(); err != nil {
		return 0, err
	}
	return 0, ErrNoConnection
}

// TableAddr4 writes a as /proc/net/tcp does: the address as a word in the machine's byte order, and the port.
func TableAddr4(a netip.AddrPort) string {
	ip := a.Addr().Unmap().As4()
	return fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(ip[:]), a.Port())
}

// TableAddr6 writes a as /proc/net/tcp6 does: the address as four words, each in the machine's byte order.
func TableAddr6(a netip.AddrPort) string {
	ip := a.Addr().As16()
	var b strings.Builder
	for i := 0; i < len(ip); i += 4 {
		fmt.Fprintf(&b, "%08X", binary.NativeEndian.Uint32(ip[i:]))
	}
	return fmt.Sprintf("%s:%04X", b.String(), a.Port())
}
