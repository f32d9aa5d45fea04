package redirect

// Notice says what happened while a login goes on waiting, as a sentence for the person. A response may have been lost,
// and without a word the person would wait for the deadline. It quotes nothing of a request.
type Notice string

// The notices.
const (
	// NoticeTLS means that a browser of this user speaks TLS to an http redirect URI, as it does for a host that once
	// asked for it (RFC 6797) or in an https-only mode. The browser's address bar shows the response, which can be
	// pasted; see [Server.Deliver]. Browsers do not remember https for 127.0.0.1, as they do for localhost.
	NoticeTLS Notice = "the browser insists on https, but the redirect URI is http, so no answer can arrive"
	// NoticeWebPage means that a web page, and not a tab, sent the response, as a provider in a frame does.
	NoticeWebPage Notice = "an answer came from inside a web page instead of a browser tab, so it was not used"
	// NoticeOtherUser means that a program of another user sent the response.
	NoticeOtherUser Notice = "an answer came from a program of another user of this machine, so it was not used"
	// NoticeOtherHost means that the response came to another host or port than the redirect URI's, as through a
	// forwarded port with another number.
	NoticeOtherHost Notice = "an answer came to another address than the redirect URI, so it was not used"
)

// maxNotices is how many notices there are; each is given once.
const maxNotices = 4

// notify has Wait pass n on, unless that has happened before.
func (s *Server) notify(n Notice) {
	s.mu.Lock()
	again := s.notice == nil || s.noticed[n]
	s.noticed[n] = true
	s.mu.Unlock()
	if !again {
		s.notices <- n // has room for each
	}
}

// noticing returns who is told; nil for nobody, and after the end.
func (s *Server) noticing() func(Notice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.notice
}
