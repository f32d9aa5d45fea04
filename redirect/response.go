package redirect

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Errors that end a login although its state was right. Nothing of such a response may be used.
var (
	// ErrIssuerMismatch means that the response names another authorization server in iss than the one that was asked,
	// or none where one is required (RFC 9207 §2.4).
	ErrIssuerMismatch = errors.New("redirect: the authorization response is from another issuer")
	// ErrInvalidResponse means that the response has neither a code nor an error (RFC 6749 §4.1.2).
	ErrInvalidResponse = errors.New("redirect: the authorization response has neither a code nor an error")
)

// Sizes in bytes. Codes are about 100 bytes at most providers, 1 to 2 KiB where the server keeps no record of them.
const (
	maxQuery       = 16 << 10
	maxCode        = 4 << 10
	maxErrorCode   = 100
	maxDescription = 500
)

// Response is an authorization response that carries a code (RFC 6749 §4.1.2). It prints as [redacted]; the zero
// Response has no code.
type Response struct {
	// A pointer, because fmt prints unexported fields of an enclosing struct without asking any method.
	code *string
}

// Code returns the authorization code, or "" for the zero Response. It goes to the token endpoint and nowhere else.
func (r Response) Code() string {
	if r.code == nil {
		return ""
	}
	return *r.code
}

// Format implements [fmt.Formatter]; every verb prints [redacted].
func (Response) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[redacted]")) }

// AuthorizationError is an authorization error response (RFC 6749 §4.1.2.1) with the right state and issuer. Its texts
// are the server's words, cut to a sane length and filtered to that section's charset, which is printable ASCII.
type AuthorizationError struct {
	// Code is the error parameter, such as access_denied; never "".
	Code string
	// Description is error_description; "" when there was none. It is for a terminal or a log, not for a [Page].
	Description string
}

// Error returns the code and, where there is one, the description.
func (e *AuthorizationError) Error() string {
	if e.Description == "" {
		return "authorization refused: " + e.Code
	}
	return "authorization refused: " + e.Code + ": " + e.Description
}

// parseResponse judges the query of a request to the redirect URI, or the body of one in mode form_post.
func parseResponse(query string, want Config) (Response, error) {
	if len(query) > maxQuery {
		return Response{}, ErrTooLong
	}
	params, err := url.ParseQuery(query)
	if err != nil {
		return Response{}, ErrMalformed
	}
	return judge(params, want)
}

// judge decides what params are, however they came. The error is a Mistake for what has no effect, ErrIssuerMismatch,
// ErrInvalidResponse or an AuthorizationError for what ends the login, and nil for a code. A parameter without a value
// counts as absent (RFC 6749 §3.1).
func judge(params url.Values, want Config) (Response, error) {
	for _, name := range []string{"state", "iss", "error", "error_description", "code"} {
		if len(params[name]) > 1 {
			return Response{}, ErrMalformed
		}
	}
	code, state := params.Get("code"), params.Get("state")
	switch {
	case len(code) > maxCode:
		return Response{}, ErrMalformed
	case state == "" && code == "" && params.Get("error") == "":
		return Response{}, ErrNoResponse
	case state == "":
		return Response{}, ErrNoState
	case !equal(state, want.State):
		return Response{}, ErrWrongState
	}
	iss := params.Get("iss")
	if iss == "" && want.RequireIssuer || iss != "" && want.Issuer != "" && iss != want.Issuer {
		return Response{}, ErrIssuerMismatch
	}
	if errorCode := printable(params.Get("error"), maxErrorCode); errorCode != "" {
		return Response{}, &AuthorizationError{errorCode, printable(params.Get("error_description"), maxDescription)}
	}
	if code == "" || params.Get("error") != "" {
		return Response{}, ErrInvalidResponse
	}
	return Response{&code}, nil
}

// printable drops what RFC 6749 §4.1.2.1 does not allow in an error or its description, and cuts the rest to limit.
func printable(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, text)
	text = strings.TrimSpace(text)
	if len(text) > limit {
		text = text[:limit-3] + "..."
	}
	return text
}
