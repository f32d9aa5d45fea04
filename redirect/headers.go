package redirect

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
)

// contentPolicy lets a page apply its own style, show the icon of this server, and nothing else (CSP Level 3).
func contentPolicy() string {
	hash := sha256.Sum256([]byte(pageCSS))
	return "default-src 'none'; img-src 'self'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'; " +
		"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
}

// secure sets the headers of every answer, so that nothing is loaded, framed, stored, sniffed or passed on to the next
// site.
func (s *Server) secure(h http.Header) {
	h.Set("Content-Security-Policy", s.policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}
