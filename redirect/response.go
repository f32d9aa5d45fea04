package redirect

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"oauthd/ipc/api"
)

// ErrIssuerMismatch means that a response with the right state names another authorization server in iss than the one
// that was asked, or none although one is required (RFC 9207 §2.4). It ends the login; nothing of the response may be
// used.
var ErrIssuerMismatch = errors.New("redirect: the authorization response is from another issuer")

// Defect says why an authorization response with the right state cannot be used, as the end of a sentence for the
// person. It ends the login, because the provider will not send another one. It quotes nothing of the response.
type Defect string

// The defects, to be compared with [errors.Is].
const (
	ErrNoCode    Defect = "it has neither a code nor an error"
	ErrRepeated  Defect = "a parameter is in it twice"
	ErrDamaged   Defect = "a part of it cannot be decoded"
	ErrOversized Defect = "it is longer than any response should be"
	ErrOtherMode Defect = "it did not come in the response_mode that was asked for"
)

// Error returns the words for the person.
func (d Defect) Error() string { return string(d) }

// Sizes in bytes. Codes are about 100 bytes at most providers, but several KiB if they are JWTs or the server keeps no
// record of them (AD FS). A query may escape each byte of a code as three.
const (
	maxCode  = 16 << 10
	maxQuery = 64 << 10
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
// are excerpts of the server's words.
type AuthorizationError struct {
	// Code is the error parameter, such as access_denied; never "".
	Code string
	// Description is error_description; "" if there was none. It is for a terminal or a log, not for a [Page].
	Description string
}

// Error returns the code and the description, if there is one.
func (e *AuthorizationError) Error() string {
	if e.Description == "" {
		return "authorization refused: " + e.Code
	}
	return "authorization refused: " + e.Code + ": " + e.Description
}

// parseResponse judges the parameters in a request to the redirect URI. Each parameter is decoded by itself, so that a
// damaged one does not hide the state.
func parseResponse(encoded string, want Config) (Response, error) {
	params, damage := parseParameters(encoded)
	response, err := judge(params, want)
	switch {
	case err != nil && !errors.Is(err, ErrNoCode):
		return Response{}, err
	case len(encoded) > maxQuery:
		return Response{}, ErrOversized
	case damage != nil:
		return Response{}, ErrDamaged
	}
	return response, err
}

// parseParameters decodes application/x-www-form-urlencoded. Unlike [url.ParseQuery], it takes a semicolon for an
// ordinary character, as browsers and providers do (URL Standard §5.1). If a part is damaged, it returns an error and
// the others.
func parseParameters(encoded string) (url.Values, error) {
	return url.ParseQuery(strings.ReplaceAll(encoded, ";", "%3B"))
}

// judge decides what params are, no matter how they came. The error is a Mistake for what has no effect;
// ErrIssuerMismatch, a Defect or an AuthorizationError for what ends the login; and nil for a code. A parameter without
// a value counts as absent (RFC 6749 §3.1).
func judge(params url.Values, want Config) (Response, error) {
	code, errorCode, iss := params.Get("code"), params.Get("error"), params.Get("iss")
	switch {
	case params.Get("state") == "" && code == "" && errorCode == "":
		return Response{}, ErrNoResponse
	case params.Get("state") == "":
		return Response{}, ErrNoState
	case !equal(params.Get("state"), want.State):
		return Response{}, ErrWrongState
	}
	for _, name := range []string{"state", "iss", "error", "error_description", "code"} {
		if len(params[name]) > 1 {
			return Response{}, ErrRepeated
		}
	}
	switch {
	case iss == "" && want.RequireIssuer, iss != "" && want.Issuer != "" && iss != want.Issuer:
		return Response{}, ErrIssuerMismatch
	case errorCode != "":
		return refusal(errorCode, params.Get("error_description"))
	case code == "":
		return Response{}, ErrNoCode
	case len(code) > maxCode:
		return Response{}, ErrOversized
	}
	return Response{&code}, nil
}

func refusal(code, description string) (Response, error) {
	if code = api.Excerpt(code); code == "" {
		return Response{}, ErrDamaged
	}
	return Response{}, &AuthorizationError{code, api.Excerpt(description)}
}
