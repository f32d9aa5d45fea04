package redirect

import (
	"net"
	"os"
	"testing"
)

func TestPeersWithoutAnAddress(t *testing.T) {
	address := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}
	for _, tt := range []struct {
		name   string
		client string
		server net.Addr
	}{
		{"no server", address.String(), nil},
		{"no client", "", address},
		{"server of another kind", address.String(), &net.UnixAddr{Name: "x"}},
	} {
		s := &Server{cfg: Config{PeerUID: os.Getuid()}, peers: procNet()}
		if s.peerAllowed(tt.client, tt.server) {
			t.Errorf("%s: allowed", tt.name)
		}
		s.cfg.PeerUID = -1
		if !s.peerAllowed(tt.client, tt.server) {
			t.Errorf("%s: not allowed although nobody is checked", tt.name)
		}
	}
}
