package redirect

import (
	"net"
	"net/http"
	"net/netip"
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
	return err == nil && s.peers.allow(s.cfg.PeerUID, from, to)
}
