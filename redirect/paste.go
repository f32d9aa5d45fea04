package redirect

import (
	"cmp"
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"unicode"
)

// ErrAnswered is what [Server.Deliver] returns if another response, by browser or by hand, has already decided the
// login.
var ErrAnswered = errors.New("redirect: the login has its response already")

// Mistake says what is wrong with a text passed to [Server.Deliver], as the end of a sentence for the person who pasted
// it. It quotes nothing of the text. The login goes on waiting.
type Mistake string

// The mistakes, to be compared with [errors.Is].
const (
	ErrNoResponse       Mistake = "there is no code in it"
	ErrNoState          Mistake = "the state is missing: the whole address is needed"
	ErrNoIssuer         Mistake = "it does not say who answered (iss): the whole address is needed"
	ErrWrongState       Mistake = "it belongs to another login, or its end is cut off"
	ErrAuthorizationURL Mistake = "it is the address where the login starts, not the one where the browser ends"
	ErrWrongAddress     Mistake = "it is not the address that the browser was sent back to"
	ErrMalformed        Mistake = "it cannot be read: a part is damaged or there twice"
	ErrTooLong          Mistake = "it is longer than any response"
)

// Error returns the words for the person.
func (m Mistake) Error() string { return string(m) }

// Deliver takes the authorization response that a person copied from the browser's address bar because the browser
// could not reach the server: the redirect URI with its query, with any spelling of a loopback host, with or without
// the scheme; the query alone; or the code and the state with a blank between them. Blanks, quotes and angle brackets
// around it, and the line breaks that terminals make within it, do not matter.
//
// It is judged like a response that comes over HTTP and competes with those: the first one decides. If the error is
// nil, the login has its response, a code or an error, which [Server.Wait] returns, and [Server.Finish] waits for no
// browser. The error is a [Mistake] if the text is not this login's response, and nothing changes; otherwise it is
// [ErrAnswered] or [ErrClosed].
func (s *Server) Deliver(pasted string) error {
	params, err := parsePasted(pasted, s.cfg.Path)
	if err != nil {
		return err
	}
	response, err := judge(params, s.cfg)
	if mistake, ok := asMistake(err, params); ok {
		return mistake
	}
	switch {
	case s.isAnswered():
		return ErrAnswered
	case s.isFinished(), isClosed(s.closed):
		return ErrClosed
	}
	if !s.decide(response, err) {
		return ErrAnswered
	}
	s.show.Do(func() { close(s.shown) })
	return nil
}

// asMistake returns the Mistake that err is or means. What ends a login if the provider sends it is a mistake here: the
// person did not copy all of it, or copied some of it twice.
func asMistake(err error, params url.Values) (Mistake, bool) {
	switch mistake, ok := errors.AsType[Mistake](err); {
	case ok:
		return mistake, true
	case errors.Is(err, ErrNoCode):
		return ErrNoResponse, true
	case errors.Is(err, ErrRepeated), errors.Is(err, ErrDamaged):
		return ErrMalformed, true
	case errors.Is(err, ErrOversized):
		return ErrTooLong, true
	case errors.Is(err, ErrIssuerMismatch) && params.Get("iss") == "":
		return ErrNoIssuer, true
	}
	return "", false
}

// parsePasted returns the parameters in a pasted text, if it can be a response to the redirect URI with this path.
func parsePasted(text, path string) (url.Values, error) {
	if len(text) > maxQuery {
		return nil, ErrTooLong
	}
	fields := strings.FieldsFunc(strings.TrimFunc(text, isWrapping), isBlank)
	bare := !strings.Contains(text, "://") && !hasParameter(text, strings.Contains)
	switch {
	case bare && len(fields) == 1 && !strings.ContainsAny(fields[0], "?=&"):
		return nil, ErrNoState
	case bare && len(fields) == 2:
		return url.Values{"code": {unescape(fields[0])}, "state": {unescape(fields[1])}}, nil
	}
	separator := ""
	if everyParameter(fields) {
		separator = "&"
	}
	address, query := splitPasted(strings.Join(fields, separator))
	params, err := parseParameters(query)
	if err != nil {
		return nil, ErrMalformed
	}
	if isAuthorizationRequest(params) {
		return nil, ErrAuthorizationURL
	}
	if address != "" && !isRedirectURI(address, path) {
		return nil, ErrWrongAddress
	}
	return params, nil
}

// splitPasted cuts a text into the address, "" if there is none, and the query.
func splitPasted(text string) (address, query string) {
	text, _, _ = strings.Cut(text, "#")
	address, query, found := strings.Cut(text, "?")
	if scheme, _, ok := strings.Cut(address, "://"); ok && !strings.ContainsAny(scheme, "=&") {
		return address, query
	}
	if !found || strings.ContainsAny(address, "=&") {
		return "", text
	}
	return address, query
}

// isRedirectURI reports whether address, which has no query, is a loopback redirect URI with this path. Its port
// does not matter: the state tells logins apart, and with a better message.
func isRedirectURI(address, path string) bool {
	switch {
	case strings.HasPrefix(address, "/"):
		return address == path
	case !strings.Contains(address, "://"):
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	if cmp.Or(u.EscapedPath(), "/") != path {
		return false
	}
	if strings.EqualFold(strings.TrimSuffix(u.Hostname(), "."), "localhost") {
		return true
	}
	ip, _ := netip.ParseAddr(u.Hostname())
	return ip.Unmap().IsLoopback()
}

// isAuthorizationRequest reports whether params belong to a request (RFC 6749 §4.1.1, RFC 9126 §4), not to a response.
func isAuthorizationRequest(params url.Values) bool {
	if params.Has("code") || params.Has("error") {
		return false
	}
	return params.Has("client_id") || params.Has("response_type") || params.Has("request_uri")
}

// hasParameter reports whether test, which is like strings.Contains, finds a parameter of a response in text.
func hasParameter(text string, test func(text, parameter string) bool) bool {
	for _, parameter := range []string{"code=", "state=", "error=", "iss="} {
		if test(text, parameter) {
			return true
		}
	}
	return false
}

// everyParameter reports whether each field starts with a parameter, so that blanks stand for ampersands.
func everyParameter(fields []string) bool {
	for _, field := range fields {
		if !hasParameter(strings.TrimLeft(field, "?&"), strings.HasPrefix) {
			return false
		}
	}
	return true
}

// unescape undoes an address bar's escapes. It leaves plus signs alone, because they may be part of a code.
func unescape(text string) string {
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}

func isBlank(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
}

func isWrapping(r rune) bool { return isBlank(r) || strings.ContainsRune("\"'`<>“”‘’«»", r) }
