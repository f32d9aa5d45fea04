package peer

import (
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// as runs do with the file-system uid of another user, which is that of the sockets that do makes, if this one is root.
func as(t *testing.T, uid int, do func()) (got int) {
	t.Helper()
	if os.Getuid() != 0 {
		do()
		return os.Getuid()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if _, err := unix.SetfsuidRetUid(uid); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = unix.SetfsuidRetUid(0) }()
	do()
	return uid
}

// mapped connects an IPv6 socket to an IPv4 address.
func mapped(t *testing.T, to netip.AddrPort) (client netip.AddrPort, end func()) {
	t.Helper()
	s, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Skipf("needs IPv6: %v", err)
	}
	if err := unix.Connect(s, &unix.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16()}); err != nil {
		t.Fatal(err)
	}
	from, err := unix.Getsockname(s)
	if err != nil {
		t.Fatal(err)
	}
	at := from.(*unix.SockaddrInet6)
	return netip.AddrPortFrom(netip.AddrFrom16(at.Addr), uint16(at.Port)), func() { _ = unix.Close(s) }
}

func TestDiagOwner(t *testing.T) {
	address := func(a net.Addr) netip.AddrPort { return a.(*net.TCPAddr).AddrPort() }
	for _, test := range []struct{ name, network, at string }{
		{"IPv4", "tcp4", "127.0.0.1:0"}, {"IPv6", "tcp6", "[::1]:0"}, {"mapped", "", "127.0.0.1:0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, err := net.Listen("tcp", test.at)
			if err != nil {
				t.Skipf("needs %s: %v", test.name, err)
			}
			defer l.Close()
			server := address(l.Addr())
			var client netip.AddrPort
			var end func()
			uid := as(t, 4711, func() {
				if test.network == "" {
					client, end = mapped(t, server)
					return
				}
				c, err := net.Dial(test.network, l.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				client, end = address(c.LocalAddr()), func() { _ = c.Close() }
			})
			if got, err := diagOwner(client, server); got != uid || err != nil {
				t.Errorf("got uid %d, %v, want %d", got, err, uid)
			}
			if got, err := procNet().owner(client, server); got != uid || err != nil {
				t.Errorf("the tables: got uid %d, %v, want %d", got, err, uid)
			}
			if got, err := diagOwner(server, client); err == nil && got == 4711 {
				t.Errorf("our own end: got uid %d", got)
			}
			other := netip.AddrPortFrom(client.Addr(), client.Port()^1)
			if got, err := diagOwner(other, server); err == nil {
				t.Errorf("another port: got uid %d, want an error", got)
			}
			end()
			if got, err := diagOwner(client, server); err == nil {
				t.Errorf("closed by the client: got uid %d, want an error", got)
			}
		})
	}
}

// An answer about another connection, or half of one, is none.
func TestDiagUID(t *testing.T) {
	client, server := netip.MustParseAddrPort("127.0.0.1:40000"), netip.MustParseAddrPort("127.0.0.1:8080")
	id := diagID(client, server, netip.Addr.Unmap)
	answer := make([]byte, diagAnswer)
	answer[4] = diagByFamily // in little-endian order, as below
	answer[16+1] = established
	copy(answer[20:], id)
	answer[16+64], answer[16+65] = 0xe8, 3
	if _, little := diagUID(answer, id); little != nil {
		t.Skip("this machine is big-endian")
	}
	if uid, err := diagUID(answer, id); uid != 1000 || err != nil {
		t.Errorf("got %d, %v, want 1000", uid, err)
	}
	for name, change := range map[string]func(a []byte) []byte{
		"an error":           func(a []byte) []byte { a[4] = unix.NLMSG_ERROR; return a },
		"short":              func(a []byte) []byte { return a[:len(a)-1] },
		"nothing":            func([]byte) []byte { return nil },
		"closing":            func(a []byte) []byte { a[17] = 6; return a },
		"another connection": func(a []byte) []byte { a[21]++; return a },
	} {
		if uid, err := diagUID(change(append([]byte(nil), answer...)), id); err == nil {
			t.Errorf("%s: got uid %d, want an error", name, uid)
		}
	}
}
