package redirect

import (
	"errors"
	"net"
	"net/http"
	"net/netip"

	"oauthd/ipc/peer"
)

// fromUser reports whether r comes from a user who may log in here.
func (s *Server) fromUser(r *http.Request) bool {
	server, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return s.peerAllowed(r.RemoteAddr, server)
}

// peerAllowed reports whether the other end of a connection, client as IP:port, belongs to a user who may log in here.
func (s *Server) peerAllowed(client string, server net.Addr) bool {
	if s.cfg.PeerUID < 0 {
		return true
	}
	from, err := netip.ParseAddrPort(client)
	if err != nil || server == nil {
		return false
	}
	to, err := netip.ParseAddrPort(server.String())
	if err != nil {
		return false
	}
	owner, err := peer.TCPOwner(from, to)
	return allowed(s.cfg.PeerUID, owner, err)
}

// allowed reports whether the owner of a client's end, as [peer.TCPOwner] returns it, is uid or root. If the system does
// not say whose it is, everybody is; if it has no such connection, nobody.
func allowed(uid, owner int, err error) bool {
	if err != nil {
		return !errors.Is(err, peer.ErrNoConnection)
	}
	return owner == uid || owner == 0
}
