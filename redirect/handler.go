package redirect

import (
	"cmp"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// visit is one request, read as far as its answer needs.
type visit struct {
	w           http.ResponseWriter
	r           *http.Request
	path, query string // of the request target, as they came
	hasQuery    bool
	// response reads the parameters of an authorization response, once.
	response func() (encoded, mode string)
}

// handle answers every request. Only the redirect URI and the pages of the login have a meaning, and those of the logins
// that had the port before; anything else gets a 404 without any effect.
func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	s.secure(w.Header())
	v := visit{w: w, r: r}
	v.path, v.query, v.hasQuery = s.split(r)
	v.response = sync.OnceValues(func() (string, string) { return readResponse(r, v.query, v.hasQuery) })
	for login := s; login != nil && !isClosed(login.closed); login = login.before.Load() {
		if login.serve(v) {
			return
		}
	}
	refuse(w)
}

// serve answers a request that is for this login, and reports whether it was.
func (s *Server) serve(v visit) bool {
	switch {
	case v.path == s.cfg.Path:
		return s.serveResponse(v)
	case v.r.Method != http.MethodGet || v.hasQuery || !s.fromUser(v.r) || !s.isHost(v.r.Host):
		return false
	case equal(v.path, s.resultPath):
		s.showOutcome(v, arrivesFirst)
	case equal(v.path, s.latePath):
		s.showOutcome(v, arrivesLate)
	case equal(v.path, s.entrance.path):
		return s.serveEntrance(v)
	case v.path == iconPath || v.path == "/favicon.ico": // some browsers ask for the latter whatever a page says
		return serveIcon(v)
	default:
		return false
	}
	return true
}

// serveResponse takes the authorization response.
func (s *Server) serveResponse(v visit) bool {
	encoded, mode := v.response()
	response, err := parseResponse(encoded, s.cfg)
	if _, ok := errors.AsType[Mistake](err); ok {
		return false
	}
	if notice, ok := s.objection(v.r); ok {
		if notice != "" {
			s.notify(notice)
		}
		refuse(v.w)
		return true
	}
	stays(v.r)
	if err == nil && mode != cmp.Or(s.cfg.ResponseMode, modeQuery) {
		response, err = Response{}, ErrOtherMode
	}
	v.w.Header().Set("Location", s.take(response, err))
	v.w.WriteHeader(http.StatusSeeOther)
	return true
}

// take has a response decide the login if it is the first, and returns where the browser goes that brought it. One that
// comes again with the same response, by reload or back, is led to the same page.
func (s *Server) take(response Response, err error) (path string) {
	if !s.isAnswered() && s.isFinished() {
		return s.latePath
	}
	if s.decide(response, err) {
		return s.resultPath
	}
	if response.Code() == s.response.Code() && fmt.Sprint(err) == fmt.Sprint(s.err) {
		return s.resultPath
	}
	return s.latePath
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

func (s *Server) isAnswered() bool { return isClosed(s.answered) }
func (s *Server) isFinished() bool { return isClosed(s.finished) }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// showOutcome shows the outcome as soon as there is one. A browser that comes before gets a page that asks again, and
// keeps it on the screen while it does.
func (s *Server) showOutcome(v visit, how arrival) {
	stays(v.r)
	patience := time.NewTimer(s.patience())
	defer patience.Stop()
	select {
	case <-s.finished:
		if how == arrivesFirst && s.seen.Swap(true) {
			how = arrivesAgain
		}
		arrived := writePage(v.w, s.outcome.view().as(how).render()) == nil && http.NewResponseController(v.w).Flush() == nil
		switch {
		case arrived && (how == arrivesFirst || how == arrivesAgain):
			s.show.Do(func() { close(s.shown) })
		case how == arrivesFirst:
			s.seen.Store(false)
		}
	case <-patience.C:
		_ = writePage(v.w, waitingView().render())
	case <-s.closed:
	case <-v.r.Context().Done():
	}
}

// patience is how long a browser that asks for the outcome is left without an answer.
func (s *Server) patience() time.Duration {
	if s.asked.Swap(true) {
		return resultWait
	}
	return firstWait
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
