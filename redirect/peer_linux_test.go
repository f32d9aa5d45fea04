package redirect

import (
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// asNobody runs the child that the variable name selects as another user, and returns what it printed.
func asNobody(t *testing.T, name, value string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "redirect")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "program")
	copyFile(t, program, "/proc/self/exe")
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Dir = dir
	cmd.Env = []string{name + "=" + value, "GORACE=atexit_sleep_ms=10"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("program of another user: %v", err)
	}
	return strings.TrimSpace(string(out))
}

func copyFile(t *testing.T, to, from string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOtherUserIsRefused(t *testing.T) {
	require(t, os.Getuid() == 0, "root")
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		t.Run(host, func(t *testing.T) {
			if host == "[::1]" {
				needIPv6(t)
			}
			s, noticed := startNoticing(t, Config{Host: host, PeerUID: os.Getuid()})
			if got := asNobody(t, childURL, good(s)); got != "404" {
				t.Errorf("another user with the right state: got %s, want 404", got)
			}
			if got := asNobody(t, childURL, strings.Replace(good(s), "state=", "state=x", 1)); got != "404" {
				t.Errorf("another user with a wrong state: got %s, want 404", got)
			}
			stillWaits(t, s)
			noticed(NoticeOtherUser)
		})
	}
}

func TestOtherUserCannotMakeABrowserSpeakTLS(t *testing.T) {
	require(t, os.Getuid() == 0, "root")
	s, noticed := startNoticing(t, Config{PeerUID: os.Getuid()})
	if got := asNobody(t, childTLS, s.authority); !strings.Contains(got, "protocol version not supported") {
		t.Errorf("got %q, want the alert", got)
	}
	stillWaits(t, s)
	noticed()
}

func TestOtherUserGetsNoOtherPage(t *testing.T) {
	require(t, os.Getuid() == 0, "root")
	s := start(t, Config{PeerUID: os.Getuid()})
	entrance := s.Entrance(authorizationURL)
	wantNone := func(when string) {
		t.Helper()
		for _, address := range []string{entrance, good(s), s.resultPath, s.latePath, iconPath, "/favicon.ico"} {
			if strings.HasPrefix(address, "/") {
				address = "http://" + s.authority + address
			}
			if got := asNobody(t, childURL, address); got != "404" {
				t.Errorf("%s: got %s, want 404", when, got)
			}
		}
	}
	wantNone("while the login waits")
	if resp, _ := get(t, entrance); resp.Header.Get("Location") != authorizationURL {
		t.Error("another user has used the link up")
	}
	get(t, good(s))
	s.Finish(Page{Success: true})
	wantNone("after its end")
}

func TestAllowedUsers(t *testing.T) {
	require(t, os.Getuid() == 0, "root")
	tests := []struct {
		name    string
		peerUID int
		request func(*testing.T, *Server)
	}{
		{"the named one", 65534, func(t *testing.T, s *Server) { asNobody(t, childURL, good(s)) }},
		{"root", 65534, func(t *testing.T, s *Server) { get(t, good(s)) }},
		{"anybody, when not checked", -1, func(t *testing.T, s *Server) { asNobody(t, childURL, good(s)) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, Config{PeerUID: tt.peerUID})
			tt.request(t, s)
			wantCode(t, s)
		})
	}
}

const (
	tableHead = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	rowRest   = " 00000000:00000000 00:00000000 00000000 "
)

func row(ends, state, uid string) string {
	return "   1: " + ends + " " + state + rowRest + uid + "        0 4242 1 0000000000000000 20 4 30 10 -1\n"
}

func TestPeerTables(t *testing.T) {
	if tableAddr4(netip.MustParseAddrPort("127.0.0.1:1")) != "0100007F:0001" {
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
		allow     bool
		server    string
	}{
		{name: "ours", tcp: row(ends4, "01", "1000"), allow: true},
		{name: "root's", tcp: row(ends4, "01", "0"), allow: true},
		{name: "another's", tcp: row(ends4, "01", "1001")},
		{name: "our own end does not count", tcp: row(ours4, "01", "1000")},
		{
			name: "another's, after ours elsewhere",
			tcp:  row("0100007F:9C41 0100007F:1F90", "01", "1000") + row(ends4, "01", "1001"),
		},
		{name: "closed by another, so uid 0", tcp: row(ends4, "06", "0")},
		{name: "half closed, uid 0", tcp: row(ends4, "05", "0")},
		{name: "mapped, ours", tcp: tableHead, tcp6: row(mapped, "01", "1000"), allow: true},
		{name: "mapped, another's", tcp: tableHead, tcp6: row(mapped, "01", "1001")},
		{
			name: "IPv6, ours", client: "[::1]:40000", server: "[::1]:8080",
			tcp: tableHead, tcp6: row(ends6, "01", "1000"), allow: true,
		},
		{
			name: "IPv6, another's", client: "[::1]:40000", server: "[::1]:8080",
			tcp: tableHead, tcp6: row(ends6, "01", "1001"),
		},
		{
			name: "another's, after ours to elsewhere",
			tcp:  row("0100007F:9C40 0100007F:1F91", "01", "1000") + row(ends4, "01", "1001"),
		},
		{name: "row without uid", tcp: "1: " + ends4 + " 01 0:0 0:0 0\n"},
		{name: "row that ends with the uid", tcp: "1: " + ends4 + " 01 0:0 0:0 0 1000\n", allow: true},
		{name: "table that cannot be read", tcp: strings.Repeat("x", 1<<17), allow: true},
		{name: "IPv6, in no table", client: "[::1]:40000", server: "[::1]:8080", tcp: tableHead, tcp6: tableHead},
		{name: "in no table", tcp: tableHead, tcp6: tableHead},
		{name: "in no table, no IPv6", tcp: tableHead},
		{name: "no tables", allow: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			tables := peerTables{filepath.Join(dir, "tcp"), filepath.Join(dir, "tcp6")}
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
			got := tables.allow(1000, netip.MustParseAddrPort(client), netip.MustParseAddrPort(server))
			if got != tt.allow {
				t.Errorf("got %t, want %t", got, tt.allow)
			}
		})
	}
}
