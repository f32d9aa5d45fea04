package redirect

import (
	"cmp"
	"crypto/subtle"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// handle answers every request. Only the redirect URI and the result page have a meaning; anything else gets a 404
// without any effect.
func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	s.secure(w.Header())
	path, query, hasQuery := s.split(r)
	switch {
	case path == s.cfg.Path:
		s.handleResponse(w, r, query, hasQuery)
	case r.Method != http.MethodGet || !s.fromUser(r) || !s.isHost(r.Host):
		refuse(w)
	case equal(path, s.resultPath) && !hasQuery:
		s.handleResult(w, r)
	case path == "/favicon.ico":
		w.WriteHeader(http.StatusNoContent) // some browsers ask in spite of the policy, and report a 404
	default:
		refuse(w)
	}
}

// handleResponse takes the authorization response. A browser that comes again with the same state, by reload or back,
// is led to the same page.
func (s *Server) handleResponse(w http.ResponseWriter, r *http.Request, query string, hasQuery bool) {
	encoded, mode := readResponse(r, query, hasQuery)
	response, err := parseResponse(encoded, s.cfg)
	if _, ok := errors.AsType[Mistake](err); ok {
		refuse(w)
		return
	}
	if notice, ok := s.objection(r); ok {
		if notice != "" {
			s.notify(notice)
		}
		refuse(w)
		return
	}
	if err == nil && mode != cmp.Or(s.cfg.ResponseMode, modeQuery) {
		response, err = Response{}, ErrOtherMode
	}
	s.decide(response, err)
	w.Header().Set("Location", s.resultPath)
	w.WriteHeader(http.StatusSeeOther)
}

// objection reports whether a response with the right state must not be taken from r, and what to say about it; "" if
// the person need not know.
func (s *Server) objection(r *http.Request) (Notice, bool) {
	switch {
	case !s.fromUser(r):
		return NoticeOtherUser, true
	case !s.isHost(r.Host):
		return NoticeOtherHost, true
	case isPrefetch(r):
		return "", true
	case !isNavigation(r):
		return NoticeWebPage, true
	}
	return "", false
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

func refuse(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusNotFound)
	_, _ = io.WriteString(w, strings.ToLower(http.StatusText(http.StatusNotFound))+"\n")
}

// equal compares in constant time for texts of equal length.
func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
