package redirect

import (
	"crypto/subtle"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// handle answers every request. Only two paths exist, and what is not meant for them gets a 404 without any effect.
func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	s.secure(w.Header())
	// The request target as it came, so that no other spelling of a path, and no absolute form, is the path.
	path, query, hasQuery := strings.Cut(r.RequestURI, "?")
	form := s.cfg.ResponseMode == modeFormPost
	switch {
	case !s.peerAllowed(r) || !s.isHost(r.Host):
		refuse(w, http.StatusNotFound)
	case path == s.cfg.Path && form && !hasQuery && isFormPost(r):
		s.handleForm(w, r)
	case r.Method != http.MethodGet:
		refuse(w, http.StatusNotFound)
	case path == s.cfg.Path && !form:
		s.handleResponse(w, query)
	case equal(path, s.resultPath) && !hasQuery:
		s.handleResult(w, r)
	case path == "/favicon.ico":
		w.WriteHeader(http.StatusNoContent) // some browsers ask in spite of the policy, and report a 404
	default:
		refuse(w, http.StatusNotFound)
	}
}

// handleResponse takes the authorization response. A browser that comes again with the same state, by reload or back,
// is led to the same page.
func (s *Server) handleResponse(w http.ResponseWriter, query string) {
	response, err := parseResponse(query, s.cfg)
	if errors.Is(err, ErrTooLong) {
		refuse(w, http.StatusRequestURITooLong)
		return
	}
	if _, ok := errors.AsType[Mistake](err); ok {
		refuse(w, http.StatusNotFound)
		return
	}
	s.decide(response, err)
	w.Header().Set("Location", s.resultPath)
	w.WriteHeader(http.StatusSeeOther)
}

// handleResult shows the outcome as soon as there is one, and until then a page that asks again.
func (s *Server) handleResult(w http.ResponseWriter, r *http.Request) {
	patience := time.NewTimer(resultWait)
	defer patience.Stop()
	select {
	case <-s.finished:
		if writePage(w, s.result) == nil && http.NewResponseController(w).Flush() == nil {
			s.show.Do(func() { close(s.shown) })
		}
	case <-patience.C:
		_ = writePage(w, waitingView().render())
	case <-s.closed:
	case <-r.Context().Done():
	}
}

func writePage(w http.ResponseWriter, page []byte) error {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(page)))
	_, err := w.Write(page)
	return err
}

func refuse(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, strings.ToLower(http.StatusText(status))+"\n")
}

// peerAllowed reports whether the other end of r's connection is of a user that may log in here.
func (s *Server) peerAllowed(r *http.Request) bool {
	if s.cfg.PeerUID < 0 {
		return true
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if local == nil {
		return false
	}
	server, err := netip.ParseAddrPort(local.String())
	if err != nil {
		return false
	}
	client, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	return s.peers.allow(s.cfg.PeerUID, client, server)
}

// isHost reports whether a Host header is the redirect URI's. Browsers leave the scheme's own port out.
func (s *Server) isHost(host string) bool {
	port := ":80"
	if s.cfg.HTTPS {
		port = ":443"
	}
	return host == s.authority || host+port == s.authority
}

// equal compares in constant time for texts of equal length.
func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
