package redirect

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oauthd/ipc/peer"
)

func TestTakenPortNamesItsHolder(t *testing.T) {
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	us := fmt.Sprintf(" is taken by %s (pid %d)", strings.TrimSpace(string(comm)), os.Getpid())
	first, second := taken(t), taken(t)
	tests := []struct {
		name string
		cfg  Config
		want string
	}{
		{"one port", Config{Ports: []int{first}}, fmt.Sprintf("redirect: port %d%s", first, us)},
		{"both families", Config{Host: "localhost", Ports: []int{first}}, fmt.Sprintf("redirect: port %d%s", first, us)},
		{
			"list", Config{Ports: []int{first, second}},
			fmt.Sprintf("redirect: port %d%s; port %d%s", first, us, second, us),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.State = testState
			_, err := new(Servers).Listen(t.Context(), tt.cfg)
			if !errors.Is(err, ErrPortUnavailable) || err.Error() != tt.want {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	t.Run("all addresses of both families", func(t *testing.T) {
		needIPv6(t)
		l, err := net.Listen("tcp", ":0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		port := l.Addr().(*net.TCPAddr).Port
		for _, host := range []string{"127.0.0.1", "[::1]"} {
			_, err = new(Servers).Listen(t.Context(), Config{State: testState, Host: host, Ports: []int{port}})
			if err == nil || err.Error() != fmt.Sprintf("redirect: port %d%s", port, us) {
				t.Errorf("%s: got %v, want our own name", host, err)
			}
		}
	})
}

func TestPortOfAnotherUserNamesTheUser(t *testing.T) {
	require(t, os.Getuid() == 0, "root")
	port := taken(t)
	got := asNobody(t, childPort, fmt.Sprint(port))
	if want := fmt.Sprintf("redirect: port %d is taken by a process of uid 0", port); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHolder(t *testing.T) {
	if peer.TableAddr4(netip.MustParseAddrPort("127.0.0.1:1")) != "0100007F:0001" {
		t.Skip("the tables below come from a little-endian machine")
	}
	const (
		here4  = "0100007F:1F90 00000000:0000"
		any4   = "00000000:1F90 00000000:0000"
		here6  = "00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000"
		any6   = "00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000"
		lan4   = "0200A8C0:1F90 00000000:0000"
		other4 = "0100007F:1F91 00000000:0000"
		out4   = "0100007F:1F90 0100007F:0050" // a connection from this port
		nginx  = "nginx (pid 123)"
	)
	inode := func(row, inode string) string { return strings.Replace(row, " 4242 ", " "+inode+" ", 1) }
	tests := []struct {
		name      string
		tcp, tcp6 string
		address   string
		comm      string
		want      string
	}{
		{name: "listener", tcp: row(here4, "0A", "33"), want: nginx},
		{name: "listener on all addresses", tcp: row(any4, "0A", "33"), want: nginx},
		{name: "listener on both families", tcp6: row(any6, "0A", "33"), want: nginx},
		{name: "IPv6", tcp6: row(here6, "0A", "33"), address: "[::1]:8080", want: nginx},
		{name: "IPv6 is not in the way of IPv4", tcp6: row(here6, "0A", "33")},
		{name: "IPv4 is not in the way of IPv6", tcp: row(any4, "0A", "33"), address: "[::1]:8080"},
		{name: "another address", tcp: row(lan4, "0A", "33")},
		{name: "another port", tcp: row(other4, "0A", "33")},
		{name: "a connection from the port", tcp: row(out4, "01", "33"), want: nginx},
		{name: "gone", tcp: inode(row(out4, "06", "0"), "0")},
		{
			name: "listener before connections", want: nginx,
			tcp: inode(row(out4, "01", "0"), "7") + row(here4, "0A", "33"),
		},
		{
			name: "connections after a listener", want: nginx,
			tcp: row(here4, "0A", "33") + inode(row(out4, "01", "0"), "7"),
		},
		{name: "two listeners", tcp: row(here4, "0A", "33"), tcp6: inode(row(any6, "0A", "34"), "7"), want: nginx},
		{name: "two connections", tcp: row(out4, "01", "33") + inode(row(out4, "01", "34"), "7"), want: nginx},
		{name: "of somebody else", tcp: inode(row(here4, "0A", "33"), "7"), want: "a process of uid 33"},
		{name: "name with escapes", tcp: row(here4, "0A", "33"), comm: "\x1b[2Jx\n", want: "[2Jx (pid 123)"},
		{name: "no name", tcp: row(here4, "0A", "33"), comm: "\n", want: "pid 123"},
		{name: "short row", tcp: "1: " + here4 + " 0A\n"},
		{name: "row without inode", tcp: "1: " + here4 + " 0A" + rowRest + "33 0\n"},
		{name: "row that ends with the inode", tcp: "1: " + here4 + " 0A" + rowRest + "33 0 4242\n", want: nginx},
		{name: "no tables"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.comm == "" {
				tt.comm = "nginx\n"
			}
			if tt.address == "" {
				tt.address = "127.0.0.1:8080"
			}
			root := t.TempDir()
			for path, text := range map[string]string{
				"net/tcp": tt.tcp, "net/tcp6": tt.tcp6, "123/comm": tt.comm, "1000/comm": "worker\n", "self/comm": "x\n",
			} {
				if text == "" {
					continue
				}
				if strings.HasPrefix(path, "net/") {
					text = tableHead + text
				}
				path = filepath.Join(root, path)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, pid := range []string{"123", "1000"} { // a parent and its worker share the socket
				fd := filepath.Join(root, pid, "fd")
				if err := os.Mkdir(fd, 0o700); err != nil {
					t.Fatal(err)
				}
				for name, to := range map[string]string{"0": "/dev/null", "3": "socket:[4242]", "4": "socket:[42]"} {
					if err := os.Symlink(to, filepath.Join(fd, name)); err != nil {
						t.Fatal(err)
					}
				}
			}
			if got := procRoot(root).holder(netip.MustParseAddrPort(tt.address)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

const (
	tableHead = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	rowRest   = " 00000000:00000000 00:00000000 00000000 "
)

// row is a row of the tables of TCP sockets (proc(5)).
func row(ends, state, uid string) string {
	return "   1: " + ends + " " + state + rowRest + uid + "        0 4242 1 0000000000000000 20 4 30 10 -1\n"
}
