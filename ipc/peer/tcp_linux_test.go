package peer

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const (
	tableHead = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	rowRest   = " 00000000:00000000 00:00000000 00000000 "
)

func row(ends, state, uid string) string {
	return "   1: " + ends + " " + state + rowRest + uid + "        0 4242 1 0000000000000000 20 4 30 10 -1\n"
}

func TestTCPTables(t *testing.T) {
	if TableAddr4(netip.MustParseAddrPort("127.0.0.1:1")) != "0100007F:0001" {
		t.Skip("the tables below come from a little-endian machine")
	}
	const (
		ends4  = "0100007F:9C40 0100007F:1F90"
		ends6  = "00000000000000000000000001000000:9C40 00000000000000000000000001000000:1F90"
		mapped = "0000000000000000FFFF00000100007F:9C40 0000000000000000FFFF00000100007F:1F90"
		ours4  = "0100007F:1F90 0100007F:9C40"
	)
	tests := []struct {
		name      string
		tcp, tcp6 string // "" is a file that is not there
		client    string
		want      string // the uid, or what is wrong
		server    string
	}{
		{name: "ours", tcp: row(ends4, "01", "1000"), want: "1000"},
		{name: "root's", tcp: row(ends4, "01", "0"), want: "0"},
		{name: "another's", tcp: row(ends4, "01", "1001"), want: "1001"},
		{name: "our own end does not count", tcp: row(ours4, "01", "1000"), want: "none"},
		{
			name: "another's, after ours elsewhere",
			tcp:  row("0100007F:9C41 0100007F:1F90", "01", "1000") + row(ends4, "01", "1001"), want: "1001",
		},
		{name: "closed by another, so uid 0", tcp: row(ends4, "06", "0"), want: "none"},
		{name: "half closed, uid 0", tcp: row(ends4, "05", "0"), want: "none"},
		{name: "mapped, ours", tcp: tableHead, tcp6: row(mapped, "01", "1000"), want: "1000"},
		{name: "mapped, another's", tcp: tableHead, tcp6: row(mapped, "01", "1001"), want: "1001"},
		{
			name: "IPv6, ours", client: "[::1]:40000", server: "[::1]:8080",
			tcp: tableHead, tcp6: row(ends6, "01", "1000"), want: "1000",
		},
		{
			name: "IPv6, another's", client: "[::1]:40000", server: "[::1]:8080",
			tcp: tableHead, tcp6: row(ends6, "01", "1001"), want: "1001",
		},
		{
			name: "another's, after ours to elsewhere",
			tcp:  row("0100007F:9C40 0100007F:1F91", "01", "1000") + row(ends4, "01", "1001"), want: "1001",
		},
		{name: "row without uid", tcp: "1: " + ends4 + " 01 0:0 0:0 0\n", want: "none"},
		{name: "row that ends with the uid", tcp: "1: " + ends4 + " 01 0:0 0:0 0 1000\n", want: "1000"},
		{name: "table that cannot be read", tcp: strings.Repeat("x", 1<<17), want: "unknown"},
		{name: "IPv6, in no table", client: "[::1]:40000", server: "[::1]:8080", tcp: tableHead, tcp6: tableHead, want: "none"},
		{name: "in no table", tcp: tableHead, tcp6: tableHead, want: "none"},
		{name: "in no table, no IPv6", tcp: tableHead, want: "none"},
		{name: "no tables", want: "unknown"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			tables := tcpTables{filepath.Join(dir, "tcp"), filepath.Join(dir, "tcp6")}
			for path, text := range map[string]string{tables.tcp: tt.tcp, tables.tcp6: tt.tcp6} {
				if text == "" {
					continue
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			client, server := "127.0.0.1:40000", "127.0.0.1:8080"
			if tt.client != "" {
				client, server = tt.client, tt.server
			}
			uid, err := tables.owner(netip.MustParseAddrPort(client), netip.MustParseAddrPort(server))
			got := strconv.Itoa(uid)
			switch {
			case errors.Is(err, ErrNoConnection):
				got = "none"
			case err != nil:
				got = "unknown"
			}
			if got != tt.want {
				t.Errorf("got %s, %v, want %s", got, err, tt.want)
			}
		})
	}
}

func TestTCPOwner(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	address := func(a net.Addr) netip.AddrPort { return a.(*net.TCPAddr).AddrPort() }
	if uid, err := TCPOwner(address(c.LocalAddr()), address(c.RemoteAddr())); uid != os.Getuid() || err != nil {
		t.Errorf("got uid %d, %v, want %d", uid, err, os.Getuid())
	}
	if !ShowsTCPOwner() {
		t.Error("the tables are there but count as missing")
	}
}
