package redirect

import (
	"errors"
	"net"
	"os"
	"testing"

	"oauthd/ipc/peer"
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
		s := &Server{cfg: Config{PeerUID: os.Getuid()}}
		if s.peerAllowed(tt.client, tt.server) {
			t.Errorf("%s: allowed", tt.name)
		}
		s.cfg.PeerUID = -1
		if !s.peerAllowed(tt.client, tt.server) {
			t.Errorf("%s: not allowed although nobody is checked", tt.name)
		}
	}
}

func TestOwnersOfConnections(t *testing.T) {
	for _, tt := range []struct {
		name  string
		owner int
		err   error
		allow bool
	}{
		{"ours", 1000, nil, true},
		{"root's", 0, nil, true},
		{"another's", 1001, nil, false},
		{"none", -1, peer.ErrNoConnection, false},
		{"a system that does not say", -1, peer.ErrUnsupported, true},
		{"tables that cannot be read", -1, errors.New("no tables"), true},
	} {
		if got := allowed(1000, tt.owner, tt.err); got != tt.allow {
			t.Errorf("%s: got %t, want %t", tt.name, got, tt.allow)
		}
	}
}
