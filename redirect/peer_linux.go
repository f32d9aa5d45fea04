package redirect

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// peerTables are the paths of the kernel's tables of TCP sockets.
type peerTables struct{ tcp, tcp6 string }

func procNet() peerTables { return peerTables{"/proc/net/tcp", "/proc/net/tcp6"} }

var errNoPeer = errors.New("no such connection")

// peerReads is how often the tables are read: while sockets come and go, one read may miss a row.
const peerReads = 3

// allow reports whether the client's end of a connection belongs to uid or root. If the tables cannot be read it
// returns true; if they can and the connection is in neither, false.
func (t peerTables) allow(uid int, client, server netip.AddrPort) bool {
	err := errNoPeer
	for range peerReads {
		var owner int
		if owner, err = t.lookup(client, server); err == nil {
			return owner == uid || owner == 0
		}
	}
	return !errors.Is(err, errNoPeer)
}

// lookup returns the owner of the client's socket. An IPv4 connection may be in either table, because the client's
// socket may be an IPv6 one with a mapped address.
func (t peerTables) lookup(client, server netip.AddrPort) (int, error) {
	uid, err6 := lookupFile(t.tcp6, client, server, tableAddr6)
	if err6 == nil || !client.Addr().Unmap().Is4() {
		return uid, err6
	}
	return lookupFile(t.tcp, client, server, tableAddr4)
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
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		f := strings.Fields(lines.Text()) // sl local rem st tx:rx tr:tm retr uid …
		if len(f) > 7 && f[1] == local && f[2] == remote && f[3] == established {
			return strconv.Atoi(f[7])
		}
	}
	if err := lines.Err(); err != nil {
		return 0, err
	}
	return 0, errNoPeer
}

// tableAddr4 writes a as /proc/net/tcp does: the address as a word in the machine's byte order, and the port.
func tableAddr4(a netip.AddrPort) string {
	ip := a.Addr().Unmap().As4()
	return fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(ip[:]), a.Port())
}

// tableAddr6 writes a as /proc/net/tcp6 does: the address as four words, each in the machine's byte order.
func tableAddr6(a netip.AddrPort) string {
	ip := a.Addr().As16()
	var b strings.Builder
	for i := 0; i < len(ip); i += 4 {
		fmt.Fprintf(&b, "%08X", binary.NativeEndian.Uint32(ip[i:]))
	}
	return fmt.Sprintf("%s:%04X", b.String(), a.Port())
}
